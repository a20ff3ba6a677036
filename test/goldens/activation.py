"""Activations and their gradients by PyTorch, float32."""
import zlib

import torch
import torch.nn.functional as F

from common import write

EDGES = [0.0, -0.0, 6.0, 5.9999995, 6.0000005, -1e-6, 1e-6, 20.0, -20.0, 90.0, -90.0, 1e4, -1e4]


# The kinks of single activations. PyTorch 1.13 has another gradient at Hardswish's than is documented today.
KINKS = {"hardtanh": [-1.0, 1.0, 2.5], "hardsigmoid": [3.0, -3.0, 2.9999998, -3.0000002],
         "leakyReluThreshold": [1.5, 1.4999999, 1.5000001]}


def case(name, f, x=None, **parameters):
    # A seed of its own, so that a new activation does not change the numbers of the others.
    torch.manual_seed(zlib.crc32(name.encode()))
    x = torch.cat([torch.tensor(EDGES + KINKS.get(name, [])), torch.randn(120) * 3]) if x is None else x
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
    "hardsigmoid": F.hardsigmoid,
    "mish": F.mish,
    "softsign": F.softsign,
    "selu": F.selu,
    "softplus": F.softplus,
}
cases = [case(name, f) for name, f in PLAIN.items()]
for slope in (0.01, 0.3):
    cases.append(case("leakyRelu", lambda x: F.leaky_relu(x, slope), parameter=slope))
for alpha in (1.0, 0.5):
    cases.append(case("elu", lambda x: F.elu(x, alpha), parameter=alpha))
for low, high in ((-1.0, 1.0), (-1.0, 2.5), (-100.0, 1.0)):
    cases.append(case("hardtanh", lambda x: F.hardtanh(x, low, high), low=low, high=high))
for beta, threshold in ((2.5, 4.0), (0.5, 20.0)):
    cases.append(case("softplus", lambda x: F.softplus(x, beta, threshold), beta=beta, threshold=threshold))
# PyTorch has no threshold: Keras's documented equation.
cases.append(case("leakyReluThreshold", lambda x: torch.where(x > 1.5, x, 0.2 * (x - 1.5)), slope=0.2, threshold=1.5))
for shape, dim in (((3, 8), -1), ((2, 6, 5), 1), ((2, 2, 3, 4), 2 - 2)):
    cases.append(case("glu", lambda x: F.glu(x, dim), torch.randn(shape), dim=dim))
cases += [prelu((3, 5), 5), prelu((2, 3, 7), 3), prelu((2, 4, 2, 3), 1)]
special = {"leakyRelu": F.leaky_relu, "elu": F.elu, **PLAIN}
del special["softsign"]  # PyTorch composes it: at infinity its gradient is ∞/∞, where the slope is 0
for name, f in special.items():
    found = case(name, f, SPECIAL.clone(), special=True)
    # Four lanes, so that vectorised and scalar PyTorch cannot differ.
    cases.append(found)
write(__file__, cases)
