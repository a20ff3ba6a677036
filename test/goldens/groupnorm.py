"""Group norm and instance norm as PyTorch computes them; and ONNX's own test cases of instance norm."""
import torch
from torch import nn

import onnxnode
from common import write

torch.manual_seed(13)
INSTANCE = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}


def run(layer, shape, mean):
    x = (torch.randn(shape) * 2 + mean).requires_grad_()
    dy = torch.randn(shape)
    y = layer(x)
    layer.zero_grad()
    y.backward(dy)
    affine = layer.affine
    return {
        "mode": "train" if layer.training else "eval", "x": x, "dy": dy, "y": y, "dx": x.grad,
        "dWeight": layer.weight.grad.clone() if affine else None,
        "dBias": layer.bias.grad.clone() if affine else None,
    }


def randomize(layer):
    if layer.affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    clone = lambda tensor: tensor.detach().clone() if tensor is not None else None
    return {"eps": layer.eps, "weight": clone(layer.weight), "bias": clone(layer.bias)}


def group(name, shape, groups, affine=True, eps=1e-5, mean=0.0):
    layer = nn.GroupNorm(groups, shape[1], eps=eps, affine=affine)
    return {"name": name, "kind": "group", "groups": groups, **randomize(layer), "steps": [run(layer, shape, mean)]}


def instance(name, shape, affine=False, track=False, momentum=0.1, eps=1e-5, mean=0.0, steps=1):
    layer = INSTANCE[len(shape)](shape[1], eps=eps, momentum=momentum, affine=affine, track_running_stats=track)
    result = {"name": name, "kind": "instance", "momentum": momentum, "track": track, **randomize(layer), "steps": []}
    for mode in ["train"] * steps + ["eval"]:
        layer.train(mode == "train")
        step = run(layer, shape, mean)
        if track:
            step["runningMean"], step["runningVar"] = layer.running_mean.clone(), layer.running_var.clone()
            step["batches"] = int(layer.num_batches_tracked)
        result["steps"].append(step)
    return result


def onnx(name):
    (x, weight, bias), (y,) = onnxnode.node(name)
    return {
        "name": f"ONNX {name}", "kind": "instance", "momentum": 0.1, "track": False, "weight": weight,
        "bias": bias, "eps": 1e-2 if "epsilon" in name else 1e-5, "steps": [{"mode": "eval", "x": x, "y": y}],
    }


write(__file__, [
    group("group norm [3, 6, 4, 5], 3 groups", (3, 6, 4, 5), 3),
    group("group norm [2, 8, 7], 1 group, no affine", (2, 8, 7), 1, affine=False, mean=3),
    group("group norm [5, 12], 4 groups", (5, 12), 4),
    group("group norm [2, 6, 1, 1], 2 groups, eps 1e-2", (2, 6, 1, 1), 2, eps=1e-2),
    group("group norm [2, 4, 2, 3, 3], as many groups as channels", (2, 4, 2, 3, 3), 4),
    instance("instance norm [3, 5, 9]", (3, 5, 9)),
    instance("instance norm [2, 3, 4, 5], affine", (2, 3, 4, 5), affine=True, mean=3),
    instance("instance norm [2, 3, 2, 3, 3], affine, eps 1e-3", (2, 3, 2, 3, 3), affine=True, eps=1e-3),
    instance("instance norm [3, 4, 6], affine, tracking", (3, 4, 6), affine=True, track=True, mean=2, steps=2),
    instance("instance norm [2, 5, 3, 3], tracking, momentum 0.7", (2, 5, 3, 3), track=True, momentum=0.7, steps=2),
    *map(onnx, onnxnode.names("test_instancenorm")),
])
