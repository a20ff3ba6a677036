"""PyTorch's side of bench/step.ts: reads 'mlp|cnn STEPS' lines, answers with ms a step, one thread."""
import pathlib
import sys
import time

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test/goldens"))
import networks

torch.set_num_threads(1)
torch.manual_seed(1)
# The same batch over and over is learnt by heart: moments would become denormals, slow on this side alone.
torch.set_flush_denormal(True)


def work(model, shape):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = torch.rand(shape), torch.arange(100) % 10

    def step():
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


works = {
    "mlp": work(networks.mlp([784, 200, 100, 60, 30, 10]), (100, 784)),
    "cnn": work(networks.cnn(), (100, 1, 28, 28)),
}
for line in sys.stdin:
    name, steps = line.split()
    began = time.perf_counter()
    for _ in range(int(steps)):
        works[name]()
    print((time.perf_counter() - began) / int(steps) * 1000, flush=True)
