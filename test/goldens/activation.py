"""Activations and their gradients by PyTorch, float32."""
import zlib

import torch
import torch.nn.functional as F

from common import write

EDGES = [0.0, -0.0, 6.0, 5.9999995, 6.0000005, -1e-6, 1e-6, 20.0, -20.0, 90.0, -90.0, 1e4, -1e4]


def case(name, f, x=None, **parameters):
    # A seed of its own, so that a new activation does not change the numbers of the others.
    torch.manual_seed(zlib.crc32(name.encode()))
    x = torch.cat([torch.tensor(EDGES), torch.randn(120) * 3]) if x is None else x
    x.requires_grad_()
    y = f(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    return {"name": name, "x": x, "y": y, "dy": dy, "dx": x.grad, **parameters}


def prelu(shape, channels):
    weight = torch.randn(channels, requires_grad=True)
    found = case("prelu", lambda x: F.prelu(x, weight), torch.randn(shape))
    return {**found, "weight": weight, "dweight": weight.grad}


SPECIAL = torch.tensor([float("nan"), float("inf"), float("-inf"), 0.0])
PLAIN = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "hardswish": F.hardswish,
}
cases = [case(name, f) for name, f in PLAIN.items()]
for slope in (0.01, 0.3):
    cases.append(case("leakyRelu", lambda x: F.leaky_relu(x, slope), parameter=slope))
for alpha in (1.0, 0.5):
    cases.append(case("elu", lambda x: F.elu(x, alpha), parameter=alpha))
cases += [prelu((3, 5), 5), prelu((2, 3, 7), 3), prelu((2, 4, 2, 3), 1)]
special = {"leakyRelu": F.leaky_relu, "elu": F.elu, **PLAIN}
for name, f in special.items():
    found = case(name, f, SPECIAL.clone(), special=True)
    # Four lanes, so that vectorised and scalar PyTorch cannot differ.
    cases.append(found)
write(__file__, cases)
