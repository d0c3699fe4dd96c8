"""Writes golden/keras.<Application>.safetensors: what Keras computes with seeded weights, at some depths.

For each size and depth: "<H>x<W>/<depth>/values" (elements seeded.positions("keras.<Application>/<H>x<W>/<depth>")
of the tensor flattened as NCHW), "…/means" (of each channel, over N, H and W), "…/max" (of the absolute values)
and "…/shape". Computed in float64, rounded to float32 once. Usage: golden_keras.py [Application …]
"""
import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import save

import keras_apps as apps
import seeded

HERE = pathlib.Path(__file__).parent
SMALL, ODD = (96, 96), (225, 193)


def output(model, where: str):
    return model.get_layer(where[1:]).input if where[0] == "<" else model.get_layer(where).output


def depths_at(name: str, size) -> dict:
    """Logits only at the network's own size; VGG16's fully connected layers fit no other."""
    app = apps.APPS[name]
    skip = set() if size == (app.size, app.size) else {"logits", "features"} if name == "VGG16" else {"logits"}
    return {depth: where for depth, where in app.depths.items() if depth not in skip}


def run(name: str, size):
    """The model and {depth: array, NCHW or ND} for two pictures of a size."""
    height, width = size
    depths = depths_at(name, size)
    top = {"classifier_activation": None} if name != "VGG16" or "features" in depths else {"include_top": False}
    model = apps.build(name, height, width, **top)
    apps.seed(model)
    probe = keras.Model(model.inputs, [output(model, where) for where in depths.values()])
    images = seeded.pixels(height, width).transpose(0, 2, 3, 1)
    outs = probe(apps.preprocess(name, images.astype(np.float64)), training=False)
    return model, {depth: flat_layout(np.asarray(out)) for depth, out in zip(depths, outs)}


def flat_layout(x: np.ndarray) -> np.ndarray:
    assert x.dtype == np.float64, x.dtype
    if x.ndim == 4:
        x = x.transpose(0, 3, 1, 2)
        if x.shape[2:] == (1, 1):  # pooled, with its axes kept
            x = x[:, :, 0, 0]
    return np.ascontiguousarray(x)


def summary(name: str, size: str, depth: str, x: np.ndarray) -> dict:
    """What the golden file holds of a tensor, after a look at whether it can tell right from wrong."""
    assert np.isfinite(x).all(), (name, size, depth)
    apart = np.abs(x[0] - x[1]).max() / np.abs(x).max()
    print(f"{name:17}{size:>8} {depth:9}{str(x.shape):20} max {np.abs(x).max():10.4g} mean {x.mean():10.4g} std {x.std():10.4g} pictures {apart:.2g} apart")
    assert apart > 1e-3, "the two pictures give the same: what is before this depth is not tested"
    key = f"{size}/{depth}"
    at = seeded.positions(f"keras.{name}/{key}", x.size)
    means = x.mean(axis=(0,) + tuple(range(2, x.ndim)))
    return {
        f"{key}/values": x.reshape(-1)[at].astype(np.float32),
        f"{key}/means": means.astype(np.float32),
        f"{key}/max": np.float32([np.abs(x).max()]),
        f"{key}/shape": np.int64(x.shape),
    }


def epsilon(model, kind) -> str:
    """The one epsilon that all normalisations of a kind share, or nothing."""
    found = {leaf.epsilon for layer in model.layers for leaf in apps.leaves(layer) if isinstance(leaf, kind)}
    assert len(found) <= 1, found
    return str(found.pop()) if found else ""


def in_order(file: bytes) -> bytes:
    """A safetensors file with its metadata sorted: the library writes them in any order, a diff wants one."""
    size = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    return file[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(size) + file[8 + size :]


def golden(name: str):
    app, tensors = apps.APPS[name], {}
    for size in SMALL, (app.size, app.size), ODD:
        model, outs = run(name, size)
        for depth, x in outs.items():
            tensors |= summary(name, f"{size[0]}x{size[1]}", depth, x)
    meta = {
        "script": "testdata/backbones/golden_keras.py",
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "normalise": app.normalise,
        "bn_eps": epsilon(model, keras.layers.BatchNormalization),
        "ln_eps": epsilon(model, keras.layers.LayerNormalization),
    }
    (HERE / "golden").mkdir(exist_ok=True)
    (HERE / "golden" / f"keras.{name}.safetensors").write_bytes(in_order(save(tensors, metadata=meta)))


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    for app_name in sys.argv[1:] or apps.APPS:
        golden(app_name)
