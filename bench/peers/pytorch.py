"""Drivers of PyTorch, on as many threads as the variable THREADS says (1); the requests are those of serve.js."""
import json
import math
import os
import pathlib
import statistics
import sys
import time

# OpenBLAS ignores torch.set_num_threads and reads these variables when numpy or torch loads it. Its threads beside
# OpenMP's two on two cores cost more than they gain: the CNN's step took 68 ms with them, 55 without (Zen 4).
THREADS = os.environ.get("THREADS", "1")
os.environ.update(OMP_NUM_THREADS=THREADS, OPENBLAS_NUM_THREADS="1")

import numpy
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fusion

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test/goldens"))
import networks
import resnet

torch.set_num_threads(int(THREADS))
# With the reference BLAS, matrix products take thirty times as long, and no comparison is fair.
libraries = pathlib.Path("/proc/self/maps")
if libraries.exists() and not any(blas in libraries.read_text() for blas in ("openblas", "mkl", "blis")):
    sys.exit("error: PyTorch has no optimized BLAS; on Debian: apt-get install libopenblas0-pthread")
# Training on the same batch again and again makes moments so small that they become denormal numbers,
# which would slow down this side only.
torch.set_flush_denormal(True)


def uniform(count, seed):
    """Numbers in [−0.5, 0.5): what bench/arena.ts calls fillUniform, 2¹⁶ states at a time."""
    block, mask = 1 << 16, (1 << 32) - 1
    a, c = 1, 0  # u ← a·u + c for 1, 2, … steps
    multipliers, offsets = numpy.empty(block, numpy.uint64), numpy.empty(block, numpy.uint64)
    for i in range(min(block, count)):
        a, c = a * 1664525 & mask, (c * 1664525 + 1013904223) & mask
        multipliers[i], offsets[i] = a, c
    states = numpy.empty((count + block - 1) // block * block, numpy.uint64)
    state = numpy.uint64(seed)
    for at in range(0, count, block):
        states[at : at + block] = (multipliers * state + offsets) & numpy.uint64(mask)
        state = states[at + block - 1]
    return torch.from_numpy(((states[:count] >> numpy.uint64(9)) / 8388608 - 0.5).astype(numpy.float32))


def batchnorm(work, layout, n, c, s):
    size = round(s**0.5)
    shape = {"rows": (n, c), "NCHW": (n, c, size, size), "NHWC": (n, size, size, c)}[layout]

    def image(seed):
        x = uniform(n * c * s, seed).reshape(shape)
        return x.permute(0, 3, 1, 2) if layout == "NHWC" else x

    x, dy = image(1), image(2)
    weight, bias, mean, var = uniform(c, 3), uniform(c, 4), uniform(c, 5), uniform(c, 6) + 1
    result = {}

    def flat():
        y = result["y"]
        return (y.permute(0, 2, 3, 1) if layout == "NHWC" else y).reshape(-1)

    if work == "backward":
        y, save_mean, save_invstd = torch.native_batch_norm(x, weight, bias, mean, var, True, 0.1, 1e-5)
        args = (dy, x, weight, mean, var, save_mean, save_invstd, True, 1e-5, [True, True, True])
        run = lambda: result.update(y=torch.ops.aten.native_batch_norm_backward(*args)[0])
    else:
        training = work == "forward"

        def run():
            with torch.no_grad():
                result["y"] = F.batch_norm(x, mean, var, weight, bias, training, 0.1, 1e-5)

    return run, lambda: (run(), flat())[1]


def layernorm(work, n, d):
    x, dy, weight, bias = uniform(n * d, 1).reshape(n, d), uniform(n * d, 2).reshape(n, d), uniform(d, 3), uniform(d, 4)
    if work.startswith("RMS"):
        return rmsnorm(work, x, dy, weight)
    forward = lambda: torch.native_layer_norm(x, [d], weight, bias, 1e-5)
    _, mean, invstd = forward()
    args = (dy, x, [d], mean, invstd, weight, bias, [True, True, True])
    backward = lambda: torch.ops.aten.native_layer_norm_backward(*args)
    run = forward if work == "forward" else backward
    return run, lambda: run()[0].reshape(-1)


def rmsnorm(work, x, dy, weight):
    """1.13 has no layer for it: written with its operations, as models do; backward by autograd."""
    if work == "RMS backward":
        x.requires_grad_(), weight.requires_grad_()
    y = lambda: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight
    if work == "RMS forward":
        return y, lambda: y().reshape(-1)
    result = y()
    run = lambda: torch.autograd.grad(result, (x, weight), dy, retain_graph=True)
    return run, lambda: run()[0].reshape(-1)


def groupnorm(work, n, c, size, groups):
    x, dy = (uniform(n * c * size * size, seed).reshape(n, c, size, size) for seed in (1, 2))
    weight, bias = uniform(c, 3), uniform(c, 4)
    instances = groups == c
    if work == "forward":

        def run():
            with torch.no_grad():
                if instances:
                    return [F.instance_norm(x, None, None, weight, bias)]
                return [F.group_norm(x, groups, weight, bias)]

    elif instances:
        x.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()
        y = F.instance_norm(x, None, None, weight, bias)
        run = lambda: torch.autograd.grad(y, (x, weight, bias), dy, retain_graph=True)
    else:
        _, mean, invstd = torch.native_group_norm(x, weight, bias, n, c, size**2, groups, 1e-5)
        args = (dy, x, mean, invstd, weight, n, c, size**2, groups, [True, True, True])
        run = lambda: torch.ops.aten.native_group_norm_backward(*args)
    return run, lambda: run()[0].reshape(-1)


def localresponsenorm(work, n, c, size, window):
    x, dy = (uniform(n * c * size * size, seed).reshape(n, c, size, size) for seed in (1, 2))
    if work == "forward":
        run = lambda: [F.local_response_norm(x, window)]
    else:
        y = F.local_response_norm(x.requires_grad_(), window)
        run = lambda: torch.autograd.grad(y, (x,), dy, retain_graph=True)
    return run, lambda: run()[0].reshape(-1)


def weightnorm(work, rows, cols):
    v, dw = (uniform(rows * cols, seed).reshape(rows, cols) for seed in (1, 2))
    g = uniform(rows, 5).reshape(rows, 1)
    if work == "forward":
        run = lambda: [torch._weight_norm(v, g, 0)]
    else:
        w = torch._weight_norm(v.requires_grad_(), g.requires_grad_(), 0)
        run = lambda: torch.autograd.grad(w, (v, g), dw, retain_graph=True)
    return run, lambda: run()[0].reshape(-1)


def gemm(work, form, m, n, k):
    a, b, c = uniform(m * k, 1).reshape(m, k), uniform(k * n, 2).reshape(k, n), torch.empty(m, n)
    run = lambda: torch.mm(a, b, out=c)
    return run, lambda: run().reshape(-1)


def conv2d(work, of, n, channels, size, outChannels, kernel, stride, padding, groups, out):
    x = uniform(n * channels * size * size, 1).reshape(n, channels, size, size)
    dy = uniform(n * outChannels * out * out, 2).reshape(n, outChannels, out, out)
    weight = uniform(outChannels * channels // groups * kernel**2, 3)
    weight = weight.reshape(outChannels, channels // groups, kernel, kernel)
    before, after = padding
    result = {}
    if work == "forward":

        def run():
            with torch.no_grad():
                if before == after:
                    result["y"] = F.conv2d(x, weight, None, stride, before, 1, groups)
                else:
                    result["y"] = F.conv2d(x, weight, None, stride, "same", 1, groups)

        return run, lambda: (run(), result["y"].reshape(-1))[1]
    # PyTorch pads an asymmetric image itself, then convolves without padding.
    uneven = before != after
    source = F.pad(x, (before, after, before, after)) if uneven else x
    pads = (0, 0) if uneven else (before, before)
    wanted = [work == "input gradient", work == "weight gradient", False]
    args = (dy, source, weight, None, (stride, stride), pads, (1, 1), False, (0, 0), groups, wanted)

    def run():
        result["y"] = torch.ops.aten.convolution_backward(*args)[0 if wanted[0] else 1]

    def outputs():
        run()
        y = result["y"]
        if wanted[0] and uneven:
            y = y[:, :, before : before + size, before : before + size]
        return y.reshape(-1)

    return run, outputs


def volumes(work, kind, input, outChannels, kernel, stride, padding):
    x = uniform(math.prod(input), 1).reshape(input).requires_grad_()
    if kind == "Conv3d":
        layer = nn.Conv3d(input[1], outChannels, kernel, stride, padding, bias=False)
        layer.weight.data = uniform(layer.weight.numel(), 3).reshape(layer.weight.shape)
    else:
        layer = getattr(nn, kind)(kernel, stride, padding)
    shape = layer(x).shape
    dy = uniform(math.prod(shape), 2).reshape(shape)
    if work == "forward":

        def run():
            with torch.no_grad():
                return layer(x)

        return run, lambda: run().reshape(-1)

    def run():
        x.grad = None
        layer.zero_grad()
        layer(x).backward(dy)

    return run, lambda: (run(), x.grad.reshape(-1))[1]


def activation(work, n):
    x, y = uniform(n, 1) * 8, torch.empty(n)
    function = getattr(torch, work)
    run = lambda: function(x, out=y)
    return run, run


def ops(work, rows, columns):
    x, z = (uniform(rows * columns, seed).reshape(rows, columns) + 1 for seed in (1, 2))
    row, column, number = uniform(columns, 3), uniform(rows, 4).reshape(rows, 1), uniform(columns, 3)[0]
    y = torch.empty(rows, columns)
    overRows, overColumns = torch.empty(columns), torch.empty(rows)
    run = {
        "add, one shape": lambda: torch.add(x, z, out=y),
        "mul by a number": lambda: torch.mul(x, number, out=y),
        "mul by a row": lambda: torch.mul(x, row, out=y),
        "mul by a column": lambda: torch.mul(x, column, out=y),
        "div, one shape": lambda: torch.div(x, z, out=y),
        "maximum, one shape": lambda: torch.maximum(x, z, out=y),
        "square": lambda: torch.mul(x, x, out=y),
        "sqrt": lambda: torch.sqrt(x, out=y),
        "sum of all": lambda: torch.sum(x),
        "sum over rows": lambda: torch.sum(x, 0, out=overRows),
        "sum over columns": lambda: torch.sum(x, 1, out=overColumns),
        "max over columns": lambda: torch.amax(x, 1, out=overColumns),
        "max over rows": lambda: torch.amax(x, 0, out=overRows),
        "transpose": lambda: y.copy_(x.t()),
    }[work]
    return run, lambda: run().reshape(-1)


def loss(work, n, c):
    x, labels = uniform(n * c, 1).reshape(n, c).requires_grad_(), torch.arange(n) % c

    def run():
        x.grad = None
        F.cross_entropy(x, labels).backward()

    return run, lambda: (run(), x.grad.reshape(-1))[1]


def optim(work, n):
    weight = nn.Parameter(uniform(n, 1))
    weight.grad = uniform(n, 2)
    optimizer = getattr(torch.optim, work)([weight], lr=1e-3)
    run = optimizer.step

    def outputs():
        for _ in range(3):
            run()
        return weight.detach()

    return run, outputs


NETWORKS = {
    "mlp": lambda: networks.mlp([784, 200, 100, 60, 30, 10]),
    "cnn": networks.cnn,
    "resnet20": lambda: resnet.ResNet20(3, 10),
    "resnet18": lambda: resnet.ResNet((64, 128, 256, 512), 1000),
}


def step(work, network, input):
    model = NETWORKS[network]()
    return training(model, model, input, input[0])


def recurrent(work, steps, batch, inputs, hidden):
    layers = nn.ModuleList([nn.GRU(inputs, hidden), nn.Linear(hidden, 10)])
    gru, head = layers
    return training(layers, lambda x: head(gru(x)[0][-1]), (steps, batch, inputs), batch)


def training(model, forward, input, batch):
    """Steps of a classifier; biases are 0 at first."""
    seed = 100
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            bound = 1 / parameter[0].numel() ** 0.5
            parameter.data = (2 * uniform(parameter.numel(), seed) * bound).reshape(parameter.shape)
            seed += 1
        elif "bias" in name:
            nn.init.zeros_(parameter)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = (uniform(math.prod(input), 1) + 0.5).reshape(input)
    labels = torch.arange(batch) % 10

    def run():
        loss = F.cross_entropy(forward(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return run, lambda: torch.tensor([run(), run(), run()])


def network(layers, folded, seeds):
    """A network of bench/works/fold.ts; `folded` folds each batch norm into the layer before it."""
    made = []
    for layer in layers:
        op = layer["op"]
        if op == "residual":
            made.append(Residual(network(layer["layers"], folded, seeds)))
        elif op == "relu":
            made.append(nn.ReLU())
        elif op == "flatten":
            made.append(nn.Flatten())
        elif op == "norm":
            c = layer["channels"]
            norm = (nn.BatchNorm2d if layer["image"] else nn.BatchNorm1d)(c).eval()
            norm.running_mean, norm.running_var = uniform(c, seeds["norm"]), uniform(c, seeds["norm"] + 1) + 1
            seeds["norm"] += 2
            fuse = fusion.fuse_conv_bn_eval if layer["image"] else fusion.fuse_linear_bn_eval
            if folded:
                made[-1] = fuse(made[-1], norm)
            else:
                made.append(norm)
        else:
            if op == "linear":
                made.append(nn.Linear(layer["inputs"], layer["outputs"], bias=layer["bias"]).eval())
                if layer["bias"]:
                    nn.init.zeros_(made[-1].bias)
            else:
                before, after = layer["padding"]
                sizes = (layer["inputs"], layer["outputs"], layer["kernel"], layer["stride"])
                padding = before if before == after else "same"
                made.append(nn.Conv2d(*sizes, padding, groups=layer["groups"], bias=False).eval())
            weight = made[-1].weight
            bound = 1 / weight[0].numel() ** 0.5
            weight.data = (2 * uniform(weight.numel(), seeds["weight"]) * bound).reshape(weight.shape)
            seeds["weight"] += 1
    return nn.Sequential(*made)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + x


def fold(work, layers, input):
    x = uniform(math.prod(input), 1).reshape(input)
    model = network(layers, work == "folded", {"weight": 100, "norm": 200}).eval()

    def run():
        with torch.no_grad():
            return model(x)

    return run, lambda: run().reshape(-1)


# The time of one thread is the processor's; that of several is the clock's.
clock = time.process_time if THREADS == "1" else time.perf_counter


def elapsed(run, runs):
    start = clock()
    for _ in range(runs):
        run()
    return (clock() - start) * 1000


def time_of(run, milliseconds):
    """As bench/measure.ts: the median of eight slices."""
    batch = 1
    took = elapsed(run, batch)
    while took < milliseconds / 16:
        batch *= 2
        took = elapsed(run, batch)
    slices, total = [took / batch], took
    while total < milliseconds:
        took = elapsed(run, batch)
        slices.append(took / batch)
        total += took
    return statistics.median(slices)


run = None
for line in sys.stdin:
    message = json.loads(line)
    try:
        if "item" in message:
            item = message["item"]
            run, outputs = globals()[item["group"]](item["work"], **item["of"])
            values = outputs().detach()
            count = min(256, values.numel())
            answer = {"samples": [values[i * values.numel() // count].item() for i in range(count)]}
        else:
            answer = {"time": time_of(run, message["milliseconds"])}
    except Exception as error:
        answer = {"error": str(error).split("\n")[0][:200]}
    print(json.dumps(answer), flush=True)
