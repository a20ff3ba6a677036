"""Max, average and adaptive average pooling, with ties, NaN, infinities and every rounding rule."""
import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(5)
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
    run("max_pool2d", shape, {**options, "return_indices": True}, x)


maximum((2, 3, 8, 8), kernel_size=2)
maximum((1, 2, 9, 11), kernel_size=2)
maximum((1, 2, 9, 11), kernel_size=2, ceil_mode=True)
maximum((2, 2, 7, 7), kernel_size=3, stride=2, padding=1)
maximum((2, 2, 14, 15), kernel_size=3, stride=2, padding=1, ceil_mode=True)
maximum((1, 2, 12, 10), kernel_size=3, stride=1, padding=1)
maximum((1, 2, 13, 17), kernel_size=[3, 2], stride=[1, 3], padding=[1, 0], dilation=[2, 3])
maximum((1, 1, 1, 1), kernel_size=1)
maximum((1, 1, 5, 23), kernel_size=[5, 4], stride=[5, 4])
ties = torch.randint(0, 3, (2, 2, 12, 12)).float()
maximum(None, ties, kernel_size=2)
maximum(None, ties, kernel_size=3, stride=2, padding=1)
odd = torch.randn(2, 1, 10, 12)
odd[odd > 1.2] = float("nan")
odd[odd < -1] = float("-inf")
maximum(None, odd, kernel_size=2)
maximum(None, odd, kernel_size=3, stride=1, padding=1)
maximum(None, torch.full((1, 1, 8, 8), float("-inf")), kernel_size=2)


def average(shape, **options):
    run("avg_pool2d", shape, options)


for include in (True, False):
    average((2, 2, 8, 8), kernel_size=2, count_include_pad=include)
    average((1, 2, 9, 13), kernel_size=3, stride=2, padding=1, count_include_pad=include)
    average((1, 2, 9, 13), kernel_size=3, stride=2, padding=1, ceil_mode=True,
            count_include_pad=include)
    average((1, 2, 10, 14), kernel_size=3, stride=1, padding=1, count_include_pad=include)
    average((1, 1, 10, 15), kernel_size=[2, 5], stride=[2, 3], padding=[0, 2], ceil_mode=True,
            count_include_pad=include)
average((2, 1, 9, 11), kernel_size=2, ceil_mode=True)

for size, out in (((7, 7), 1), ((8, 12), [2, 3]), ((7, 10), [3, 4]), ((3, 5), [7, 9]),
                  ((13, 13), [1, 6])):
    run("adaptive_avg_pool2d", (2, 2) + size, {"output_size": out})

for size, out in (((7, 7), 1), ((8, 12), [2, 3]), ((7, 10), [3, 4]), ((3, 5), [7, 9]), ((4, 9), [2, 1])):
    run("adaptive_max_pool2d", (2, 2) + size, {"output_size": out, "return_indices": True})
for x in (ties, odd):
    for out in (1, 5):
        run("adaptive_max_pool2d", None, {"output_size": out, "return_indices": True}, x)

write(__file__, cases)
