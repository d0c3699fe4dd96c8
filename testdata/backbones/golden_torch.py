"""Writes golden/<library>.<model>.safetensors: what torchvision, timm and efficientnet_lite_pytorch compute.

    python golden_torch.py [part of a name ...]

Each network gets seeded weights and two seeded pictures at each of its sizes, and is run in float64. A file has, for
each size and depth, at "<H>x<W>/<depth>/":
    values  float32 [n], the elements of the flattened NCHW result at seeded.positions("<name>/<H>x<W>/<depth>", size)
    means   float32 [C], over pictures and places (not for logits)
    max     float32 [1], the greatest absolute value of all
    shape   int64, of the result
Depths: stage1, the last stage in space, features (the input of the last linear layer), for MobileNetV3 also pooled
(the vector before the layer that widens it), logits (at the network's own size only).
"""
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

import seeded
import torch_models

HERE = Path(__file__).parent


def record(name: str, value: np.ndarray, means: bool) -> dict[str, np.ndarray]:
    """The entries of one result, called name = <library>.<model>/<H>x<W>/<depth>."""
    key = name.split("/", 1)[1]
    entries = {
        "values": value.reshape(-1)[seeded.positions(name, value.size)].astype(np.float32),
        "max": np.array([np.abs(value).max()], np.float32),
        "shape": np.array(value.shape, np.int64),
    }
    if means:
        entries["means"] = value.mean(axis=(0, *range(2, value.ndim))).astype(np.float32)
    return {f"{key}/{k}": v for k, v in entries.items()}


def check(name: str, exact: np.ndarray, single: np.ndarray):
    """Prints what a result is like, and refuses one that would tell nothing."""
    top = np.abs(exact).max()
    error = np.abs(exact - single).max() / top
    differ = np.abs(exact[0] - exact[1]).max() / top
    print(f"{name:58} {str(exact.shape):22} max {top:9.3g} mean {exact.mean():10.3g} std {exact.std():9.3g} "
          f"zeros {np.mean(exact == 0):4.2f} pictures differ {differ:7.1e} float32 off {error:7.1e}", flush=True)
    least = 0.01 if exact.ndim == 4 else 0.001  # averages over pictures of noise are much alike
    if not (np.isfinite(exact).all() and 1e-6 < top < 1e15 and differ > least):
        raise SystemExit(f"{name}: degenerate")


def golden(net: torch_models.Net, model: torch.nn.Module) -> dict[str, np.ndarray]:
    entries = {}
    for height, width in net.sizes:
        x = net.input(height, width)
        own = height == width == net.size
        where = {d: p for d, p in net.depths.items() if own or d != "features" or "vgg" not in net.model}
        single = torch_models.run(model.float(), where, x)
        exact = torch_models.run(model.double(), where, x)
        model.float()  # exact: the weights are float32 numbers
        for depth in [*where, *["logits"] * own]:
            name = f"{net.name}/{height}x{width}/{depth}"
            check(name, exact[depth], single[depth])
            entries |= record(name, exact[depth], depth != "logits")
    return entries


def metadata(net: torch_models.Net, model: torch.nn.Module) -> dict[str, str]:
    mean, std = net.scale()
    eps = sorted({m.eps for m in model.modules() if hasattr(m, "eps")})
    return {
        "script": "testdata/backbones/golden_torch.py",
        "versions": torch_models.versions("safetensors"),
        "arithmetic": "float64 on float32 weights and pictures, rounded to float32",
        "library": net.lib,
        "model": net.model,
        "tag": net.tag,
        "normalise": net.normalise(),
        "mean": " ".join(map(str, mean)),
        "std": " ".join(map(str, std)),
        "padding": "same" if net.same else "symmetric",
        "bn_eps": " ".join(map(str, eps)),
    }


def main():
    torch.set_num_threads(2)
    (HERE / "golden").mkdir(exist_ok=True)
    for net in torch_models.nets(sys.argv[1:]):
        model = net.build()
        save_file(golden(net, model), HERE / "golden" / f"{net.name}.safetensors", metadata(net, model))


if __name__ == "__main__":
    main()
