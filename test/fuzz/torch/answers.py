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

import numpy
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
NOISE = 3e-7
KINK = 2e-5


class State:
    """Of the run: whether noise is added, and whether a kink was near."""

    noise = None
    kink = False


def near(values):
    """Notes a kink if one of the values, distances from kinks, is small; 0 itself is 0 in float32 too."""
    distance = values.detach().abs()
    if State.noise is None and ((distance < KINK) & (distance > 0)).any():
        State.kink = True


def noisy(y):
    """y with noise, which also enters the gradient that comes back."""
    if State.noise is None:
        return y

    def shaken(v):
        floor = v.detach().abs().mean() * 0.3 * (v.detach() != 0)
        return NOISE * (v.detach().abs() + floor) * torch.randn(v.shape, generator=State.noise)

    y = y + shaken(y)
    if y.requires_grad:
        y.register_hook(lambda g: g + shaken(g))
    return y


class Norm(nn.Module):
    """Batch norm with the options that PyTorch lacks: γ without β, layouts, ghosts, biased running variance."""

    def __init__(self, c, eps=1e-5, momentum=0.1, decay=None, affine=True, center=None, scale=None,
                 track_running_stats=True, running_variance="unbiased", channels_last=False,
                 virtual_batch_size=None, virtual_batch_rest="refuse", frozen=False):
        super().__init__()
        self.eps, self.frozen, self.last = eps, frozen, channels_last
        self.momentum = momentum if decay is None else 1 - decay
        self.biased = running_variance == "biased"
        self.ghosts, self.rest = virtual_batch_size, virtual_batch_rest
        scale = affine if scale is None else scale
        center = affine if center is None else center
        self.weight = nn.Parameter(torch.ones(c)) if scale else None
        self.bias = nn.Parameter(torch.zeros(c)) if center else None
        if track_running_stats:
            self.register_buffer("running_mean", torch.zeros(c))
            self.register_buffer("running_var", torch.ones(c))
            self.register_buffer("num_batches_tracked", torch.tensor(0))
        else:
            self.running_mean = None

    def forward(self, x):
        if self.last:
            x = x.movedim(-1, 1)
        tracked = self.running_mean is not None
        if tracked and (self.frozen or not self.training):
            y = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0, self.eps)
        else:
            sizes = [len(x)]
            if self.ghosts and self.training:
                full, rest = divmod(len(x), self.ghosts)
                sizes = [self.ghosts] * full + ([rest] if rest else [])
                if rest and self.rest == "join" and full:
                    sizes[-2:] = [self.ghosts + rest]
            y = torch.cat([self.part(each, tracked) for each in x.split(sizes)])
        return y.movedim(1, -1) if self.last else y

    def part(self, x, tracked):
        m = x.numel() // x.shape[1]
        if m < 2:
            raise ValueError("Expected more than 1 value per channel when training")
        if tracked:
            self.num_batches_tracked += 1
            a = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            var, mean = torch.var_mean(x.detach().transpose(0, 1).reshape(x.shape[1], -1), 1, unbiased=not self.biased)
            self.running_mean.mul_(1 - a).add_(a * mean)
            self.running_var.mul_(1 - a).add_(a * var)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0, self.eps)


