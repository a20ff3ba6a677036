"""Softmax and log-softmax over an axis, forward and backward, by PyTorch in float32."""
import torch

from common import write

torch.manual_seed(6)
cases = []
for shape, dim, spread in [
    ((5, 10), 1, 1),
    ((3, 17), -1, 4),
    ((4, 1), 1, 1),
    ((2, 7, 5), 1, 2),
    ((2, 3, 4, 6), 1, 3),
    ((6, 9), 0, 2),
    ((3, 4, 5), 2, 1),
    ((4, 12), 1, 1e4),
    ((2, 5, 3), 1, 1e4),
]:
    for log in (False, True):
        x = (torch.randn(shape) * spread).requires_grad_()
        y = torch.log_softmax(x, dim) if log else torch.softmax(x, dim)
        dy = torch.randn(shape)
        y.backward(dy)
        cases.append({"log": log, "dim": dim, "x": x, "y": y, "dy": dy, "dx": x.grad})
write(__file__, cases)
