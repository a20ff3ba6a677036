"""PyTorch's answers for random cases: a case a line on stdin (JSON), an answer a line on stdout.

Every case is computed in float64 twice: exactly, and with noise of about float32's rounding after every
layer. The difference is how much a float32 result may be off: it is returned as the slack of each tensor.
Also returned is whether a value stands so near to a kink (ReLU at 0, two equal maxima) that gradients may
differ altogether. main.ts drives this script; PyTorch 1.13 is Debian's python3-torch.
"""
import base64
import json
import math
import sys
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from layers import Net, snake
from noise import State, near, noisy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
warnings.filterwarnings("ignore")


def tensor(stored):
    raw = numpy.frombuffer(base64.b64decode(stored["f32"]), dtype="<f4")
    return torch.tensor(raw.astype("f8")).reshape(stored["shape"])


def plain_key(key):
    return key.replace(".wrapped.", ".")


def load(net, state):
    own = {plain_key(key): key for key in net.state_dict(keep_vars=True)}
    given = {key: tensor(value) for key, value in state.items()}
    missing = set(own) ^ set(given)
    if missing:
        raise KeyError(f"state-dict keys differ: {sorted(missing)}")
    # Not load_state_dict: that of spectral norm recomputes u and v.
    for key, value in net.state_dict().items():
        if value.shape != given[plain_key(key)].shape:
            raise ValueError(f"{key} has shape {list(value.shape)}")
        value.copy_(given[plain_key(key)])


def loss_of(spec):
    kind, options = spec["kind"], snake(spec["options"])
    for name in ("weight", "pos_weight"):
        if name in options:
            options[name] = tensor(options[name])
    if options.get("reduction") == "batchMean":
        options["reduction"] = "batchmean"
    module = getattr(nn, kind)(**options)

    def value(y, target, *others):
        if kind == "L1Loss" or kind == "SmoothL1Loss" and options.get("beta") == 0:
            near(y - target)
        if kind == "CosineEmbeddingLoss":
            near(F.cosine_similarity(y, others[0], -1) - options.get("margin", 0))
        if kind == "TripletMarginLoss":
            near(F.triplet_margin_loss(y, *others, **{**options, "reduction": "none"}))
        y, *others = map(noisy, (y, *others))
        if kind == "GaussianNLLLoss":
            return module(y, target, *others)
        return module(y, *others) if target is None else module(y, *others, target)

    return value


def target_of(stored):
    t = tensor(stored)
    return t.long() if stored.get("labels") else t


def optimizer_of(spec, parameters):
    names = list(parameters)
    groups = [{"params": [parameters[n] for n in names if n in group["names"]], **snake(group["options"])}
              for group in spec["groups"]]
    options = snake(spec["options"])
    if spec["kind"] == "NAdam":
        # 1.13 multiplies μ twice into the next product, but not in this form, which is today's.
        options["foreach"] = True
    return (Lion if spec["kind"] == "Lion" else getattr(torch.optim, spec["kind"]))(groups, **options)


class Lion(torch.optim.Optimizer):
    """Which PyTorch lacks, as Chen et al. (2023) write it."""

    def __init__(self, groups, lr, betas=(0.9, 0.99), weight_decay=0):
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                sign = (beta1 * m + (1 - beta1) * p.grad).sign()
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * sign)
                m.mul_(beta2).add_((1 - beta2) * p.grad)


def schedule_of(spec, optimizer):
    kind, o = spec["kind"], snake(spec["options"])
    s = torch.optim.lr_scheduler
    make_one = {
        "StepLR": lambda: s.StepLR(optimizer, o["step_size"], o.get("gamma", 0.1)),
        "MultiStepLR": lambda: s.MultiStepLR(optimizer, o["milestones"], o.get("gamma", 0.1)),
        "ExponentialLR": lambda: s.ExponentialLR(optimizer, o["gamma"]),
        # 1.13 computes it by recurrence, whose rounding grows; the documented closed form is the same.
        "CosineAnnealingLR": lambda: s.LambdaLR(optimizer, [
            (lambda t, b=g["lr"]: (o.get("eta_min", 0) + (b - o.get("eta_min", 0))
             * (1 + math.cos(math.pi * t / o["t_max"])) / 2) / b) for g in optimizer.param_groups]),
        "LinearWarmup": lambda: s.LinearLR(optimizer, start_factor=o.get("start_factor", 1 / 3), total_iters=o["steps"]),
        "OneCycleLR": lambda: s.OneCycleLR(optimizer, **o),
    }
    return make_one[kind]()


def gradients(net):
    return {plain_key(k): p.grad for k, p in net.named_parameters() if p.grad is not None}


