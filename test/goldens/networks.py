"""The networks of the training goldens and benches, with weights that both sides can compute."""
import gzip
import pathlib
import struct

import numpy
import torch
from torch import nn

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def hashed(seed, n):
    """n numbers in [0, 1): mulberry32 by counter, as test/support/hashed.ts computes them."""
    with numpy.errstate(over="ignore"):
        t = numpy.uint32(seed) + (numpy.arange(n, dtype=numpy.uint32) + numpy.uint32(1)) * numpy.uint32(0x6D2B79F5)
        t = (t ^ (t >> numpy.uint32(15))) * (t | numpy.uint32(1))
        t ^= t + (t ^ (t >> numpy.uint32(7))) * (t | numpy.uint32(61))
        t ^= t >> numpy.uint32(14)
    return t.astype(numpy.float64) / 4294967296.0


def set_weights(model):
    """U(−b, b) with b = 1/√fan_in for each weight and bias but batch norm's, seeded by position."""
    seed = 0
    for module in model.modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d)):
            continue
        bound = 1.0 / numpy.sqrt(module.weight[0].numel())
        for parameter in (module.weight, module.bias):
            if parameter is None:
                continue
            seed += 1
            values = (hashed(seed, parameter.numel()) * 2.0 - 1.0) * bound
            parameter.data = torch.tensor(values.reshape(parameter.shape)).to(parameter.dtype)


def mlp(widths, batch_norm=True):
    layers = []
    for i in range(len(widths) - 2):
        layers.append(nn.Linear(widths[i], widths[i + 1], bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(widths[i + 1]))
        layers.append(nn.ReLU())
    layers.append(nn.Linear(widths[-2], widths[-1]))
    return nn.Sequential(*layers)


class FlippableReLU(nn.Module):
    """ReLU that can let one entry's gradient through where it should not, or the reverse."""

    flipped = None

    def forward(self, x):
        self.input = x.detach().flatten()
        passes = self.input > 0
        if self.flipped is not None:
            passes[self.flipped] ^= True
        passed = x * passes.reshape(x.shape)
        return x.clamp(min=0).detach() + passed - passed.detach()


def cnn(c1=24, c2=48, c3=64, hidden=200, batch_norm=True, relu=nn.ReLU):
    """conv 6×6 'same' – conv 5×5/2 – conv 4×4/2 – fc – fc 10, on 28×28 images."""

    def block(layer, norm, width):
        return [layer, norm(width), relu()] if batch_norm else [layer, relu()]

    bias = not batch_norm
    return nn.Sequential(
        *block(nn.Conv2d(1, c1, 6, padding="same", bias=bias), nn.BatchNorm2d, c1),
        *block(nn.Conv2d(c1, c2, 5, stride=2, padding=2, bias=bias), nn.BatchNorm2d, c2),
        *block(nn.Conv2d(c2, c3, 4, stride=2, padding=1, bias=bias), nn.BatchNorm2d, c3),
        nn.Flatten(),
        *block(nn.Linear(c3 * 49, hidden, bias=bias), nn.BatchNorm1d, hidden),
        nn.Linear(hidden, 10),
    )


def read_idx(path):
    data = gzip.decompress(pathlib.Path(path).read_bytes())
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def images(folder, part):
    """(pixels / 255 as float32, labels) of 'train' or 't10k' in a folder of MNIST-style files."""
    folder = pathlib.Path(folder)
    pixels = read_idx(folder / f"{part}-images-idx3-ubyte.gz").astype(numpy.float32) / numpy.float32(255)
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(numpy.int64)
    return torch.from_numpy(pixels), torch.from_numpy(labels)


def shipped(part="train"):
    return images(REPOSITORY / "data/fashion-mnist", part)
