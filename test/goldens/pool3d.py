"""Max and average pooling of volumes, with ties, NaN, infinities and every rounding rule."""
import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(32)
cases = []


def run(op, shape, options, x=None):
    x = torch.randn(shape) if x is None else x
    x = x.clone().requires_grad_()
    y = getattr(F, op)(x, **options)
    y, index = y if isinstance(y, tuple) else (y, None)
    dy = torch.randn_like(y)
    y.backward(dy)
    case = {"op": op, "options": options, "x": x, "y": y, "dy": dy, "dx": x.grad}
    if index is not None:
        case["index"] = index
    cases.append(case)


def maximum(shape, x=None, **options):
    run("max_pool3d", shape, {**options, "return_indices": True}, x)


maximum((2, 3, 4, 6, 8), kernel_size=2)
maximum((1, 2, 5, 7, 9), kernel_size=2, ceil_mode=True)
maximum((2, 2, 7, 6, 7), kernel_size=3, stride=2, padding=1)
maximum((1, 2, 6, 5, 8), kernel_size=3, stride=1, padding=1)
maximum((1, 2, 7, 6, 9), kernel_size=[3, 2, 4], stride=[2, 1, 3], padding=[1, 0, 2], dilation=[1, 2, 1])
maximum((1, 2, 8, 9, 7), kernel_size=[2, 3, 2], stride=2, dilation=[3, 2, 4], ceil_mode=True)
maximum((1, 2, 3, 6, 6), kernel_size=[1, 2, 2])
maximum((1, 2, 6, 3, 5), kernel_size=[3, 1, 1], stride=[1, 1, 1])
maximum((1, 1, 1, 1, 1), kernel_size=1)
ties = torch.randint(0, 3, (2, 2, 6, 6, 6)).float()
maximum(None, ties, kernel_size=2)
maximum(None, ties, kernel_size=3, stride=2, padding=1)
maximum(None, torch.ones(1, 1, 4, 4, 4), kernel_size=3, stride=1, padding=1)
odd = torch.randn(2, 1, 5, 6, 7)
odd[odd > 1.2] = float("nan")
odd[odd < -1] = float("-inf")
maximum(None, odd, kernel_size=2)
maximum(None, odd, kernel_size=3, stride=1, padding=1)
maximum(None, torch.full((1, 1, 4, 4, 4), float("-inf")), kernel_size=2)


def average(shape, **options):
    run("avg_pool3d", shape, options)


for include in (True, False):
    average((2, 2, 4, 6, 8), kernel_size=2, count_include_pad=include)
    average((1, 2, 5, 7, 9), kernel_size=3, stride=2, padding=1, count_include_pad=include)
    average((1, 2, 6, 8, 7), kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=include)
    average((1, 2, 5, 4, 6), kernel_size=3, stride=1, padding=1, count_include_pad=include)
    average((1, 1, 7, 6, 9), kernel_size=[2, 3, 5], stride=[2, 1, 3], padding=[1, 0, 2], ceil_mode=True,
            count_include_pad=include)
average((2, 1, 3, 5, 7), kernel_size=2, ceil_mode=True)
average((2, 2, 3, 4, 6), kernel_size=[1, 2, 2])

write(__file__, cases)
