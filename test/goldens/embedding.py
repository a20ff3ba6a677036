"""Embedding tables as PyTorch looks them up: repeated indices, and a row of padding without a gradient."""
import torch
from torch import nn

from common import write

torch.manual_seed(32)


def case(name, rows, width, indices, padding=None):
    layer = nn.Embedding(rows, width, padding_idx=padding)
    x = torch.tensor(indices)
    y = layer(x)
    dy = torch.randn(y.shape)
    y.backward(dy)
    return {
        "name": name, "rows": rows, "width": width, "padding": padding, "x": x.to(torch.int32), "y": y, "dy": dy,
        "weight": layer.weight, "dWeight": layer.weight.grad,
    }


write(__file__, [
    case("[2, 3] of 5, one repeated", 5, 7, [[0, 4, 1], [1, 1, 3]]),
    case("[6] of 9", 9, 16, [8, 0, 3, 3, 3, 8]),
    case("padding 0", 4, 5, [[0, 1], [0, 2]], 0),
    case("padding -1", 4, 3, [3, 1, 2, 3], -1),
])
