"""nn.Linear: values, gradients and the bounds of its first weights."""
import torch
from torch import nn

from common import write

torch.manual_seed(11)
cases = []
for shape, out, bias in [
    ((1, 1), 1, True),
    ((3, 5), 4, True),
    ((7, 16), 9, False),
    ((17, 33), 15, True),
    ((2, 3, 6), 5, True),
    ((4,), 3, True),
    ((20, 300), 10, True),
]:
    layer = nn.Linear(shape[-1], out, bias=bias)
    x = torch.randn(shape, requires_grad=True)
    y = layer(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    cases.append({
        "x": x, "weight": layer.weight, "bias": layer.bias, "y": y, "dy": dy, "dx": x.grad,
        "dWeight": layer.weight.grad, "dBias": layer.bias.grad if bias else None,
    })

write(__file__, cases)
