"""PixelShuffle as PyTorch computes it."""
import torch
from torch import nn

from common import write

torch.manual_seed(34)


def case(shape, r):
    x = torch.randn(shape, requires_grad=True)
    y = nn.PixelShuffle(r)(x)
    dy = torch.randn(y.shape)
    y.backward(dy)
    return {"name": f"{list(shape)}, {r}", "r": r, "x": x, "y": y, "dy": dy, "dx": x.grad}


write(__file__, [case((2, 12, 3, 5), 2), case((1, 9, 2, 2), 3)])
