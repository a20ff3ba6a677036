"""Exports common networks with PyTorch's own exporter: FOLDER/NAME.onnx, its input and output, and shapes.json."""
import json
import pathlib
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(1)
folder = pathlib.Path(sys.argv[1])


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return torch.relu(x + self.inner(x))


class Gate(nn.Module):
    """Squeeze and excitation, as in MobileNetV3."""

    def __init__(self, channels):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x):
        s = torch.relu(self.fc1(x.mean([2, 3], keepdim=True)))
        return x * nn.functional.hardsigmoid(self.fc2(s))


class View(nn.Module):
    def forward(self, x):
        return x.view(x.size(0), -1)


class Skip(nn.Module):
    """A little U-Net."""

    def __init__(self, up):
        super().__init__()
        self.down = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.up, self.out = up, nn.Conv2d(10, 4, 1)

    def forward(self, x):
        return self.out(torch.cat([x, self.up(self.down(x))], 1))


class Standardized(nn.Module):
    def forward(self, x):
        mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
        return (x / 2 - mean[:, None, None]) / std[:, None, None]


class Recurrent(nn.Module):
    """A recurrent network, and a linear map of its outputs or of its last state."""

    def __init__(self, rnn, width, last=False):
        super().__init__()
        self.rnn, self.fc, self.last = rnn, nn.Linear(width, 3), last

    def forward(self, x):
        y, h = self.rnn(x)
        return self.fc(h[-1] if self.last else y)


class Difference(nn.Module):
    def forward(self, x):
        return (x - x.exp().mean([2], keepdim=True)) / (2 + x * x)


conv = lambda i, o, **k: nn.Conv2d(i, o, 3, padding=1, bias=False, **k)
networks = {
    "mlp": (nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3)), (6,)),
    "rows": (nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 8), nn.LayerNorm([5, 8]), nn.Softmax(-1)), (5, 6)),
    "lenet": (nn.Sequential(nn.Conv2d(1, 4, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(4, 6, 3), nn.Sigmoid(), nn.MaxPool2d(2, ceil_mode=True), View(), nn.Linear(24, 10), nn.LogSoftmax(1)), (1, 16, 16)),
    "resnet": (nn.Sequential(conv(3, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Residual(nn.Sequential(conv(4, 4), nn.BatchNorm2d(4), nn.ReLU(), conv(4, 4), nn.BatchNorm2d(4))), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)), (3, 12, 12)),
    "mobilenet": (nn.Sequential(Standardized(), conv(3, 8), nn.BatchNorm2d(8, momentum=0.05), nn.ReLU6(), conv(8, 8, groups=8, stride=2), nn.BatchNorm2d(8), nn.Hardswish(), Gate(8), nn.Hardtanh(-2, 2)), (3, 9, 9)),
    "groups": (nn.Sequential(conv(4, 4), nn.GroupNorm(2, 4), nn.SiLU(), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4), nn.LeakyReLU(0.1)), (4, 7, 7)),
    "activations": (nn.Sequential(nn.ELU(0.7), nn.Linear(6, 6), nn.SELU(), nn.Linear(6, 6), nn.Softplus(), nn.Linear(6, 6), nn.Mish(), nn.Linear(6, 6), nn.GELU()), (6,)),
    "deconvolution": (Skip(nn.ConvTranspose2d(6, 6, 4, stride=2, padding=1)), (4, 8, 8)),
    "nearest": (Skip(nn.Upsample(scale_factor=2)), (4, 8, 8)),
    "bilinear": (Skip(nn.Upsample(size=(8, 8), mode="bilinear")), (4, 8, 8)),
    "signals": (nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2), nn.BatchNorm1d(4), nn.MaxPool1d(2), nn.AvgPool1d(2, padding=1), nn.Flatten(), nn.Linear(12, 2)), (3, 13)),
    "lstm": (Recurrent(nn.LSTM(5, 4, batch_first=True), 4), (6, 5)),
    "gru": (Recurrent(nn.GRU(5, 4, bidirectional=True, batch_first=True), 8), (6, 5)),
    "rnn": (Recurrent(nn.RNN(5, 4, batch_first=True, nonlinearity="relu"), 4, last=True), (6, 5)),
    "difference": (Difference(), (4, 6)),
    "shuffle": (nn.Sequential(nn.ReflectionPad2d((1, 0, 2, 1)), nn.PixelShuffle(2), nn.Flatten(2), nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)), (8, 3, 4)),
    "padded": (nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), nn.Conv2d(2, 3, 3), nn.ConstantPad2d(1, 0.5), nn.AdaptiveMaxPool2d(1)), (2, 6, 6)),
}

# Networks whose inputs are numbers below 9.
words = {
    "embedding": (nn.Sequential(nn.Embedding(9, 5), Recurrent(nn.LSTM(5, 4, batch_first=True), 4)), (6,)),
}

shapes = {}
for name, (network, shape) in {**networks, **words}.items():
    for _ in range(0 if name in words else 3):  # running statistics that are no zeros and ones
        network.train()(torch.randn(8, *shape))
    x = torch.randint(9, (4, *shape)) if name in words else torch.randn(4, *shape)
    for training in (False, True):
        for dynamic in (False, True):
            for opset in (11, 13, 16):
                case = f"{name}-{'train' if training else 'eval'}-{'any' if dynamic else 'one'}-{opset}"
                if name == "activations" and opset < 13:
                    continue
                network.train(training)
                keep = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False} if training else {}
                torch.onnx.export(
                    network, x if not dynamic else x[:1].repeat(2, *[1] * len(shape)), str(folder / f"{case}.onnx"),
                    opset_version=opset, input_names=["x"], dynamic_axes={"x": {0: "N"}} if dynamic else None, **keep)
                network.eval()
                y = network(x)
                x.float().numpy().tofile(folder / f"{case}.x")
                y.detach().numpy().tofile(folder / f"{case}.y")
                names = [key for key, _ in network.named_parameters()]
                shapes[case] = {"x": list(x.shape), "y": list(y.shape), "names": names}
(folder / "shapes.json").write_text(json.dumps(shapes))
