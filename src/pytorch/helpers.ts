/** Python source of layers that PyTorch lacks, and of the reading and writing of safetensors. */
import type { Module } from '../module/module.ts';
import { SEQUENCE_HELPERS } from './sequencehelpers.ts';

export const HELPERS = {
  RMSNorm: `class RMSNorm(nn.Module):
    """y = weight * x / sqrt(mean of x^2 + eps) over the last axes."""

    def __init__(self, shape, eps=1.1920928955078125e-07, elementwise_affine=True):
        super().__init__()
        self.axes = tuple(range(-len(shape), 0))
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape)) if elementwise_affine else None

    def forward(self, x):
        y = x / torch.sqrt(x.square().mean(self.axes, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight
`,

  GlobalAvgPool: `class GlobalAvgPool(nn.Module):
    """The mean of each channel's positions: [N, C, ...] to [N, C]."""

    def forward(self, x):
        return x.flatten(2).mean(2)
`,

  Add: `class Add(nn.Module):
    """The sum of its inputs."""

    def forward(self, *inputs):
        return sum(inputs[1:], inputs[0])
`,

  Multiply: `class Multiply(nn.Module):
    """The product of its inputs."""

    def forward(self, *inputs):
        y = inputs[0]
        for x in inputs[1:]:
            y = y * x
        return y
`,

  Permute: `class Permute(nn.Module):
    """The axes in another order."""

    def __init__(self, dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return x.permute(self.dims)
`,

  ShiftedLeakyReLU: `class ShiftedLeakyReLU(nn.Module):
    """y = x where x > threshold, else negative_slope * (x - threshold)."""

    def __init__(self, negative_slope, threshold):
        super().__init__()
        self.negative_slope = negative_slope
        self.threshold = threshold

    def forward(self, x):
        return torch.where(x > self.threshold, x, self.negative_slope * (x - self.threshold))
`,

  Rescaling: `class Rescaling(nn.Module):
    """y = scale * x + offset."""

    def __init__(self, scale, offset):
        super().__init__()
        self.scale = scale
        self.offset = offset

    def forward(self, x):
        return self.scale * x + self.offset
`,

  Concat: `class Concat(nn.Module):
    """Its inputs joined along an axis."""

    def __init__(self, dim=1):
        super().__init__()
        self.dim = dim

    def forward(self, *inputs):
        return torch.cat(inputs, self.dim)
`,

  Residual: `class Residual(nn.Module):
    """y = body(x) + shortcut(x); without a shortcut body(x) + x."""

    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))
`,

  Normalization: `class Normalization(nn.Module):
    """y = (x - shift) * scale + offset, with fixed numbers for each feature."""

    def __init__(self, num_features, channels_last=False):
        super().__init__()
        self.channels_last = channels_last
        self.register_buffer("shift", torch.zeros(num_features))
        self.register_buffer("scale", torch.ones(num_features))
        self.register_buffer("offset", torch.zeros(num_features))

    def forward(self, x):
        if not self.channels_last:
            x = x.movedim(1, -1)
        y = (x - self.shift) * self.scale + self.offset
        return y if self.channels_last else y.movedim(-1, 1)
`,

  PaddedConv1d: `class PaddedConv1d(nn.Conv1d):
    """A convolution with other zeros before than after the signal: pad = (before, after)."""

    def __init__(self, *args, pad, **options):
        super().__init__(*args, **options)
        self.pad = pad

    def forward(self, x):
        return super().forward(F.pad(x, self.pad))
`,

  PaddedConv2d: `class PaddedConv2d(nn.Conv2d):
    """A convolution whose sides have different padding: pad = (left, right, top, bottom)."""

    def __init__(self, *args, pad, **options):
        super().__init__(*args, **options)
        self.pad = pad

    def forward(self, x):
        return super().forward(F.pad(x, self.pad))
`,

  PaddedConv3d: `class PaddedConv3d(nn.Conv3d):
    """A convolution whose sides have different padding: pad = (left, right, top, bottom, front, back)."""

    def __init__(self, *args, pad, **options):
        super().__init__(*args, **options)
        self.pad = pad

    def forward(self, x):
        return super().forward(F.pad(x, self.pad))
`,

  CroppedConvTranspose1d: `class CroppedConvTranspose1d(nn.ConvTranspose1d):
    """A transposed convolution cut off unevenly: crop = (start, end)."""

    def __init__(self, *args, crop, **options):
        super().__init__(*args, **options)
        self.crop = crop

    def forward(self, x):
        y = super().forward(x)
        start, end = self.crop
        return y[:, :, start : y.shape[2] - end]
`,

  CroppedConvTranspose2d: `class CroppedConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution cut off unevenly: crop = (top, bottom, left, right)."""

    def __init__(self, *args, crop, **options):
        super().__init__(*args, **options)
        self.crop = crop

    def forward(self, x):
        y = super().forward(x)
        top, bottom, left, right = self.crop
        return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]
`,

  without_bias: `def without_bias(layer):
    """The layer with a weight but no bias."""
    layer.register_parameter("bias", None)
    return layer
`,

  holder: `def holder(modules):
    """A module that holds others, under names that nn.ModuleDict does not take."""
    held = nn.Module()
    held._modules.update(modules)
    return held
`,

  r_max: `def r_max(steps):
    """Batch renormalization's bound of r, as in the paper."""
    return 1 + 2 * min(1, max(0, (steps - 5000) / 35000))
`,

  d_max: `def d_max(steps):
    """Batch renormalization's bound of d, as in the paper."""
    return 5 * min(1, max(0, (steps - 5000) / 20000))
`,

  BatchNorm: `class BatchNorm(nn.Module):
    """Batch norm with what PyTorch's own lacks.

    That is: weight without bias, channels as the last axis, a biased running variance, masks of the
    positions that count, ghost batches, batch renormalization, and frozen statistics in training.
    """

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        scale=True,
        center=True,
        track_running_stats=True,
        running_variance="unbiased",
        channels_last=False,
        virtual_batch_size=None,
        virtual_batch_rest="refuse",
        renorm=None,
        frozen_statistics=False,
    ):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.biased = running_variance == "biased"
        self.channels_last = channels_last
        self.virtual_batch_size = virtual_batch_size
        self.virtual_batch_rest = virtual_batch_rest
        self.renorm = renorm
        self.frozen_statistics = frozen_statistics
        self.weight = nn.Parameter(torch.ones(num_features)) if scale else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if center else None
        tracks = track_running_stats
        self.register_buffer("running_mean", torch.zeros(num_features) if tracks else None)
        self.register_buffer("running_var", torch.ones(num_features) if tracks else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0) if tracks else None)

    def forward(self, x, mask=None):
        if self.channels_last:
            x = x.movedim(-1, 1)
        frozen = self.frozen_statistics or not self.training
        running = self.running_mean is not None and frozen
        sizes = self.ghosts(len(x)) if self.training and not running else [len(x)]
        masks = [None] * len(sizes) if mask is None else mask.split(sizes)
        parts = zip(x.split(sizes), masks)
        y = torch.cat([self.normalize(part, mask, running) for part, mask in parts])
        return y.movedim(1, -1) if self.channels_last else y

    def ghosts(self, n):
        """How many samples each ghost has."""
        size, rest = self.virtual_batch_size, self.virtual_batch_rest
        if size is None or n <= size and rest != "refuse":
            return [n]
        full, left = divmod(n, size)
        if left and rest == "refuse":
            raise ValueError(f"{n} samples do not fill ghosts of {size}")
        if left and rest == "join":
            return [size] * (full - 1) + [size + left]
        return [size] * full + ([left] if left else [])

    def normalize(self, x, mask, running):
        per_channel = [1, -1] + [1] * (x.dim() - 2)
        axes = [0, *range(2, x.dim())]
        counts = None if mask is None else (mask != 0).unsqueeze(1)
        m = x.numel() // x.shape[1] if mask is None else int(counts.sum())

        def counted(values):
            return values if counts is None else values.where(counts, values.new_zeros(()))

        x = counted(x)
        if running:
            mean, var = self.running_mean, self.running_var
        else:
            if m < 2:
                raise ValueError("expected more than one value a channel")
            mean = x.sum(axes) / m
            var = counted(x - mean.view(per_channel)).square().sum(axes) / m
        sigma = torch.sqrt(var + self.eps)
        y = (x - mean.view(per_channel)) / sigma.view(per_channel)
        if not running:
            if self.renorm is not None:
                r, d = self.corrections(mean.detach(), sigma.detach())
                y = y * r.view(per_channel) + d.view(per_channel)
            if self.running_mean is not None:
                self.track(mean.detach(), var.detach(), m)
        if self.weight is not None:
            y = y * self.weight.view(per_channel)
        if self.bias is not None:
            y = y + self.bias.view(per_channel)
        return counted(y)

    def corrections(self, mean, sigma):
        """r and d of batch renormalization."""
        steps = int(self.num_batches_tracked)
        r_most, d_most = (bound(steps) if callable(bound) else bound for bound in self.renorm)
        running = torch.sqrt(self.running_var + self.eps)
        r = (sigma / running).clamp(1 / r_most, r_most)
        d = ((mean - self.running_mean) / running).clamp(-d_most, d_most)
        return r, d

    def track(self, mean, var, m):
        self.num_batches_tracked += 1
        share = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        var = var if self.biased else var * (m / (m - 1))
        self.running_mean.mul_(1 - share).add_(share * mean)
        self.running_var.mul_(1 - share).add_(share * var)
`,

  ...SEQUENCE_HELPERS,
} as const;

export type Helper = keyof typeof HELPERS;

/** What a layer needs of the file it stands in. */
export interface Needs {
  /** Says that the source uses a helper. */
  need(helper: Helper): void;
  /** The most inputs that a call of the layer has. */
  inputsOf(layer: Module): number;
}

/** Reading and writing of safetensors files, with nothing but struct, json and torch. */
export const FILES = `DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}


def read_safetensors(path):
    """The tensors of a safetensors file by name, and its metadata."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensor = torch.frombuffer(data[begin:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = tensor.reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata=None):
    """Writes tensors by name as a safetensors file."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header = {} if metadata is None else {"__metadata__": metadata}
    parts = []
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].element_size()):
        part = bytearray(tensor.numel() * tensor.element_size())
        torch.frombuffer(part, dtype=tensor.dtype).copy_(tensor.detach().reshape(-1))
        end = at + len(part)
        shape = list(tensor.shape)
        header[name] = {"dtype": names[tensor.dtype], "shape": shape, "data_offsets": [at, end]}
        parts.append(part)
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
`;
