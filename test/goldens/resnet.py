"""A ResNet-18 as torchvision builds it, narrow: names of its state, one training step, then eval. A ResNet-20."""
import torch
from torch import nn

import networks
from common import write


class BasicBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, widths, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = widths[0]
        for i, width in enumerate(widths):
            stride = 1 if i == 0 else 2
            blocks = nn.Sequential(BasicBlock(inputs, width, stride), BasicBlock(width, width, 1))
            setattr(self, f"layer{i + 1}", blocks)
            inputs = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Subsample(nn.Module):
    """Every second pixel of every second row, and channels of zeros after its own."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.channels))


class ResNet20(nn.Module):
    """Of examples/networks/resnet.ts."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for i, width in enumerate((16, 32, 64)):
            blocks = [BasicBlock(inputs, width, 1 + (i > 0)), BasicBlock(width, width, 1), BasicBlock(width, width, 1)]
            if i > 0:
                blocks[0].downsample = Subsample(width - inputs)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            inputs = width
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


if __name__ == "__main__":
    # float64: what both float32 implementations should come near to.
    model = ResNet((4, 6, 8, 10), 5).double()
    networks.set_weights(model)
    x = torch.tensor(networks.hashed(1000, 4 * 3 * 40 * 36).reshape(4, 3, 40, 36) * 2 - 1)
    y = model(x)
    loss = nn.functional.cross_entropy(y, torch.tensor([0, 3, 4, 1]))
    loss.backward()
    gradients = {name: p.grad.float() for name, p in model.named_parameters()}
    names = list(model.state_dict())
    running = {k: v.float() for k, v in model.state_dict().items() if "running" in k}
    model.eval()
    write(__file__, [{
        "names": names, "logits": y.float(), "loss": loss.item(), "gradients": gradients,
        "running": running, "evaluated": model(x).float(),
    }])
