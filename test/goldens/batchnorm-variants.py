"""Ghosts, masks and renormalization, composed in float64; PyTorch's autograd differentiates them."""
import torch

from common import write

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
EPS = 1e-5
MOMENTUM = 0.1


def per_channel(values, rank):
    return values.view([1, -1] + [1] * (rank - 2))


def part(x, mask, weight, bias, running, steps, renorm):
    """One set of statistics: y, and the running mean and variance after it."""
    c = x.shape[1]
    rows = x.transpose(0, 1).reshape(c, -1)
    chosen = rows if mask is None else rows[:, mask.reshape(-1) > 0]
    mean = chosen.mean(1)
    var = chosen.var(1, unbiased=False)
    deviation = torch.sqrt(var + EPS)
    r, d = torch.ones(c), torch.zeros(c)
    if renorm is not None:
        r_max, d_max = renorm(steps)
        sigma = torch.sqrt(running[1] + EPS)
        r = (deviation / sigma).detach().clamp(1 / r_max, r_max)
        d = ((mean - running[0]) / sigma).detach().clamp(-d_max, d_max)
    rank = x.dim()
    normal = (x - per_channel(mean, rank)) / per_channel(deviation, rank)
    normal = normal * per_channel(r, rank) + per_channel(d, rank)
    y = normal * per_channel(weight, rank) + per_channel(bias, rank)
    if mask is not None:
        y = y * mask.unsqueeze(1)
    m = chosen.shape[1]
    after = [
        (1 - MOMENTUM) * running[0] + MOMENTUM * mean.detach(),
        (1 - MOMENTUM) * running[1] + MOMENTUM * var.detach() * m / (m - 1),
    ]
    return y, after


def case(name, shape, ghosts=None, share=None, renorm=None, steps=1):
    c = shape[1]
    weight = torch.randn(c).requires_grad_()
    bias = torch.randn(c).requires_grad_()
    running = [torch.randn(c) * 0.3, torch.rand(c) + 0.5]
    result = {
        "name": name, "eps": EPS, "momentum": MOMENTUM, "ghosts": ghosts,
        "renorm": None if renorm is None else [list(renorm(t)) for t in range(2 * steps + 2)],
        "weight": weight.detach().float(), "bias": bias.detach().float(),
        "runningMean": running[0].float(), "runningVar": running[1].float(), "steps": [],
    }
    # what follows starts from the same float32 numbers as the layer
    weight.data = weight.detach().float().double()
    bias.data = bias.detach().float().double()
    running = [value.float().double() for value in running]
    seen = 0
    for _ in range(steps):
        x = (torch.randn(shape) * 2 + 1).float().double().requires_grad_()
        dy = torch.randn(shape).float().double()
        mask = None
        if share is not None:
            mask = (torch.rand([shape[0]] + list(shape[2:])) < share).double()
            mask.view(-1)[:2] = 1
        outputs = []
        for at, piece in enumerate(x.split(ghosts or shape[0])):
            chosen = None if mask is None else mask.split(ghosts or shape[0])[at]
            y, running = part(piece, chosen, weight, bias, running, seen, renorm)
            outputs.append(y)
            seen += 1
        y = torch.cat(outputs)
        weight.grad = bias.grad = None
        y.backward(dy)
        result["steps"].append({
            "x": x.float(), "dy": dy.float(), "mask": None if mask is None else mask.float(), "y": y,
            "dx": x.grad, "dWeight": weight.grad, "dBias": bias.grad,
            "runningMean": running[0], "runningVar": running[1], "batches": seen,
        })
    return result


def fixed(r_max, d_max):
    return lambda steps: (r_max, d_max)


def relaxing(steps):
    return 1 + steps / 4, steps / 3


write(__file__, [
    case("ghosts of 4, [12, 5]", (12, 5), ghosts=4, steps=2),
    case("ghosts of 3, [6, 3, 4, 2]", (6, 3, 4, 2), ghosts=3),
    case("mask, [9, 6]", (9, 6), share=0.6),
    case("mask, [5, 7, 11]", (5, 7, 11), share=0.5, steps=2),
    case("mask, [3, 4, 5, 3]", (3, 4, 5, 3), share=0.7),
    case("mask, [2, 3, 2, 3, 2]", (2, 3, 2, 3, 2), share=0.8),
    case("mask and ghosts of 3, [6, 5, 8]", (6, 5, 8), ghosts=3, share=0.8),
    case("renorm, bounds that hold back, [10, 5]", (10, 5), renorm=fixed(1.2, 0.3), steps=2),
    case("renorm, bounds out of reach, [4, 6, 3, 3]", (4, 6, 3, 3), renorm=fixed(50.0, 50.0), steps=2),
    case("renorm, no freedom at all, [8, 3]", (8, 3), renorm=fixed(1.0, 0.0)),
    case("renorm that relaxes, [6, 17]", (6, 17), renorm=relaxing, steps=4),
    case("renorm and ghosts of 4, [8, 5, 3]", (8, 5, 3), ghosts=4, renorm=relaxing, steps=2),
    case("renorm and a mask, [4, 5, 9]", (4, 5, 9), share=0.6, renorm=fixed(1.5, 0.5), steps=2),
])
