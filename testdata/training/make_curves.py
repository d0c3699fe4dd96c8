"""Ten training steps of PyTorch on ResNet18 and MobileNetV2 with seeded weights, for the tests of internal/train.

    pip install torch torchvision numpy && python testdata/training/make_curves.py

writes curves.json (narrow networks) and curves_whole.json (those of torchvision) beside itself. Weights are drawn by
name (../backbones/seeded.py, check.Seeded), so that none are committed. The arithmetic is float64 on float32 weights and
pictures; the script prints how far PyTorch's own float32 is from that. For each network and mode of batch
normalisation a file has the gradients of the first step: of each the L2 norm and the elements at
seeded.positions(its name, its size, SAMPLES). For each optimiser it has the loss before each of ten steps, and how far
these have moved each parameter and running statistic: the L2 norm of the difference.

Scales and biases are not those of the goldens of features. With these most activations are between the kinks of
ReLU and ReLU6; otherwise ten steps of a narrow MobileNetV2 whose normalisations use the statistics of the batch blow
rounding up to a tenth of the loss, in PyTorch too.
"""
import json
import sys

import numpy as np
import torch
import torchvision
from torch.nn import functional as F

import nets
from nets import HERE, seeded

SIZE, CLASSES, BATCH, POOL, STEPS, SAMPLES = 64, 10, 8, 20, 10, 3

OPTIMISERS = {
    "sgd": dict(optimizer="sgd", rate=0.001, momentum=0.9, nesterov=True, decay=0.01),
    "adamw": dict(optimizer="adamw", rate=0.0001, decay=0.05),
}


def resnet18(width):
    """torchvision's resnet18 with width channels in its first stage instead of 64."""
    return nets.ResNet([width << s for s in range(4)], 2, CLASSES)


def mobilenet(width):
    return torchvision.models.MobileNetV2(CLASSES, width_mult=width, dropout=0.0)


# By file: a network, its width, and what divides the rate of SGD so that the loss falls and does not leap.
NETS = {
    "curves": [("resnet18", 8, resnet18, 1), ("mobilenetv2", 0.25, mobilenet, 1)],
    "curves_whole": [("resnet18", 64, resnet18, 20), ("mobilenetv2", 1, mobilenet, 1)],
}


def drawn(name, shape):
    """The array called name: scales within [0.5, 0.8), biases within [1, 2), the others as seeded.weight draws them."""
    leaf = name.split(".")[-1]
    if leaf not in ("weight", "bias") or len(shape) > 1:
        return seeded.weight(name, shape)
    scale, shift = (0.3, 0.5) if leaf == "weight" else (1.0, 1.0)
    return (scale * seeded.uniform(name, shape[0]) + shift).astype(np.float32)


def build(make, width, frozen, dtype):
    net = make(width)
    nets.fill(((n, t) for n, t in net.state_dict().items() if t.is_floating_point()), drawn)
    net.to(dtype).train(not frozen)
    return net


def pool(dtype):
    x = 3.5 * seeded.uniform("training/x", POOL * 3 * SIZE * SIZE) - 1.75
    y = np.floor(CLASSES * seeded.uniform("training/y", POOL)).astype(np.int64)
    x = torch.from_numpy(x.astype(np.float32).reshape(POOL, 3, SIZE, SIZE))
    return x.to(dtype), torch.from_numpy(y)


def optimiser(net, optimizer, rate, decay, momentum=0.0, nesterov=False):
    groups = nets.groups(net, decay)
    if optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov)
    return torch.optim.AdamW(groups, lr=rate)


def short(v):
    return float(f"{v:.8g}")


def sketch(name, t):
    v = t.detach().double().numpy().ravel()
    return dict(norm=short(np.linalg.norm(v)), values=[short(f) for f in v[seeded.positions(name, v.size, SAMPLES)]])


def arrays(net):
    return {n: t.detach().double().numpy().copy() for n, t in net.state_dict().items() if t.is_floating_point()}


def run(make, width, frozen, options, dtype):
    """The losses, the sketches of the first gradients, and how far the arrays moved."""
    net = build(make, width, frozen, dtype)
    opt = optimiser(net, **options)
    x, y = pool(dtype)
    start, losses, grads = arrays(net), [], {}
    for step in range(STEPS):
        rows = [(step * BATCH + i) % POOL for i in range(BATCH)]
        loss = F.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        if step == 0:
            grads = {n: sketch(n, p.grad) for n, p in net.named_parameters()}
        opt.step()
        losses.append(short(loss.item()))
    return losses, grads, {n: short(np.linalg.norm(v - start[n])) for n, v in arrays(net).items()}


def off(a, b):
    """The greatest difference of two sets of norms; those of gradients that are zero but for rounding do not count."""
    top = max(a.values())
    return max(abs(a[n] - b[n]) / (a[n] + 1e-3 * top) for n in a)


def curves(name):
    all = []
    for model, width, make, calm in NETS[name]:
        modes = {}
        for mode in ("frozen", "batch"):
            runs = {}
            for kind, options in OPTIMISERS.items():
                if kind == "sgd":
                    options = dict(options, rate=options["rate"] / calm)
                losses, grads, moved = run(make, width, mode == "frozen", options, torch.float64)
                losses32, grads32, moved32 = run(make, width, mode == "frozen", options, torch.float32)
                norms, norms32 = ({n: g["norm"] for n, g in v.items()} for v in (grads, grads32))
                print(f"{model} {width} {mode:6} {kind:5} float32 off: curve {max(abs(a - b) / a for a, b in zip(losses, losses32)):.1e}, "
                      f"first gradients {off(norms, norms32):.1e}, moved {off(moved, moved32):.1e}; "
                      f"losses {' '.join(f'{v:.4f}' for v in losses)}", flush=True)
                runs[kind] = dict(options, loss=losses, moved=moved)
            modes[mode] = dict(grads=grads, runs=runs)
        all.append(dict(model=model, width=width, modes=modes))
    return dict(script="make_curves.py", size=SIZE, classes=CLASSES, batch=BATCH, pool=POOL, samples=SAMPLES, nets=all)


def check_resnet():
    """resnet18(64) is torchvision's."""
    ours, theirs = build(resnet18, 64, True, torch.float64), torchvision.models.resnet18(num_classes=CLASSES).double().eval()
    theirs.load_state_dict(ours.state_dict())
    x, _ = pool(torch.float64)
    if not torch.allclose(ours(x[:2]), theirs(x[:2]), rtol=1e-12):
        raise SystemExit("resnet18(64) is not torchvision's")


if __name__ == "__main__":
    torch.set_num_threads(2)
    check_resnet()
    for name in sys.argv[1:] or NETS:
        (HERE / f"{name}.json").write_text(json.dumps(curves(name), separators=(",", ":")) + "\n")
