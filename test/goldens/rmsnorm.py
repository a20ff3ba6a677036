"""RMS norm composed of PyTorch's own operations in float64: 1.13 has no nn.RMSNorm yet."""
import torch

from common import write

torch.manual_seed(12)


def case(name, shape, normalized, affine=True, eps=torch.finfo(torch.float32).eps, scale=1.0, poison=None):
    weight = torch.randn(normalized).double().requires_grad_() if affine else None
    x = torch.randn(shape) * scale
    if poison is not None:
        x.view(-1)[1] = poison
    x = x.double().requires_grad_()
    dy = torch.randn(shape).double()
    axes = tuple(range(-len(normalized), 0))
    y = x * torch.rsqrt(x.pow(2).mean(axes, keepdim=True) + eps)
    if affine:
        y = y * weight
    y.backward(dy)
    single = lambda tensor: tensor.detach().float() if tensor is not None else None
    return {
        "name": name, "normalized": normalized, "eps": eps, "x": single(x), "dy": single(dy), "y": y,
        "dx": x.grad, "weight": single(weight), "dWeight": weight.grad if affine else None,
    }


write(__file__, [
    case("[7, 5]", (7, 5), [5]),
    case("[3, 4, 33], eps 1e-3", (3, 4, 33), [33], eps=1e-3),
    case("[2, 3, 4, 5] over [4, 5]", (2, 3, 4, 5), [4, 5], scale=100.0),
    case("[2, 3, 4] over all of a sample, no affine", (2, 3, 4), [3, 4], affine=False),
    case("[300, 6], small", (300, 6), [6], scale=1e-3),
    case("a row without a batch", (17,), [17]),
    case("a NaN in the first row", (3, 6), [6], poison=float("nan")),
])
