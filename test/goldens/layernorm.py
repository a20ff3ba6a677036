"""Layer norm as PyTorch computes it, over one and several last axes; and ONNX's own test cases."""
import re

import torch
from torch import nn

import onnxnode
from common import write

torch.manual_seed(11)


def case(name, shape, normalized, affine=True, eps=1e-5, mean=0.0, poison=None):
    layer = nn.LayerNorm(normalized, eps=eps, elementwise_affine=affine)
    if affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    x = torch.randn(shape) * 2 + mean
    if poison is not None:
        x.view(-1)[1] = poison
    x.requires_grad_()
    dy = torch.randn(shape)
    y = layer(x)
    y.backward(dy)
    return {
        "name": name, "normalized": normalized, "eps": eps, "x": x, "dy": dy, "y": y, "dx": x.grad,
        "weight": layer.weight if affine else None, "bias": layer.bias if affine else None,
        "dWeight": layer.weight.grad if affine else None,
        "dBias": layer.bias.grad if affine else None,
    }


def onnx(name):
    (x, weight, bias), (y, *_) = onnxnode.node(name)
    axis = int((re.search(r"axis_?(negative_)?(\d)", name) or [0, "", -1])[2])
    axis = -axis if "negative" in name else axis
    return {
        "name": "ONNX " + name.removeprefix("test_layer_normalization_"), "x": x, "y": y,
        "weight": weight, "bias": bias, "normalized": list(x.shape[axis:]),
        "eps": 0.1 if "epsilon" in name else 1e-5,
    }


write(__file__, [
    case("[7, 5]", (7, 5), [5]),
    case("[3, 4, 33], eps 1e-3", (3, 4, 33), [33], eps=1e-3),
    case("[2, 3, 4, 5] over [4, 5]", (2, 3, 4, 5), [4, 5], mean=3),
    case("[2, 3, 4] over all of a sample, no affine", (2, 3, 4), [3, 4], affine=False),
    case("[300, 6]", (300, 6), [6]),
    case("a row without a batch", (17,), [17]),
    case("a NaN in the first row", (3, 6), [6], poison=float("nan")),
    case("an infinity in the first row", (3, 6), [6], poison=float("inf")),
    *map(onnx, onnxnode.names("test_layer_normalization")),
])