def run(case):
    """One run of a case: the tensors by name, in the order in which they are made."""
    found = {}
    net = Net(case["net"])
    load(net, case["state"])
    parameters = {plain_key(k): p for k, p in net.named_parameters()}
    for name in case.get("frozen", []):
        parameters[name].requires_grad_(False)
    loss = loss_of(case["loss"]) if "loss" in case else None
    training = case.get("training")
    optimizer = optimizer_of(training["optimizer"], parameters) if training else None
    schedule = schedule_of(training["schedule"], optimizer) if training and "schedule" in training else None
    average = None
    if training and "ema" in training:
        average = {k: p.detach().clone() for k, p in parameters.items()}
    for number, step in enumerate(case["steps"]):
        net.train(step["train"])
        x = noisy(tensor(step["x"])).detach().requires_grad_()
        y = net(x)
        at = f"step {number}: "
        found[at + "y"] = y
        if optimizer:
            optimizer.zero_grad(set_to_none=True)
        elif not step.get("accumulates"):
            net.zero_grad(set_to_none=True)
        if loss:
            value = loss(y, target_of(step["target"]))
            found[at + "loss"] = value.reshape(1)
            (value * step["scale"]).backward()
        else:
            y.backward(tensor(step["dy"]))
        found[at + "dx"] = torch.zeros_like(x) if x.grad is None else x.grad
        for key, gradient in gradients(net).items():
            found[at + "d " + key] = gradient.clone()
        if optimizer:
            if "clipNorm" in training:
                norm = nn.utils.clip_grad_norm_([p for p in parameters.values() if p.grad is not None], training["clipNorm"])
                found[at + "norm"] = norm.reshape(1)
            if "clipValue" in training:
                for p in parameters.values():
                    if p.grad is not None:
                        p.grad.clamp_(-training["clipValue"], training["clipValue"])
            if State.noise is not None:
                # Adam divides gradients of 0 by their size: what rounding makes of them counts.
                for p in parameters.values():
                    if p.grad is not None:
                        scale = p.grad.abs().max() * 3e-7 + 1e-9
                        p.grad.add_(scale * torch.randn(p.grad.shape, generator=State.noise))
            optimizer.step()
            if schedule:
                schedule.step()
                found[at + "lr"] = torch.tensor([g["lr"] for g in optimizer.param_groups])
            if average:
                t = number + 1
                decay = training["ema"]["decay"]
                if training["ema"].get("warmup"):
                    decay = min(decay, (1 + t) / (10 + t))
                for k, p in parameters.items():
                    average[k].mul_(decay).add_((1 - decay) * p.detach())
                    found[at + "average " + k] = average[k].clone()
        for key, value in net.state_dict().items():
            found[at + "state " + plain_key(key)] = value.clone().double()
    net.eval()
    found["predict"] = net(noisy(tensor(case["steps"][0]["x"])))
    return {k: v.detach() for k, v in found.items()}


def run_loss(case):
    x, *others = [tensor(each).requires_grad_() for each in (case["x"], *case.get("others", []))]
    target = target_of(case["target"]) if "target" in case else None
    value = loss_of(case["loss"])(x, target, *others)
    (value * case["scale"]).backward()
    slopes = {f"d{i + 1}": each.grad for i, each in enumerate(others)}
    return {"loss": value.detach().reshape(1), "dx": x.grad, **slopes}


def run_schedule(case):
    parameters = [nn.Parameter(torch.zeros(1)) for _ in case["lrs"]]
    options = {"momentum": 0.9} if "momentum" in case else {}
    optimizer = torch.optim.SGD([{"params": [p], "lr": lr} for p, lr in zip(parameters, case["lrs"])], lr=1.0, **options)
    schedule = schedule_of(case["schedule"], optimizer)
    rates = []
    for _ in range(case["count"]):
        rates.extend(g["lr"] for g in optimizer.param_groups)
        optimizer.step()
        schedule.step()
    return {"rates": torch.tensor(rates)}


RUNS = {"net": run, "loss": run_loss, "schedule": run_schedule}


def encode(value):
    return base64.b64encode(value.contiguous().numpy().astype("<f8").tobytes()).decode()


def answer(case):
    torch.manual_seed(1)
    State.noise, State.kink = None, False
    exact = RUNS[case["type"]](case)
    slack = {key: 0.0 for key in exact}
    for seed in range(3):
        State.noise = torch.Generator().manual_seed(seed)
        for key, value in RUNS[case["type"]](case).items():
            difference = (value - exact[key]).abs()
            finite = difference[difference.isfinite()]
            slack[key] = max(slack[key], float(finite.max()) if finite.numel() else 0.0)
    return {
        "kink": State.kink,
        "values": {k: {"shape": list(v.shape), "f64": encode(v), "slack": slack[k]} for k, v in exact.items()},
    }


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # the driver decides what to make of it
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)
