"""Twin of unet.js: a U-Net that finds the silhouette of a piece of clothing in noise as strong as the picture.

    python3 examples/papers/unet.py --epochs 2
"""
import torch
import torch.nn.functional as F
from data import clothing
from run import program
from torch import nn


def double(inputs, width):
    """Two convolutions with batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = double(1, 16)
        self.down2 = double(16, 32)
        self.bottom = double(32, 64)
        self.up2 = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.join2 = double(64, 32)
        self.up1 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.join1 = double(32, 16)
        self.head = nn.Conv2d(16, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        """[N, 1, 28, 28] → the log odds of each pixel to belong to the silhouette"""
        a = self.down1(x)  # 28 × 28
        b = self.down2(self.pool(a))  # 14 × 14
        c = self.bottom(self.pool(b))  # 7 × 7
        d = self.join2(torch.cat([self.up2(c), b], 1))
        e = self.join1(torch.cat([self.up1(d), a], 1))
        return self.head(e)


def silhouettes(part, count):
    """Pictures with noise, and where their clothing is."""
    images, _ = clothing(part, count)
    return images + 0.5 * torch.randn_like(images), (images > 0.1).float()


def overlap(logits, mask):
    """Intersection over union of the pixels that are positive in one and in the other."""
    found, there = logits > 0, mask > 0
    return ((found & there).sum() / (found | there).sum()).item()


def train(options):
    images, masks = silhouettes("train", options.images)
    test, answers = silhouettes("t10k", 500)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(options.batch):
            loss = F.binary_cross_entropy_with_logits(model(images[rows]), masks[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return {"overlap": overlap(model(test), answers)}


train = program(__name__, train, epochs=2, images=1000, batch=20, lr=3e-3)
