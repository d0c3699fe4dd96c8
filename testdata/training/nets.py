"""Small ResNets, and groups of parameters for their optimisers, for the scripts beside this file."""
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
import seeded  # noqa: E402, F401


class Block(nn.Module):
    """torchvision's BasicBlock."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's ResNet of BasicBlocks: stages of these widths, of so many blocks each, the first behind stem and pool."""

    def __init__(self, widths, blocks, classes, kernel=7, pool=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], kernel, 2, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.pool, self.stages = pool, len(widths)
        inputs = widths[0]
        for s, width in enumerate(widths):
            first = Block(inputs, width, 2 if s else 1)
            setattr(self, f"layer{s + 1}", nn.Sequential(first, *(Block(width, width, 1) for _ in range(1, blocks))))
            inputs = width
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for s in range(self.stages):
            x = getattr(self, f"layer{s + 1}")(x)
        return self.fc(x.mean((2, 3)))


def fill(arrays, draw):
    """Sets arrays, of (name, tensor), to what draw gives for a name and shape; None leaves one as it is."""
    with torch.no_grad():
        for name, t in arrays:
            drawn = draw(name, t.shape)
            if drawn is not None:
                t.copy_(torch.from_numpy(drawn))


def groups(net, decay):
    """Weights decay; biases and what belongs to a normalisation, all of one axis, do not."""
    return [
        dict(params=[p for p in net.parameters() if p.dim() > 1], weight_decay=decay),
        dict(params=[p for p in net.parameters() if p.dim() == 1], weight_decay=0.0),
    ]
