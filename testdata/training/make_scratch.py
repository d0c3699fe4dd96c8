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
from torch.nn import functional as F

import nets
from nets import HERE, seeded

WIDTHS = (32, 64, 96, 192)
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def build(classes, dtype):
    """graft's resnet10s with a classifier, as a training begins: kernels and matrices drawn, normalisations that change
    nothing, biases of 0."""
    net = nets.ResNet(WIDTHS, 1, classes, kernel=3, pool=False)
    nets.fill(net.named_parameters(), lambda name, shape: seeded.weight(name, shape) if len(shape) > 1 else None)
    torch.nn.init.zeros_(net.fc.bias)
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
    opt = torch.optim.SGD(nets.groups(net, o["decay"]), lr=o["rate"], momentum=o["momentum"])
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
