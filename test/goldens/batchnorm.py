"""Batch norm as PyTorch computes it: training and evaluation, with and without a ReLU behind it."""
import torch
from torch import nn

from common import write

torch.manual_seed(7)
LAYERS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def case(name, shape, relu=False, affine=True, momentum=0.1, eps=1e-5, mean=0.0, poison=None, steps=1):
    c = shape[1]
    layer = LAYERS[len(shape)](c, eps=eps, momentum=momentum, affine=affine)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    if affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    result = {
        "name": name,
        "relu": relu,
        "momentum": momentum,
        "eps": eps,
        "weight": layer.weight.clone() if affine else None,
        "bias": layer.bias.clone() if affine else None,
        "runningMean": layer.running_mean.clone(),
        "runningVar": layer.running_var.clone(),
        "steps": [],
    }
    for mode in ["train"] * steps + ["eval"]:
        layer.train(mode == "train")
        x = torch.randn(shape) * 2 + mean
        if poison is not None:
            x[0, 1].view(-1)[0] = poison
        x.requires_grad_()
        dy = torch.randn(shape)
        y = layer(x)
        if relu:
            y = torch.relu(y)
        layer.zero_grad()
        y.backward(dy)
        result["steps"].append({
            "mode": mode, "x": x, "dy": dy, "y": y, "dx": x.grad,
            "dWeight": layer.weight.grad.clone() if affine else None,
            "dBias": layer.bias.grad.clone() if affine else None,
            "runningMean": layer.running_mean.clone(),
            "runningVar": layer.running_var.clone(),
            "batches": int(layer.num_batches_tracked),
        })
    return result


write(__file__, [
    case("[7, 5]", (7, 5)),
    case("[2, 17], ReLU", (2, 17), relu=True),
    case("[300, 3], no affine", (300, 3), affine=False),
    case("[4, 3, 9], ReLU, momentum 0.7, eps 1e-3", (4, 3, 9), relu=True, momentum=0.7, eps=1e-3),
    case("[3, 6, 5, 5], cumulative", (3, 6, 5, 5), momentum=None, steps=3),
    case("[2, 16, 8, 8], ReLU", (2, 16, 8, 8), relu=True, mean=3),
    case("[2, 3, 2, 3, 5]", (2, 3, 2, 3, 5), steps=2),
    case("a NaN in channel 1, ReLU", (5, 4, 6), relu=True, poison=float("nan")),
    case("an infinity in channel 1", (5, 4, 6), poison=float("inf")),
])
