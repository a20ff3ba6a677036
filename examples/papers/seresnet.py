"""Twin of seresnet.js: a residual network whose blocks weigh their channels, on images of clothing.

    python3 examples/papers/seresnet.py --epochs 2
"""
import torch
import torch.nn.functional as F
from data import clothing
from run import program
from torch import nn


def convolution(inputs, width, kernel, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width),
    )


class SqueezeExcite(nn.Module):
    """Squeeze: the mean of each channel. Excite: two layers make of the means a gate for each channel."""

    def __init__(self, width, reduction=4):
        super().__init__()
        self.down = nn.Conv2d(width, width // reduction, 1)
        self.up = nn.Conv2d(width // reduction, width, 1)

    def forward(self, x):
        means = x.mean((2, 3), keepdim=True)  # [N, C, 1, 1]
        return x * torch.sigmoid(self.up(F.relu(self.down(means))))


class Block(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.first = convolution(inputs, width, 3, stride)
        self.second = convolution(width, width, 3, 1)
        self.excite = SqueezeExcite(width)
        self.shortcut = nn.Identity() if inputs == width else convolution(inputs, width, 1, stride)

    def forward(self, x):
        y = self.second(F.relu(self.first(x)))
        return F.relu(self.excite(y) + self.shortcut(x))


def network():
    return nn.Sequential(
        convolution(1, 16, 3, 2),
        nn.ReLU(),
        Block(16, 16, 1),
        Block(16, 32, 2),
        Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def train(options):
    images, classes = clothing("train", options.images)
    test, answers = clothing("t10k", 2000)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9, weight_decay=5e-4)
    total = options.epochs * -(-len(images) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=total)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(options.batch):
            loss = F.cross_entropy(model(images[rows]), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        return {"accuracy": (model(test).argmax(1) == answers).float().mean().item()}


train = program(__name__, train, epochs=2, images=10_000, batch=50, lr=0.1)
