"""Twin of dcgan.js: a deep convolutional GAN that draws clothing.

    python3 examples/papers/dcgan.py --epochs 4
"""
import torch
import torch.nn.functional as F
from data import clothing, energy
from run import program
from torch import nn

NOISE = 32


def make_generator():
    return nn.Sequential(
        nn.ConvTranspose2d(NOISE, 32, 7, bias=False),  # 7 × 7
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1, bias=False),  # 14 × 14
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1, bias=False),  # 28 × 28
        nn.Sigmoid(),
    )


def make_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 7),
    )


def init(layer):
    """As in the paper."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def train(options):
    images, _ = clothing("train", options.images)
    generator = make_generator().apply(init)
    discriminator = make_discriminator().apply(init)
    betas = (0.5, 0.999)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=options.lr, betas=betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=options.lr, betas=betas)
    loss = F.binary_cross_entropy_with_logits
    real, fake = torch.ones(options.batch, 1, 1, 1), torch.zeros(options.batch, 1, 1, 1)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(options.batch)[: len(images) // options.batch]:
            # The discriminator: real images are 1, drawn ones 0.
            optimizer_d.zero_grad()
            loss(discriminator(images[rows]), real).backward()
            drawn = generator(torch.randn(options.batch, NOISE, 1, 1))
            loss(discriminator(drawn.detach()), fake).backward()
            optimizer_d.step()
            # The generator: its images are to be taken for real.
            optimizer_g.zero_grad()
            loss(discriminator(drawn), real).backward()
            optimizer_g.step()
    generator.eval()
    with torch.no_grad():
        drawn = generator(torch.randn(1000, NOISE, 1, 1)).reshape(1000, 784)
        return {"energy": energy(drawn, clothing("t10k", 1000, [784])[0])}


train = program(__name__, train, epochs=4, images=5000, batch=50, lr=2e-3)
