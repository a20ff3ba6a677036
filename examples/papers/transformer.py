"""Twin of transformer.js: a transformer that predicts the next character.

    python3 examples/papers/transformer.py --norm layer
"""
import torch
import torch.nn.functional as F
from data import ALPHABET, sentences
from run import program
from torch import nn

CONTEXT = 64
WIDTH = 64
HEADS = 4
BLOCKS = 2


class RMSNorm(nn.Module):
    """x / √(mean x² + ε) · weight; nn.RMSNorm from PyTorch 2.4 on."""

    def __init__(self, width, eps=torch.finfo(torch.float32).eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


NORMS = {"layer": nn.LayerNorm, "rms": RMSNorm}


class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.norm1 = NORMS[norm](WIDTH)
        self.norm2 = NORMS[norm](WIDTH)
        self.register_buffer("mask", torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1))

    def forward(self, x):
        y = self.norm1(x)
        y = x + self.attention(y, y, y, attn_mask=self.mask, need_weights=False)[0]
        return y + self.mlp(self.norm2(y))


class Transformer(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.characters = nn.Embedding(len(ALPHABET), WIDTH)
        self.positions = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.02)
        self.head = nn.Linear(WIDTH, len(ALPHABET))
        self.blocks = nn.Sequential(*[Block(norm) for _ in range(BLOCKS)], NORMS[norm](WIDTH))

    def forward(self, codes):
        """[N, T] numbers of characters → [N·T, characters] logits of those that follow."""
        x = self.characters(codes) + self.positions
        return self.head(self.blocks(x)).reshape(-1, len(ALPHABET))


def windows(codes, places):
    """The characters from each of the places on, and those that follow them."""
    rows = places[:, None] + torch.arange(CONTEXT)
    return codes[rows], codes[rows + 1].flatten()


def train(options):
    text, _ = sentences(4000, 1)
    test, least = sentences(200, 2)
    model = Transformer(options.norm)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr)
    for _ in range(options.steps):
        inputs, targets = windows(text, torch.randint(len(text) - CONTEXT, [options.batch]))
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        inputs, targets = windows(test, torch.arange(100) * CONTEXT)
        return {"loss": F.cross_entropy(model(inputs), targets).item(), "least": least}


train = program(__name__, train, norm="layer", steps=400, batch=16, lr=3e-3)
