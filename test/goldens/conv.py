"""nn.Conv1d and nn.Conv2d: values and gradients over their options, four-sided padding by F.pad."""
import torch
import torch.nn.functional as F
from torch import nn

from common import write

torch.manual_seed(12)
cases = []


def run(kind, shape, out, kernel, sides=None, **options):
    layer = getattr(nn, kind)(shape[1], out, kernel, **options)
    x = torch.randn(shape, requires_grad=True)
    if sides:
        top, bottom, left, right = sides
        y = layer(F.pad(x, (left, right, top, bottom)))
    else:
        y = layer(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    case = {
        "kind": kind, "out": out, "kernel": kernel, "options": dict(options), "x": x,
        "weight": layer.weight, "bias": layer.bias, "y": y, "dy": dy, "dx": x.grad,
        "dWeight": layer.weight.grad,
        "dBias": layer.bias.grad if layer.bias is not None else None,
    }
    if sides:
        case["options"]["padding"] = list(sides)
    cases.append(case)


run("Conv2d", (2, 3, 7, 8), 4, 3)
run("Conv2d", (2, 3, 7, 8), 4, 3, padding=1, bias=False)
run("Conv2d", (2, 1, 12, 12), 6, 6, padding="same", bias=False)
run("Conv2d", (1, 2, 9, 7), 3, 4, padding="same", dilation=2)
run("Conv2d", (2, 4, 11, 11), 6, 5, stride=2, padding=2, bias=False)
run("Conv2d", (2, 6, 8, 8), 5, 4, stride=2, padding=1)
run("Conv2d", (1, 2, 10, 13), 3, (2, 5), stride=(3, 2), padding=(1, 4), dilation=(2, 1))
run("Conv2d", (2, 4, 6, 6), 6, 3, groups=2, padding=1)
run("Conv2d", (2, 6, 9, 9), 6, 3, groups=6, padding=1, stride=2)
run("Conv2d", (1, 3, 5, 6), 6, 3, groups=3)
run("Conv2d", (3, 5, 4, 4), 7, 1)
run("Conv2d", (1, 40, 4, 5), 3, 3, padding=1)
run("Conv2d", (1, 2, 6, 7), 3, 3, sides=(0, 2, 1, 3))
run("Conv2d", (1, 1, 3, 3), 2, 3, padding=4, stride=3)
run("Conv1d", (2, 3, 17), 4, 5)
run("Conv1d", (2, 4, 16), 6, 3, stride=2, padding=1, dilation=2, groups=2)
run("Conv1d", (1, 2, 9), 3, 4, padding="same")

write(__file__, cases)
