"""Twin of vae.js: a variational autoencoder on images of clothing.

    python3 examples/papers/vae.py --epochs 5
"""
import torch
import torch.nn.functional as F
from data import clothing
from run import program
from torch import nn


class VAE(nn.Module):
    """Its forward returns the loss, −ELBO: nats an image."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU())
        self.mu = nn.Linear(400, 20)
        self.log_variance = nn.Linear(400, 20)
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        h = self.encoder(x)
        mu = self.mu(h)
        log_variance = self.log_variance(h)
        # z ~ q(z|x) = N(μ, σ²)
        z = mu + torch.exp(log_variance / 2) * torch.randn_like(mu)
        # −log p(x|z): each pixel is a coin
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        # KL(q(z|x) ‖ N(0, 1)) = ½ Σ (μ² + σ² − log σ² − 1)
        spread = mu.square() + log_variance.exp() - log_variance - 1
        return (reconstruction + spread.sum() / 2) / len(x)


def train(options):
    images, _ = clothing("train", options.images, [784])
    test, _ = clothing("t10k", 2000, [784])
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    for _ in range(options.epochs):
        for rows in torch.randperm(len(images)).split(options.batch):
            loss = model(images[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return {"loss": model(test).item()}


train = program(__name__, train, epochs=5, images=10_000, batch=100, lr=1e-3)
