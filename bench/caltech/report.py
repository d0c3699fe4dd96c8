"""Prints the seconds of each stage of graft train and of classify.py: report.py GRAFT.json TORCH.json BEGIN END."""

import json
import sys


def show(name, seconds, total, pictures, accuracy):
    print(f"{name}: {total:.1f} s, {100 * accuracy:.1f} % of {pictures} test pictures right")
    for stage, s in seconds.items():
        print(f"  {stage:24}{s:9.2f} s")


def main():
    ours, theirs = (json.load(open(path)) for path in sys.argv[1:3])
    total = float(sys.argv[4]) - float(sys.argv[3])
    stages = {s["name"]: s["seconds"] for s in ours["stages"]}
    show("graft", stages, total, ours["test"]["n"], ours["test"]["top1"]["value"])
    show("PyTorch", theirs["seconds"], theirs["total"], theirs["test_pictures"], theirs["accuracy"])
    print(f"graft is {theirs['total'] / total:.2f}x as fast")


if __name__ == "__main__":
    main()
