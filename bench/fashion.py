"""PyTorch's side of bench/fashion.ts: final test accuracy on the full Fashion-MNIST.

    /usr/bin/python3 bench/fashion.py mlp|cnn [--epochs 10] [--seeds 3] [--data DIR]
"""
import argparse
import pathlib
import sys
import time

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test/goldens"))
import networks

parser = argparse.ArgumentParser()
parser.add_argument("model", choices=["mlp", "cnn"])
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--lr", type=float, default=0.004)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
options = parser.parse_args()
torch.set_num_threads(options.threads)

flat = options.model == "mlp"
shape = (-1, 784) if flat else (-1, 1, 28, 28)
train, labels = networks.images(options.data, "train")
test, answers = networks.images(options.data, "t10k")
train, test = train.reshape(shape), test.reshape(shape)
finals = []
for seed in range(1, options.seeds + 1):
    torch.manual_seed(seed)
    model = networks.mlp([784, 200, 100, 60, 30, 10]) if flat else networks.cnn()
    optimizer = torch.optim.Adam(model.parameters())
    steps = options.epochs * len(train) // 100
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=steps)
    began = time.time()
    for epoch in range(1, options.epochs + 1):
        model.train()
        for rows in torch.randperm(len(train)).split(100):
            loss = nn.functional.cross_entropy(model(train[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(test.split(500), answers.split(500)))
        print(f"{options.model} seed {seed} epoch {epoch} {right / 100:.2f} % {time.time() - began:.0f} s", flush=True)
    finals.append(right / 100)
print(f"{options.model} PyTorch mean of {len(finals)} final epochs {sum(finals) / len(finals):.2f} %")
