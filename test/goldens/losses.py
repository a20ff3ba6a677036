"""Losses and their gradients by PyTorch, in float64 unless the case is about float32's edges."""
import itertools

import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(7)
cases = []


def add(loss, x, t, f, **parameters):
    x = x.float().double().requires_grad_()
    value = f(x)
    value.backward()
    cases.append(
        {"loss": loss, "x": x.float(), "t": t, "value": value.item(), "dx": x.grad, **parameters}
    )


def spatial(shape, classes):
    n, *rest = shape
    return torch.randn(n, classes, *rest) * 2, torch.randint(classes, (n, *rest))


for shape, classes in (((6,), 10), ((5,), 3), ((2, 3, 5), 4)):
    for smoothing, weighted, ignore, reduction in itertools.product(
        (0.0, 0.1), (False, True), (False, True), ("mean", "sum")
    ):
        x, labels = spatial(shape, classes)
        weight = (torch.rand(classes) + 0.1).float() if weighted else None
        if ignore:
            labels.view(-1)[::3] = -100
        parameters = {"labelSmoothing": smoothing, "reduction": reduction}
        if weighted:
            parameters["weight"] = weight
        add(
            "crossEntropy",
            x,
            labels,
            lambda v: F.cross_entropy(
                v,
                labels,
                weight=None if weight is None else weight.double(),
                label_smoothing=smoothing,
                reduction=reduction,
            ),
            **parameters,
        )
    for smoothing, weighted, reduction in itertools.product(
        (0.0, 0.2), (False, True), ("mean", "sum")
    ):
        x, _ = spatial(shape, classes)
        t = torch.softmax(torch.randn_like(x), 1).float()
        weight = (torch.rand(classes) + 0.1).float() if weighted else None
        parameters = {"labelSmoothing": smoothing, "reduction": reduction}
        if weighted:
            parameters["weight"] = weight
        add(
            "crossEntropySoft",
            x,
            t,
            lambda v: F.cross_entropy(
                v,
                t.double(),
                weight=None if weight is None else weight.double(),
                label_smoothing=smoothing,
                reduction=reduction,
            ),
            **parameters,
        )

x = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e4, 1e4 - 1, 1e4 - 2]])
labels = torch.tensor([1, 1, 2])
add("crossEntropy", x, labels, lambda v: F.cross_entropy(v, labels), labelSmoothing=0.0, reduction="mean")

for shape in ((3, 5), (1,), (2, 3, 4)):
    for reduction in ("mean", "sum"):
        t = torch.randn(shape)
        z = torch.rand(shape)
        add("mse", torch.randn(shape), t, lambda v: F.mse_loss(v, t.double(), reduction=reduction), reduction=reduction)
        add("l1", torch.randn(shape), t, lambda v: F.l1_loss(v, t.double(), reduction=reduction), reduction=reduction)
        for delta in (1.0, 0.3):
            add(
                "huber",
                torch.randn(shape),
                t,
                lambda v: F.huber_loss(v, t.double(), reduction=reduction, delta=delta),
                reduction=reduction,
                delta=delta,
            )
        add(
            "bceWithLogits",
            torch.randn(shape) * 20,
            z,
            lambda v: F.binary_cross_entropy_with_logits(v, z.double(), reduction=reduction),
            reduction=reduction,
        )
        weight, positive = torch.rand(shape[-1]), torch.rand(shape[-1]) * 3
        add(
            "bceWithLogits",
            torch.randn(shape) * 3,
            z,
            lambda v: F.binary_cross_entropy_with_logits(
                v, z.double(), weight.double(), pos_weight=positive.double(), reduction=reduction
            ),
            reduction=reduction,
            weight=weight,
            posWeight=positive,
        )
    for reduction, log_target in itertools.product(("mean", "sum", "batchmean"), (False, True)):
        p = torch.softmax(torch.randn(shape), -1)
        if not log_target and len(p.view(-1)) > 1:
            p.view(-1)[1] = 0.0
        t = torch.log(p) if log_target else p
        add(
            "klDiv",
            torch.log_softmax(torch.randn(shape), -1),
            t,
            lambda v: F.kl_div(v, t.double(), reduction=reduction, log_target=log_target),
            reduction="batchMean" if reduction == "batchmean" else reduction,
            logTarget=log_target,
        )
write(__file__, cases)
