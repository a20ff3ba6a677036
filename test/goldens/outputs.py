"""Modules with several outputs: gradients of all or some of them, and several losses on one forward."""
import torch
import torch.nn.functional as F
from torch import nn

from common import write

torch.manual_seed(33)
cases = []


class Heads(nn.Module):
    """Three outputs, one of which the other two are made of."""

    def __init__(self):
        super().__init__()
        self.body, self.bn = nn.Linear(5, 7), nn.BatchNorm1d(7)
        self.left, self.right = nn.Linear(7, 3), nn.Linear(7, 4)

    def forward(self, x):
        h = torch.relu(self.bn(self.body(x)))
        return {"left": self.left(h), "h": h, "right": self.right(h)}


class Pyramid(nn.Module):
    """A list: two sizes of one image, and what they say together."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 5, 3, stride=2)
        self.bn, self.head = nn.BatchNorm2d(5), nn.Linear(5, 3)

    def forward(self, x):
        fine = torch.tanh(self.fine(x))
        coarse = self.bn(self.coarse(fine))
        return [fine, coarse, self.head(coarse.mean((2, 3)))]


class Normal(nn.Module):
    """A mean and a variance, for one loss of both."""

    def __init__(self):
        super().__init__()
        self.body, self.mean, self.variance = nn.Linear(5, 6), nn.Linear(6, 2), nn.Linear(6, 2)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return [self.mean(h), F.softplus(self.variance(h))]


def run(kind, x, differentiate, **described):
    """`differentiate` calls backward with the outputs, and returns what the case shows of it."""
    model = kind()
    state = {k: v.clone() for k, v in model.state_dict().items() if "num_batches" not in k}
    x = x.clone().requires_grad_()
    outputs = model(x)
    shown = differentiate(outputs)
    after = model.state_dict()
    cases.append({
        "kind": kind.__name__, "state": state, "x": x, "outputs": outputs, **described, **shown, "dx": x.grad,
        "gradients": {k: p.grad for k, p in model.named_parameters() if p.grad is not None},
        "running": {k: after[k] for k in after if "running" in k},
    })


def of_some(names):
    def differentiate(outputs):
        dys = {name: torch.randn_like(outputs[name]) for name in names}
        torch.autograd.backward([outputs[name] for name in names], list(dys.values()))
        # A list of pairs, since the names of a list's outputs are numbers.
        return {"dys": [[name, dy] for name, dy in dys.items()]}

    return differentiate


rows = torch.randn(6, 5)
for names in (["left", "h", "right"], ["left"], ["h"], ["right"], ["h", "right"]):
    run(Heads, rows, of_some(names))
images = torch.randn(3, 2, 7, 9)
for names in ([0, 1, 2], [1], [0, 2], [2]):
    run(Pyramid, images, of_some(names))

values, huber, labels = torch.randn(6, 3), torch.randn(6, 3), torch.randint(0, 4, (6,))


def of_losses(outputs):
    """Two losses of one output, and one of another."""
    found = [F.mse_loss(outputs["left"], values), F.huber_loss(outputs["left"], huber, delta=0.7),
             F.cross_entropy(outputs["right"], labels, label_smoothing=0.1)]
    (found[0] + 0.25 * found[1] + 2 * found[2]).backward()
    return {"losses": [loss.item() for loss in found]}


run(Heads, rows, of_losses, targets=[values, huber, labels])

aim = torch.randn(6, 2)


def of_both(outputs):
    loss = F.gaussian_nll_loss(outputs[0], aim, outputs[1])
    (3 * loss).backward()
    return {"losses": [loss.item()]}


run(Normal, rows, of_both, targets=[aim])

write(__file__, cases)
