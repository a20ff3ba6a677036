"""Networks by PyTorch, made from the description that net.ts defines."""
import torch
import torch.nn.functional as F
from torch import nn

from noise import KINK, State, kinked, near, noisy, noisy_norm, noisy_weight


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


class MaxPool(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        pool = [F.max_pool1d, F.max_pool2d, F.max_pool3d][x.dim() - 3]
        y, index = pool(x, return_indices=True, **self.pool)
        for _ in range(3 if State.noise is None else 0):
            moved = x.detach() + KINK * (x.detach() != 0) * torch.randn(x.shape)
            if not torch.equal(pool(moved, return_indices=True, **self.pool)[1], index):
                State.kink = True
        return y


def snake(options):
    return {"".join("_" + c.lower() if c.isupper() else c for c in k): v for k, v in options.items()}


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
    axes = int(kind[4])
    if isinstance(padding, list) and len(padding) == 2 * axes:
        turned = [zeros for axis in reversed(range(axes)) for zeros in padding[2 * axis : 2 * axis + 2]]
        return Padded(getattr(nn, kind)(*args, **{**options, "padding": 0}), turned)
    return getattr(nn, kind)(*args, **options)


def plain(spec):
    kind, args, options = spec["kind"], spec["args"], snake(spec.get("options", {}))
    inside = [make(each) for each in spec.get("inside", [])]
    if kind in ("Conv1d", "Conv2d", "Conv3d"):
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
    if kind in ("MaxPool1d", "MaxPool2d", "MaxPool3d"):
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
    if kind in ("Hardtanh", "Hardsigmoid", "Hardswish"):
        edges = (args or [-1, 1]) if kind == "Hardtanh" else [-3, 3]
        return kinked(getattr(nn, kind)(*args), lambda x: [near(x - edge) for edge in edges] and None)
    if kind in ("ReLU", "LeakyReLU", "PReLU", "ELU", "SELU"):
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
