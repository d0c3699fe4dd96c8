"""Writes full-size weights files with seeded weights, of every network and in every container.

    python full_torch.py DIR [part of a name ...]

<library>.<model>.pth (zip) and .safetensors for all, .legacy.pth (the stream that torch.save wrote up to 1.5) for three,
and manifest.json: a row a file with file, model, container, golden (what the network makes of pictures), tensors and
bytes.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import torch_models

LEGACY = ("torchvision.resnet18", "timm.mobilenetv2_100", "lite.efficientnet-lite0")


def write(net: torch_models.Net, folder: Path) -> list[dict]:
    state = net.build().state_dict()
    containers = {"zip": ".pth", "safetensors": ".safetensors"} | ({"legacy": ".legacy.pth"} if net.name in LEGACY else {})
    rows = []
    for container, suffix in containers.items():
        path = folder / (net.name + suffix)
        if container == "safetensors":
            save_file({k: v.contiguous() for k, v in state.items()}, path, {"format": "pt"})
        else:
            torch.save(state, path, _use_new_zipfile_serialization=container == "zip")
        rows.append(dict(file=path.name, model=net.name, container=container, golden=f"golden/{net.name}.safetensors",
                         tensors=len(state), bytes=path.stat().st_size))
    return rows


def main():
    folder, *wanted = sys.argv[1:]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    rows = {r["file"]: r for r in json.loads(manifest.read_text())} if manifest.exists() else {}
    for net in torch_models.nets(wanted):
        rows |= {r["file"]: r for r in write(net, folder)}
        manifest.write_text(json.dumps(list(rows.values()), indent=1) + "\n")


if __name__ == "__main__":
    main()
