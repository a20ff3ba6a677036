"""Twin of gru.js: a gated recurrent unit that hears which form a noisy wave has.

    python3 examples/papers/gru.py --epochs 10
"""
import torch
import torch.nn.functional as F
from data import waves
from run import program
from torch import nn


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.head(states[:, -1])


def train(options):
    signals, forms = waves(options.signals, 1)
    test, answers = waves(1000, 2)
    model = Listener()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    total = options.epochs * -(-len(signals) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=total)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(signals)).split(options.batch):
            loss = F.cross_entropy(model(signals[rows]), forms[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return {"accuracy": (model(test).argmax(1) == answers).float().mean().item()}


train = program(__name__, train, epochs=10, signals=4000, batch=50, lr=1e-2)
