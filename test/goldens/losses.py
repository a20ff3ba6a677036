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

generator = torch.Generator().manual_seed(11)


def normal(*shape):
    return torch.randn(shape, generator=generator).float()


def uniform(*shape):
    return torch.rand(shape, generator=generator).float()


def classes(count, *shape):
    return torch.randint(count, shape, generator=generator)


def several(loss, xs, t, f, weights=None, **parameters):
    """A case of one or several predictions; weights: of the terms, with the reduction 'none'."""
    xs = [x.float().double().requires_grad_() for x in xs]
    value = f(*xs)
    value.backward(None if weights is None else weights.double())
    cases.append(
        {
            "loss": loss,
            "xs": [x.float() for x in xs],
            "t": t,
            "value": value if weights is not None else value.item(),
            "dxs": [x.grad for x in xs],
            **({} if weights is None else {"weights": weights}),
            **parameters,
        }
    )


for shape in ((3, 5), (1,), (2, 3, 4)):
    for reduction in ("mean", "sum", "none"):
        weights = {"weights": normal(*shape)} if reduction == "none" else {}
        t = normal(*shape)
        for beta in (1.0, 0.3, 0.0):
            several(
                "smoothL1", [normal(*shape)], t,
                lambda x: F.smooth_l1_loss(x, t.double(), reduction=reduction, beta=beta),
                reduction=reduction, beta=beta, **weights,
            )
        z = uniform(*shape)
        z.view(-1)[0] = 1.0
        p = uniform(*shape)
        several("bce", [p], z, lambda x: F.binary_cross_entropy(x, z.double(), reduction=reduction),
                reduction=reduction, **weights)
        w = uniform(shape[-1])
        several("bce", [p], z, lambda x: F.binary_cross_entropy(x, z.double(), w.double(), reduction=reduction),
                reduction=reduction, weight=w, **weights)
        for full, eps in ((False, 1e-6), (True, 0.2)):
            options = dict(full=full, eps=eps, reduction=reduction)
            several(
                "gaussianNLL", [normal(*shape), uniform(*shape)], t,
                lambda x, v: F.gaussian_nll_loss(x, t.double(), v, **options), **options, **weights,
            )
            if len(shape) > 1:
                several(
                    "gaussianNLL", [normal(*shape), uniform(*shape[:-1], 1) + 0.1], t,
                    lambda x, v: F.gaussian_nll_loss(x, t.double(), v, **options), **options, **weights,
                )

# At the edges of [0, 1] logarithms are −100.
several("bce", [torch.tensor([0.0, 1.0, 0.0, 1.0])], torch.tensor([1.0, 0.0, 0.0, 1.0]),
        lambda x: F.binary_cross_entropy(x, torch.tensor([1.0, 0.0, 0.0, 1.0]).double(), reduction="sum"),
        reduction="sum")

for shape, count in (((6,), 10), ((2, 3, 5), 4)):
    n, *rest = shape
    for weighted, ignored, reduction in itertools.product((False, True), (False, True), ("mean", "sum", "none")):
        weight = uniform(count) + 0.1
        options = {"weight": weight} if weighted else {}
        labels = classes(count, *shape)
        if ignored:
            labels.view(-1)[::3] = -100
        weights = {"weights": normal(*shape)} if reduction == "none" else {}
        several(
            "nll", [torch.log_softmax(normal(n, count, *rest), 1)], labels,
            lambda x: F.nll_loss(x, labels, weight=weight.double() if weighted else None, reduction=reduction),
            reduction=reduction, **options, **weights,
        )
        if reduction != "none":
            continue
        for smoothing in (0.0, 0.1):
            several(
                "crossEntropy", [2 * normal(n, count, *rest)], labels,
                lambda x: F.cross_entropy(x, labels, weight=weight.double() if weighted else None,
                                          reduction="none", label_smoothing=smoothing),
                reduction=reduction, labelSmoothing=smoothing, **options, **weights,
            )
        soft = torch.softmax(normal(n, count, *rest), 1)
        several(
            "crossEntropySoft", [2 * normal(n, count, *rest)], soft,
            lambda x: F.cross_entropy(x, soft.double(), weight=weight.double() if weighted else None,
                                      reduction="none"),
            reduction=reduction, **options, **weights,
        )

for shape in ((3, 5), (2, 3, 4)):
    t, z, weights = normal(*shape), uniform(*shape), normal(*shape)
    positive = uniform(shape[-1]) * 3
    none = dict(reduction="none", weights=weights)
    several("mse", [normal(*shape)], t, lambda x: F.mse_loss(x, t.double(), reduction="none"), **none)
    several("l1", [normal(*shape)], t, lambda x: F.l1_loss(x, t.double(), reduction="none"), **none)
    several("huber", [normal(*shape)], t, lambda x: F.huber_loss(x, t.double(), reduction="none", delta=0.5),
            delta=0.5, **none)
    several("bceWithLogits", [3 * normal(*shape)], z,
            lambda x: F.binary_cross_entropy_with_logits(x, z.double(), positive.double(), reduction="none",
                                                         pos_weight=positive.double()),
            weight=positive, posWeight=positive, **none)
    several("klDiv", [torch.log_softmax(normal(*shape), -1)], z,
            lambda x: F.kl_div(x, z.double(), reduction="none"), **none)

for reduction, margin in itertools.product(("mean", "sum", "none"), (0.0, 0.4, -0.5)):
    y = 2 * classes(2, 7) - 1
    weights = {"weights": normal(7)} if reduction == "none" else {}
    several("cosineEmbedding", [normal(7, 5), normal(7, 5)], y.float(),
            lambda a, b: F.cosine_embedding_loss(a, b, y, margin=margin, reduction=reduction),
            margin=margin, reduction=reduction, **weights)
one = torch.tensor(-1.0)
several("cosineEmbedding", [normal(5), normal(5)], one,
        lambda a, b: F.cosine_embedding_loss(a, b, one.long(), margin=-0.9), margin=-0.9, reduction="mean")

for reduction, p, swap in itertools.product(("mean", "sum", "none"), (2.0, 1.0, 3.0, 0.5), (False, True)):
    shape = (7, 5) if p != 1.0 else (2, 3, 4)
    options = dict(margin=0.7, p=p, swap=swap, reduction=reduction)
    weights = {"weights": normal(*shape[:-1])} if reduction == "none" else {}
    several("tripletMargin", [normal(*shape) for _ in range(3)], None,
            lambda a, p, n: F.triplet_margin_loss(a, p, n, **options), **options, **weights)
write(__file__, cases)
