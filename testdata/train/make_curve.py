"""Loss curves, losses and optimiser steps of PyTorch, for the tests of internal/train.

    pip install torch numpy && python testdata/train/make_curve.py

writes curve.json, loss.json and optim.json beside itself. All numbers are float32 printed in full.
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
N, D, H, K, BATCH, STEPS = 44, 6, 5, 4, 8, 10

OPTIMISERS = {
    "sgd": dict(optimizer="sgd", rate=0.1),
    "momentum": dict(optimizer="sgd", rate=0.1, momentum=0.9),
    "nesterov": dict(optimizer="sgd", rate=0.1, momentum=0.9, nesterov=True, decay=0.01),
    "adam": dict(optimizer="adam", rate=0.05),
    "adam_decay": dict(optimizer="adam", rate=0.05, decay=0.01),
    "adamw": dict(optimizer="adamw", rate=0.05, decay=0.1),
}


def listed(t):
    return [float(v) for v in np.asarray(t.detach(), dtype=np.float32).ravel()]


def optimiser(params, optimizer, rate, momentum=0.0, nesterov=False, decay=0.0):
    """Weights decay, biases (one axis) do not."""
    groups = [
        dict(params=[p for p in params if p.dim() > 1], weight_decay=decay),
        dict(params=[p for p in params if p.dim() == 1], weight_decay=0.0),
    ]
    if optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    return kind(groups, lr=rate)


def network(hidden):
    if hidden is None:
        return nn.Sequential(nn.Linear(D, K))
    return nn.Sequential(nn.Linear(D, H), {"relu": nn.ReLU, "gelu": nn.GELU}[hidden](), nn.Linear(H, K))


def curves():
    g = torch.Generator().manual_seed(1)
    x = torch.randn(N, D, generator=g)
    y = torch.randint(K, (N,), generator=g)
    out = dict(script="make_curve.py", x=listed(x), y=y.tolist(), d=D, k=K, h=H, batch=BATCH, heads=[])
    for hidden in (None, "relu", "gelu"):
        torch.manual_seed(2)
        start = network(hidden).state_dict()
        start = {k: v.clone() for k, v in start.items()}
        # Weights as [in, out], as a Gemm without transposition reads them.
        head = dict(activation=hidden or "", start=[listed(v.T if v.dim() == 2 else v) for v in start.values()], runs={})
        for name, options in OPTIMISERS.items():
            net = network(hidden)
            net.load_state_dict(start)
            opt = optimiser(list(net.parameters()), **options)
            losses = []
            for step in range(STEPS):
                rows = [(step * BATCH + i) % N for i in range(BATCH)]
                loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
                losses.append(float(loss))
            head["runs"][name] = dict(options, loss=losses)
        out["heads"].append(head)
    return out


def losses():
    g = torch.Generator().manual_seed(3)
    z = 3 * torch.randn(5, K, generator=g)
    y = torch.tensor([0, 3, 1, 1, 2])
    sets = [[0], [], [1, 3], [0, 1, 2, 3], [2]]
    multi = torch.zeros(5, K)
    for i, s in enumerate(sets):
        multi[i, s] = 1
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    cases = []
    for smoothing in (0.0, 0.1):
        for w in (None, weights):
            for kind in ("softmax", "sigmoid"):
                v = z.clone().requires_grad_()
                if kind == "softmax":
                    loss = nn.CrossEntropyLoss(weight=w, label_smoothing=smoothing)(v, y)
                else:
                    loss = nn.BCEWithLogitsLoss(pos_weight=w)(v, multi * (1 - smoothing) + smoothing / 2)
                loss.backward()
                cases.append(dict(kind=kind, smoothing=smoothing, weights=None if w is None else listed(w), loss=float(loss), dz=listed(v.grad)))
    return dict(script="make_curve.py", z=listed(z), k=K, labels=y.tolist(), sets=sets, cases=cases)


def steps():
    """Three steps on a matrix (which decays) and a vector with given gradients."""
    g = torch.Generator().manual_seed(4)
    w, b = torch.randn(2, 2, generator=g), torch.randn(3, generator=g)
    grads = [(torch.randn(2, 2, generator=g), torch.randn(3, generator=g)) for _ in range(3)]
    out = dict(script="make_curve.py", w=listed(w), b=listed(b), grads=[[listed(a), listed(c)] for a, c in grads], runs={})
    for name, options in OPTIMISERS.items():
        p, q = nn.Parameter(w.clone()), nn.Parameter(b.clone())
        opt = optimiser([p, q], **options)
        after = []
        for a, c in grads:
            p.grad, q.grad = a.clone(), c.clone()
            opt.step()
            after.append([listed(p), listed(q)])
        out["runs"][name] = dict(options, after=after)
    return out


if __name__ == "__main__":
    for name, data in dict(curve=curves(), loss=losses(), optim=steps()).items():
        (HERE / f"{name}.json").write_text(json.dumps(data, indent=None, separators=(",", ":")) + "\n")
