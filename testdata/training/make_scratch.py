"""Training a small ResNet from scratch in PyTorch, for the tests of internal/train: the loss of each step.

    pip install torch numpy pillow && python testdata/training/make_scratch.py [MOSAICS]

writes scratch.json, of pictures that are generated, beside itself and, if MOSAICS is the folder of Tiny-ImageNet's mosaics,
scratch_tiny.json, of its 20 000 pictures in mosaics that end in _0. Weights, pictures and their order are drawn by name
(../backbones/seeded.py, check.Seeded). The network is resnet10s of internal/backbone with a dense layer behind it,
batch normalisations use the statistics of the batch, and SGD has momentum and a weight decay. Of the generated
pictures the arithmetic is float64, and the script prints how far PyTorch's float32 is from it; of the others it is float32.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
import seeded  # noqa: E402

WIDTHS = (32, 64, 96, 192)
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


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


class ResNet10s(nn.Module):
    """graft's resnet10s with a classifier."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        inputs = WIDTHS[0]
        for s, width in enumerate(WIDTHS):
            setattr(self, f"layer{s + 1}", nn.Sequential(Block(inputs, width, 2 if s else 1)))
            inputs = width
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for s in range(4):
            x = getattr(self, f"layer{s + 1}")(x)
        return self.fc(x.mean((2, 3)))


def build(classes, dtype):
    """The network as a training begins: kernels and matrices drawn, normalisations that change nothing, biases of 0."""
    net = ResNet10s(classes)
    with torch.no_grad():
        for name, t in net.named_parameters():
            if t.dim() > 1:
                t.copy_(torch.from_numpy(seeded.weight(name, t.shape)))
        net.fc.bias.zero_()
    return net.to(dtype).train()


class Generated:
    """Pictures of ten classes: each has a pattern of 8 × 8 fields, under noise."""
    name, size, classes, batch, steps, n = "scratch", 32, 10, 16, 20, 320
    options = dict(rate=0.01, momentum=0.9, decay=0.0005)

    def get(self, rows):
        field = self.size // 8
        out = np.empty((len(rows), 3, self.size, self.size), np.float32)
        for row, i in zip(out, rows):
            pattern = seeded.uniform(f"pattern/{i % self.classes}", 3 * 8 * 8).reshape(3, 8, 8)
            noise = seeded.uniform(f"picture/{i}", row.size).reshape(row.shape)
            row[:] = (pattern.repeat(field, 1).repeat(field, 2) - 0.5) + 3 * (noise - 0.5)
        return out, [i % self.classes for i in rows]


class Tiny:
    """Tiny-ImageNet: hundred pictures of each class, by the order of the classes' names and of their place."""
    name, size, classes, batch, steps, n = "scratch_tiny", 64, 200, 64, 100, 20000
    options = dict(rate=0.01, momentum=0.9, decay=0.0005)

    def __init__(self, folder):
        from PIL import Image

        files = sorted(folder.glob("*_0.webp"))
        assert len(files) == self.classes, len(files)
        s = self.size
        self.pictures = np.empty((self.n, s, s, 3), np.uint8)
        for c, f in enumerate(files):
            m = np.asarray(Image.open(f).convert("RGB"))
            self.pictures[100 * c :][:100] = m.reshape(10, s, 10, s, 3).swapaxes(1, 2).reshape(100, s, s, 3)

    def get(self, rows):
        x = (self.pictures[rows].astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), [int(r) // 100 for r in rows]


def losses(data, dtype):
    torch.set_num_threads(2)
    net = build(data.classes, dtype)
    o = data.options
    groups = [
        dict(params=[p for p in net.parameters() if p.dim() > 1], weight_decay=o["decay"]),
        dict(params=[p for p in net.parameters() if p.dim() == 1], weight_decay=0.0),
    ]
    opt = torch.optim.SGD(groups, lr=o["rate"], momentum=o["momentum"])
    order = np.argsort(seeded.uniform("order", data.n), kind="stable")
    out = []
    for step in range(data.steps):
        x, y = data.get([order[(step * data.batch + i) % data.n] for i in range(data.batch)])
        loss = F.cross_entropy(net(torch.from_numpy(x).to(dtype)), torch.tensor(y))
        opt.zero_grad()
        loss.backward()
        opt.step()
        out.append(float(f"{loss.item():.8g}"))
    return out


def off(a, b):
    each = [abs(x - y) / y for x, y in zip(a, b)]
    means = [np.mean(v[i : i + 10]) for v in (a, b) for i in range(0, len(v), 10)]
    half = len(means) // 2
    return f"first ten {max(each[:10]):.1e}, all {max(each):.1e}, means of ten {max(abs(x - y) / y for x, y in zip(means, means[half:])):.1e}"


def write(data, curve):
    about = dict(script="make_scratch.py", size=data.size, classes=data.classes, batch=data.batch, pictures=data.n, **data.options, loss=curve)
    (HERE / f"{data.name}.json").write_text(json.dumps(about, separators=(",", ":")) + "\n")
    print(data.name, " ".join(f"{v:.3f}" for v in curve), flush=True)


def main():
    data = Generated()
    curve = losses(data, torch.float64)
    write(data, curve)
    print("float32 off:", off(losses(data, torch.float32), curve), flush=True)
    if len(sys.argv) > 1:
        data = Tiny(pathlib.Path(sys.argv[1]))
        write(data, losses(data, torch.float32))


if __name__ == "__main__":
    main()
