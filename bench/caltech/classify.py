"""The job of graft train in plain PyTorch: an archive of photos in, an evaluated linear head on a frozen MobileNetV2 out.

Eager mode, Pillow in a DataLoader, features computed once, the head trained on them. Prints one JSON object with the seconds
of each stage. Weights change no time; without --weights, a state dict of torchvision's mobilenet_v2, they are random.
"""

import argparse
import json
import pathlib
import tarfile
import tempfile
import time

import torch
import torchvision
from PIL import Image

SIZE = 224


class Photos(torch.utils.data.Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        path, label = self.samples[i]
        with Image.open(path) as photo:
            photo = photo.convert("RGB").resize((SIZE, SIZE), Image.BILINEAR)
        x = torchvision.transforms.functional.pil_to_tensor(photo)
        return x.float().div_(127.5).sub_(1), label


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("archive", type=pathlib.Path)
    p.add_argument("--weights", type=pathlib.Path)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument("--test", type=float, default=0.35)
    p.add_argument("--exclude", default="BACKGROUND_Google")
    p.add_argument("--limit", type=int, help="use this many pictures of each class at most")
    return p.parse_args()


def find(folder, o):
    """Returns samples to train on and to test on: a share of each class, in random order."""
    classes = sorted(p for p in folder.glob("*/*") if p.is_dir() and p.name != o.exclude)
    train, test = [], []
    for label, c in enumerate(classes):
        paths = sorted(c.glob("*.jpg"))[: o.limit]
        order = torch.randperm(len(paths)).tolist()
        cut = round(len(paths) * o.test)
        test += [(paths[i], label) for i in order[:cut]]
        train += [(paths[i], label) for i in order[cut:]]
    return train, test, len(classes)


def features(base, samples, o):
    """Decoding and the base take turns on the same cores, so one time is all there is to tell."""
    loader = torch.utils.data.DataLoader(Photos(samples), o.batch, num_workers=o.threads)
    xs, ys = [], []
    with torch.inference_mode():
        for x, y in loader:
            xs.append(torch.nn.functional.adaptive_avg_pool2d(base(x), 1).flatten(1))
            ys.append(y)
    return torch.cat(xs), torch.cat(ys)


def fit(head, x, y, o):
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    for _ in range(o.epochs):
        for batch in torch.randperm(len(x)).split(o.batch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(x[batch]), y[batch]).backward()
            optimizer.step()


def main():
    o = arguments()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    seconds, start = {}, time.perf_counter()

    def lap(stage):
        nonlocal start
        now = time.perf_counter()
        seconds[stage], start = now - start, now

    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(o.archive) as archive:
            archive.extractall(folder, filter="data")
        train, test, classes = find(pathlib.Path(folder), o)
        lap("unpack")
        model = torchvision.models.mobilenet_v2().eval()
        if o.weights:
            model.load_state_dict(torch.load(o.weights, weights_only=True))
        lap("model")
        x, y = features(model.features, train, o)
        test_x, test_y = features(model.features, test, o)
        lap("decode, resize, base")
    head = torch.nn.Linear(x.shape[1], classes)
    fit(head, x.clone(), y.clone(), o)
    lap("head")
    with torch.inference_mode():
        right = (head(test_x).argmax(1) == test_y).float().mean().item()
    lap("evaluation")
    print(json.dumps({"test_pictures": len(test), "seconds": seconds, "total": sum(seconds.values()), "accuracy": right}))


if __name__ == "__main__":
    main()
