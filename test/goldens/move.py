"""Multiply with broadcasting, constant padding and permuted axes by PyTorch, float32."""
import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(31)
cases = []


def case(op, shapes, f, **parameters):
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    y = f(*inputs)
    dy = torch.randn_like(y)
    y.backward(dy)
    if len(inputs) == 1:
        found = {"x": inputs[0], "dx": inputs[0].grad}
    else:
        found = {"inputs": inputs, "gradients": [each.grad for each in inputs]}
    cases.append({"name": op, **parameters, **found, "y": y, "dy": dy})


for shapes in ([(2, 6, 3, 5), (2, 6, 1, 1)], [(3, 5), (5,)], [(3, 1), (1, 7)], [(2, 3, 4), (2, 3, 4)],
               [(2, 1, 3, 1), (4, 1, 5)]):
    case("multiply", shapes, lambda a, b: a * b)
case("multiply", [(2, 6), (6,), (2, 1)], lambda a, b, c: a * b * c)
for sides, value in (([1, 2, 3, 0], 0.5), ([-1, 2, 0, -2], 0.0), ([0, 0, 0, 0], 3.0)):
    case("pad", [(2, 2, 4, 5)], lambda x: F.pad(x, sides, value=value), sides=sides, value=value)
for dims in ([0, 2, 3, 1], [3, 1, 0, 2], [0, 2, 1, 3]):
    case("permute", [(2, 3, 4, 5)], lambda x: x.permute(dims).contiguous(), dims=dims)
write(__file__, cases)
