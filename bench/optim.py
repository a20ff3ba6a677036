"""PyTorch's optimizer steps over a million numbers on one thread: what bench/optim.ts stands beside."""
import statistics
import time

import torch

torch.set_num_threads(1)
N = 1 << 20


def measure(make):
    weight = torch.nn.Parameter(torch.randn(N))
    weight.grad = torch.randn(N)
    optimizer = make([weight])
    for _ in range(5):
        optimizer.step()
    times = []
    for _ in range(25):
        start = time.perf_counter()
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e9 / N)
    return statistics.median(times)


for name, make in {
    "SGD": lambda p: torch.optim.SGD(p, lr=1e-3),
    "SGD, momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p),
    "AdamW, amsgrad": lambda p: torch.optim.AdamW(p, amsgrad=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p),
}.items():
    print(f"{name:20}{measure(make):.3f} ns")
x = torch.randn(N)
for name, run in {
    "dropout": lambda: torch.nn.functional.dropout(x, 0.5),
    "uniform": lambda: x.uniform_(),
    "normal": lambda: x.normal_(),
}.items():
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e9 / N)
    print(f"{name:20}{statistics.median(times):.3f} ns")
