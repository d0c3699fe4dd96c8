"""Writes the files that Keras itself writes for networks with seeded weights.

Usage: full_keras.py DIR [Application …]

They are <Application>.<kind>, 3.4 GB together, and DIR/manifest.json: for each file its size and SHA-256, the
application, and the shapes of the seeded arrays in it by name. The kinds are the four that Keras 3 knows:
legacy.h5 (weights alone, as the published files were written), model.h5 (the whole model, the weights in the
group model_weights), weights.h5 (save_weights) and keras (save, a zip archive).
"""
import datetime
import hashlib
import json
import pathlib
import sys
import time
from unittest import mock

import h5py
import keras
from keras.src.legacy.saving import legacy_h5_format
from keras.src.saving import saving_lib, serialization_lib

import keras_apps as apps

NAMES = ["Tiny", "ResNet50", "ResNet50V2", "MobileNetV2", "MobileNetV3Large", "EfficientNetB0", "VGG16", "DenseNet121"]
NEW_YEAR = time.gmtime(1735689600)  # of 2025: the date that files with a date in them get
KINDS = ["legacy.h5", "model.h5", "weights.h5", "keras"]


def seeded_model(name: str):
    """The application, or Tiny, with seeded weights; and these by name."""
    model = tiny() if name == "Tiny" else apps.build(name, apps.APPS[name].size, apps.APPS[name].size)
    return model, apps.seed(model)


def tiny():
    """A classifier of 5 classes that has a layer of each kind with weights, one of them in a nested model."""
    keras.utils.clear_session()
    inner = keras.Sequential([keras.layers.DepthwiseConv2D(3, use_bias=False, name="depthwise"), keras.layers.BatchNormalization(name="depthwise_bn")], name="inner")
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, name="conv"),
            inner,
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(5, activation="softmax", name="predictions"),
        ],
        name="tiny",
    )


def write(model, kind: str, path: pathlib.Path):
    """Has Keras write a file of a kind, with neither the date nor addresses in it: the same model, the same bytes."""
    if kind == "legacy.h5":
        with h5py.File(path, "w") as f:
            legacy_h5_format.save_weights_to_hdf5_group(f, model)
    elif kind == "weights.h5":
        model.save_weights(path)
    else:
        numbers = {}
        with (
            mock.patch.object(time, "localtime", lambda *_: NEW_YEAR),  # for the members of the archive
            mock.patch.object(saving_lib, "datetime", mock.Mock(datetime=mock.Mock(now=lambda: datetime.datetime(*NEW_YEAR[:6])))),
            mock.patch.object(serialization_lib, "id", lambda x: numbers.setdefault(id(x), len(numbers) + 1), create=True),
        ):
            model.save(path)


def sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def files(folder: pathlib.Path, names):
    """(application, kind, path, weights by name) of each file, as it is written."""
    for name in names:
        model, drawn = seeded_model(name)
        for kind in KINDS:
            path = folder / f"{name}.{kind}"
            write(model, kind, path)
            yield name, kind, path, drawn


def main(folder: pathlib.Path, names):
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"keras": keras.__version__, "files": {}}
    for name, kind, path, drawn in files(folder, names):
        manifest["files"][path.name] = {
            "application": name,
            "kind": kind,
            "size": path.stat().st_size,
            "sha256": sha256(path),
            "arrays": {array: value.shape for array, value in drawn.items()},
        }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:] or NAMES)
