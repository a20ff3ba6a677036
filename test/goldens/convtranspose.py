"""nn.ConvTranspose2d and nn.ConvTranspose1d: values and gradients over its options, four-sided padding by cropping."""
import torch
from torch import nn

from common import write

torch.manual_seed(13)
cases = []


def run(shape, out, kernel, sides=None, **options):
    kind = nn.ConvTranspose2d if len(shape) == 4 else nn.ConvTranspose1d
    layer = kind(shape[1], out, kernel, **options)
    x = torch.randn(shape, requires_grad=True)
    y = layer(x)
    if sides:
        top, bottom, left, right = sides
        y = y[:, :, top:y.shape[2] - bottom, left:y.shape[3] - right].contiguous()
    dy = torch.randn_like(y)
    y.backward(dy)
    names = {"output_padding": "outputPadding"}
    case = {
        "out": out, "kernel": kernel, "options": {names.get(k, k): v for k, v in options.items()},
        "keys": list(layer.state_dict()), "x": x, "weight": layer.weight, "bias": layer.bias,
        "y": y, "dy": dy, "dx": x.grad, "dWeight": layer.weight.grad,
        "dBias": layer.bias.grad if layer.bias is not None else None,
    }
    if sides:
        case["options"]["padding"] = list(sides)
    cases.append(case)


run((2, 3, 5, 6), 4, 3)
run((2, 3, 5, 6), 4, 3, padding=1, bias=False)
run((2, 4, 7, 7), 3, 4, stride=2, padding=1)
run((1, 5, 4, 3), 6, 3, stride=2, padding=1, output_padding=1)
run((2, 2, 3, 4), 3, 2, stride=3, output_padding=(2, 1))
run((1, 2, 4, 5), 3, (2, 5), stride=(3, 2), padding=(1, 4), dilation=(2, 1), output_padding=(0, 1))
run((1, 2, 4, 4), 3, 3, dilation=3, output_padding=2)
run((2, 4, 5, 5), 6, 3, groups=2, stride=2, padding=1)
run((2, 6, 5, 5), 6, 3, groups=6, stride=2, padding=1, output_padding=1)
run((1, 6, 4, 4), 3, 3, groups=3)
run((3, 5, 4, 4), 7, 1)
run((1, 3, 1, 1), 8, 4)
run((1, 2, 7, 8), 2, 3, padding=3)
run((2, 40, 3, 3), 5, 5, stride=2, padding=2, output_padding=1)
run((1, 2, 3, 4), 3, 4, sides=(0, 2, 1, 3), stride=2)
run((2, 3, 9), 4, 3)
run((2, 4, 7), 6, 4, stride=2, padding=1, groups=2)
run((1, 5, 6), 3, 3, stride=3, padding=2, output_padding=1, dilation=2, bias=False)

write(__file__, cases)
