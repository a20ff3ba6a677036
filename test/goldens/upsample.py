"""Nearest and bilinear upsampling, by factor and by size, corners aligned or not."""
import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(6)
cases = []


def run(shape, **options):
    x = torch.randn(shape, requires_grad=True)
    y = F.interpolate(x, **options)
    dy = torch.randn_like(y)
    y.backward(dy)
    cases.append({"options": options, "x": x, "y": y, "dy": dy, "dx": x.grad})


for mode in ("nearest", "bilinear"):
    run((2, 2, 5, 7), scale_factor=2.0, mode=mode)
    run((1, 2, 4, 8), scale_factor=3.0, mode=mode)
    run((1, 2, 5, 6), scale_factor=1.7, mode=mode)
    run((1, 1, 9, 10), scale_factor=0.6, mode=mode)
    run((1, 2, 5, 6), scale_factor=[2.0, 1.5], mode=mode)
    run((2, 1, 6, 5), size=[13, 8], mode=mode)
    run((2, 1, 6, 9), size=[4, 9], mode=mode)
    run((1, 1, 1, 1), size=[3, 5], mode=mode)
run((2, 2, 5, 7), scale_factor=2.0, mode="bilinear", align_corners=True)
run((2, 1, 6, 5), size=[13, 8], mode="bilinear", align_corners=True)
run((1, 1, 6, 5), size=[1, 9], mode="bilinear", align_corners=True)
run((2, 2, 9), scale_factor=2.0, mode="nearest")
run((2, 2, 9), size=[14], mode="linear")
run((2, 2, 9), scale_factor=2.0, mode="linear", align_corners=True)
# Factors that leave an axis as it is. 'nearest' has one channel: PyTorch's vectorised forward of several
# reads other inputs than its own gradient writes.
run((2, 3, 5), scale_factor=1.1, mode="linear")
run((1, 2, 4, 6), scale_factor=[1.2, 2.0], mode="bilinear")
run((1, 2, 4, 6), scale_factor=[1.2, 1.1], mode="bilinear", align_corners=True)
run((1, 1, 4, 6), scale_factor=[1.2, 1.1], mode="nearest")
run((1, 1, 4, 6), scale_factor=[1.1, 2.1], mode="nearest")
run((1, 1, 4, 6), scale_factor=[2.05, 0.7], mode="nearest")

write(__file__, cases)