class RMSNorm(nn.Module):
    """PyTorch 1.13 has no nn.RMSNorm: its documented equation."""

    def __init__(self, shape, eps=1.1920928955078125e-7, elementwise_affine=True):
        super().__init__()
        self.shape = [shape] if isinstance(shape, int) else shape
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(self.shape)) if elementwise_affine else None

    def forward(self, x):
        dims = [-1 - i for i in range(len(self.shape))]
        y = x * torch.rsqrt((x * x).mean(dims, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight


class LayerNorm(nn.LayerNorm):
    """PyTorch 1.13 has no `bias` option."""

    def __init__(self, shape, eps=1e-5, elementwise_affine=True, bias=True):
        super().__init__(shape, eps, elementwise_affine)
        if not bias:
            self.bias = None


class Square(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * x * x


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class Padded(nn.Module):
    """A convolution with different zeros on each side; PyTorch pads before it."""

    def __init__(self, convolution, sides):
        super().__init__()
        self.inner = [convolution]
        self.sides = sides
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, x):
        return self.inner[0](F.pad(x, self.sides))


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


def kinked(module, distances):
    module.register_forward_pre_hook(lambda _, inputs: distances(inputs[0]))
    return module


class MaxPool(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        pool = F.max_pool1d if x.dim() == 3 else F.max_pool2d
        y, index = pool(x, return_indices=True, **self.pool)
        for _ in range(3 if State.noise is None else 0):
            moved = x.detach() + KINK * (x.detach() != 0) * torch.randn(x.shape)
            if not torch.equal(pool(moved, return_indices=True, **self.pool)[1], index):
                State.kink = True
        return y


def snake(options):
    return {"".join("_" + c.lower() if c.isupper() else c for c in k): v for k, v in options.items()}


def noisy_norm(_, inputs, y):
    """A norm's input gradient is a difference of larger numbers, which are rounded: noise of their size."""
    x = inputs[0]
    if State.noise is None or not y.requires_grad or not x.requires_grad:
        return
    gain = max(y.detach().std() / x.detach().std(), y.detach().norm() / x.detach().norm())
    found = {}
    y.register_hook(lambda g: found.update(size=g.abs().mean()))
    x.register_hook(lambda g: g + NOISE * gain * found["size"] * torch.randn(g.shape, generator=State.noise))


def noisy_weight(module, _, y):
    """The same of the gradients that weight norm and spectral norm compute from that of the weight."""
    w = module.weight
    if State.noise is None or not w.requires_grad:
        return
    source = module.weight_v if hasattr(module, "weight_g") else module.weight_orig
    gain = (w.detach() / source.detach()).abs().max()
    found = {}
    w.register_hook(lambda g: found.update(size=g.abs().max()))
    if source.requires_grad:
        source.register_hook(lambda g: g + NOISE * gain * found["size"] * torch.randn(g.shape, generator=State.noise))


def make(spec):
    """A layer whose output has noise, if noise is asked for."""
    module = plain(spec)
    if "Norm" in spec["kind"] and "inside" not in spec:
        module.register_forward_hook(noisy_norm)
    if spec["kind"] not in ("Sequential", "Residual"):
        module.register_forward_hook(lambda _, __, y: noisy(y))
    return module


def convolution(kind, args, options):
    padding = options.get("padding", 0)
    sides = 2 if kind == "Conv1d" else 4
    if isinstance(padding, list) and len(padding) == sides:
        turned = padding if sides == 2 else [padding[2], padding[3], padding[0], padding[1]]
        return Padded(getattr(nn, kind)(*args, **{**options, "padding": 0}), turned)
    return getattr(nn, kind)(*args, **options)


def plain(spec):
    kind, args, options = spec["kind"], spec["args"], snake(spec.get("options", {}))
    inside = [make(each) for each in spec.get("inside", [])]
    if kind in ("Conv1d", "Conv2d"):
        return convolution(kind, args, options)
    if kind.startswith("BatchNorm"):
        return Norm(*args, frozen=spec.get("frozen", False), **options)
    if kind in ("WeightNorm", "SpectralNorm"):
        inner = plain(spec["inside"][0])
        wrapped = inner.inner[0] if isinstance(inner, Padded) else inner
        if kind == "WeightNorm":
            nn.utils.weight_norm(wrapped)
        else:
            nn.utils.spectral_norm(wrapped, n_power_iterations=options.get("n_power_iterations", 1))
        wrapped.register_forward_hook(noisy_weight)
        return Reparametrized(inner, wrapped) if inner is not wrapped else wrapped
    if kind in ("MaxPool1d", "MaxPool2d"):
        return MaxPool({"kernel_size": args[0], **options})
    if kind == "GlobalAvgPool":
        return Lambda(lambda x: x.flatten(2).mean(2))
    if kind == "Add":
        return Lambda(lambda *x: sum(x[1:], x[0]))
    if kind == "Concat":
        return Lambda(lambda *x: torch.cat(x, 1))
    if kind == "Sequential":
        return nn.Sequential(*inside)
    if kind == "Upsample" and "scale_factor" in options:
        options["scale_factor"] = tuple(float(f) for f in options["scale_factor"])
    if kind == "Upsample" and "size" in options:
        options["size"] = tuple(options["size"])
    if kind == "ReLU6":
        return kinked(nn.ReLU6(), lambda x: (near(x), near(x - 6)) and None)
    if kind in ("ReLU", "LeakyReLU", "PReLU", "ELU"):
        module = getattr(nn, kind)(*args, **options)
        return kinked(module, lambda x: near(x) if kind != "ELU" or args[0] != 1 else None)
    own = {"RMSNorm": RMSNorm, "LayerNorm": LayerNorm, "Square": Square, "Residual": Residual}
    if kind == "Unflatten":
        return nn.Unflatten(args[0], tuple(args[1]))
    return (own.get(kind) or getattr(nn, kind))(*inside, *args, **options)


class Reparametrized(nn.Module):
    """A reparametrized convolution that is padded from outside, with the convolution's own keys."""

    def __init__(self, padded, wrapped):
        super().__init__()
        self.padded = [padded]
        self.wrapped = wrapped

    def forward(self, x):
        return self.wrapped(F.pad(x, self.padded[0].sides))


class Net(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.layers = nn.ModuleList([make(each) for each in spec["layers"]])
        self.steps = spec["steps"]

    def forward(self, x):
        values = [x]
        for step in self.steps:
            values.append(self.layers[step["layer"]](*[values[i] for i in step["inputs"]]))
        return values[-1]


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

    def value(y, target):
        if kind == "L1Loss":
            near(y - target)
        y = noisy(y)
        return module(y, target)

    return value


def target_of(stored):
    t = tensor(stored)
    return t.long() if stored.get("labels") else t


def optimizer_of(spec, parameters):
    names = list(parameters)
    groups = [{"params": [parameters[n] for n in names if n in group["names"]], **snake(group["options"])}
              for group in spec["groups"]]
    options = snake(spec["options"])
    return getattr(torch.optim, spec["kind"])(groups, **options)


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
    x = tensor(case["x"]).requires_grad_()
    value = loss_of(case["loss"])(x, target_of(case["target"]))
    (value * case["scale"]).backward()
    return {"loss": value.detach().reshape(1), "dx": x.grad}


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


import warnings

warnings.filterwarnings("ignore")
for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:  # the driver decides what to make of it
        result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)
