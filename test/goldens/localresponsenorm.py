"""Local response norm as PyTorch computes it; and ONNX's own test cases."""
import torch
from torch import nn

import onnxnode
from common import write

torch.manual_seed(15)


def case(name, shape, size, scale=1.0, **options):
    x = (torch.randn(shape) * scale).requires_grad_()
    dy = torch.randn(shape)
    y = nn.LocalResponseNorm(size, **options)(x)
    y.backward(dy)
    return {"name": name, "size": size, "options": options, "x": x, "dy": dy, "y": y, "dx": x.grad}


def onnx(name, options):
    (x,), (y,) = onnxnode.node(name)
    return {"name": f"ONNX {name}", "size": 3, "options": options, "x": x, "y": y}


write(__file__, [
    case("[2, 7, 3, 5], size 5", (2, 7, 3, 5), 5, scale=30.0),
    case("[2, 6, 9], size 4, an even one", (2, 6, 9), 4, alpha=0.5, beta=0.6, k=2.0),
    case("[1, 2, 4], wider than the channels", (1, 2, 4), 7, alpha=1.0),
    case("[3, 5, 1, 1, 2], size 1", (3, 5, 1, 1, 2), 1, alpha=0.3),
    onnx("test_lrn", {"alpha": 0.0002, "beta": 0.5, "k": 2.0}),
    onnx("test_lrn_default", {}),
])
