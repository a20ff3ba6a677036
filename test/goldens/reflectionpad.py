"""ReflectionPad2d as PyTorch computes it."""
import torch
from torch import nn

from common import write

torch.manual_seed(35)


def case(shape, padding):
    x = torch.randn(shape, requires_grad=True)
    y = nn.ReflectionPad2d(padding)(x)
    dy = torch.randn(y.shape)
    y.backward(dy)
    return {"name": f"{list(shape)}, {padding}", "padding": padding, "x": x, "y": y, "dy": dy, "dx": x.grad}


write(__file__, [case((2, 3, 4, 5), 2), case((1, 2, 3, 6), (5, 1, 0, 2))])
