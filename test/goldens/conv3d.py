"""nn.Conv3d: values and gradients over its options, padding of six sides by F.pad."""
import torch
import torch.nn.functional as F
from torch import nn

from common import write

torch.manual_seed(31)
cases = []


def run(shape, out, kernel, sides=None, **options):
    layer = nn.Conv3d(shape[1], out, kernel, **options)
    x = torch.randn(shape, requires_grad=True)
    if sides:
        front, back, top, bottom, left, right = sides
        y = layer(F.pad(x, (left, right, top, bottom, front, back)))
    else:
        y = layer(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    case = {
        "out": out, "kernel": kernel, "options": dict(options), "x": x,
        "weight": layer.weight, "bias": layer.bias, "y": y, "dy": dy, "dx": x.grad,
        "dWeight": layer.weight.grad,
        "dBias": layer.bias.grad if layer.bias is not None else None,
    }
    if sides:
        case["options"]["padding"] = list(sides)
    cases.append(case)


run((2, 3, 5, 6, 7), 4, 3)
run((2, 2, 4, 5, 5), 3, 3, padding=1, bias=False)
run((1, 2, 5, 4, 6), 3, (2, 3, 4), padding="same")
run((1, 2, 6, 7, 5), 2, 3, padding="same", dilation=(2, 1, 2))
run((2, 2, 7, 8, 9), 3, (3, 2, 5), stride=(2, 3, 1), padding=(1, 0, 2), dilation=(1, 2, 1))
run((1, 3, 9, 4, 4), 2, 2, stride=(4, 1, 1))
run((1, 4, 5, 6, 6), 6, 3, groups=2, padding=1, stride=2)
run((1, 3, 4, 5, 5), 6, 3, groups=3, padding=(2, 1, 1))
run((2, 5, 3, 4, 5), 7, 1)
run((2, 3, 6, 3, 5), 4, (3, 1, 1), padding=(1, 0, 0), stride=(2, 1, 1))
run((2, 3, 4, 6, 5), 4, (1, 3, 3), padding=(0, 1, 1))
run((1, 2, 4, 5, 6), 3, 3, sides=(0, 2, 1, 0, 3, 1))
run((1, 1, 2, 2, 2), 2, 3, padding=4, stride=3)
run((1, 16, 3, 5, 6), 16, 3, padding=1)

write(__file__, cases)
