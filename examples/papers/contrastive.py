"""Twin of contrastive.js: contrastive learning with batch norm in the projection head.

    python3 examples/papers/contrastive.py --epochs 4
"""
import torch
import torch.nn.functional as F
from data import clothing
from run import program
from torch import nn

LABELS = 500
TEMPERATURE = 0.5


def convolution(inputs, width):
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


class SimCLR(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            convolution(1, 16),
            convolution(16, 32),
            convolution(32, 64),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(64, 64, bias=False),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Linear(64, 32, bias=False),
            nn.BatchNorm1d(32),
        )

    def forward(self, x):
        """[2N, 1, 28, 28] → [2N, 2N] similarities: logits for the view that shows the same image."""
        y = self.head(self.encoder(x))
        z = y / y.square().sum(1, keepdim=True).sqrt()
        cosines = z @ z.T
        return cosines / TEMPERATURE - 1e9 * torch.eye(len(x))  # no view is to find itself


def look(images):
    """A view of each image: a square part of it, perhaps mirrored, lighter or darker."""
    n, pixels = len(images), torch.arange(28)
    size, top, left, mirror, light = torch.rand(5, n, 1)
    side = 18 + 10 * size
    x = torch.where(mirror < 0.5, pixels, 27 - pixels)
    rows = ((28 - side) * top + side / 28 * pixels).long()[:, :, None]
    columns = ((28 - side) * left + side / 28 * x).long()[:, None, :]
    view = images[torch.arange(n)[:, None, None], 0, rows, columns]
    return ((0.5 + light)[:, :, None] * view)[:, None]


def probe(encoder):
    """The accuracy of a linear classifier on the encoder's features, from few labels."""
    encoder.eval()
    with torch.no_grad():
        (images, classes), (test, answers) = clothing("train", LABELS), clothing("t10k", 2000)
        features, test = encoder(images), encoder(test)
    encoder.train()
    classifier = nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(classifier.parameters(), lr=0.01)
    for _ in range(40):
        for rows in torch.randperm(LABELS).split(100):
            loss = F.cross_entropy(classifier(features[rows]), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    classifier.eval()
    with torch.no_grad():
        return (classifier(test).argmax(1) == answers).float().mean().item()


def train(options):
    images, _ = clothing("train", options.images)
    model = SimCLR()
    untrained = probe(model.encoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    same = torch.arange(2 * options.batch).roll(options.batch)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(options.batch)[: len(images) // options.batch]:
            views = torch.cat([look(images[rows]), look(images[rows])])
            loss = F.cross_entropy(model(views), same)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {"loss": loss.item(), "untrained": untrained, "accuracy": probe(model.encoder)}


train = program(__name__, train, epochs=4, images=5000, batch=100, lr=3e-3)
