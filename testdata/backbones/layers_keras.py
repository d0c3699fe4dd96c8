"""Writes keras_layers.tsv and published_keras.tsv: what Keras's files of the applications hold, and where they are.

Keras loads its files by order: the layers with weights as model.layers has them (a nested model counts as one
layer), and in each the trainable weights before the others. keras_layers.tsv lists them so, a row for each layer
that has weights itself; "group" is the layer's group in a .weights.h5 file, where weight i is the data set vars/i.
"""
import pathlib
import tempfile

import h5py

import keras_apps as apps

HERE = pathlib.Path(__file__).parent


def groups(model) -> dict[bytes, str]:
    """The data sets' paths in the .weights.h5 that Keras writes, by content."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[item[()].tobytes()] = name

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.weights.h5"
        model.save_weights(path)
        with h5py.File(path) as f:
            f.visititems(visit)
    return found


def rows(name: str):
    """(application, layer, class, weights with shapes, group) of each layer with weights, in order."""
    size = apps.APPS[name].size
    model = apps.build(name, size, size)
    apps.seed(model)
    paths = groups(model)
    for layer in model.layers:
        for leaf in apps.leaves(layer):
            found, group = [], ""
            for i, (weight, v) in enumerate(apps.weights_of(leaf)):
                found.append(f"{weight.rpartition('/')[2]} {'x'.join(map(str, v.shape)) or '-'}")
                group, _, leaf_path = paths[v.numpy().tobytes()].rpartition("/vars/")
                assert leaf_path == str(i), (weight, group, leaf_path)
            if found:
                path = leaf.name if leaf is layer else f"{layer.name}/{leaf.name}"
                yield name, path, type(leaf).__name__, ", ".join(found), group


def published(name: str):
    """(application, URL, hash, with or without top) as the installed source asks for them."""
    asked = []

    def get_file(file_name, origin, file_hash="", **_):
        asked.append((origin, file_hash))

    size = apps.APPS[name].size
    for top in True, False:
        apps.build(name, size, size, get_file=get_file, include_top=top)
    for (origin, file_hash), top in zip(asked, ("top", "notop"), strict=True):
        kind = {0: "", 32: "md5", 64: "sha256"}[len(file_hash)]
        yield name, top, origin, kind, file_hash


def write(path: str, header: str, table):
    lines = ["\t".join(row) for row in table]
    (HERE / path).write_text("\n".join([header.replace(" ", "\t"), *lines, ""]))


if __name__ == "__main__":
    write("keras_layers.tsv", "application layer class weights group", (row for name in apps.APPS for row in rows(name)))
    write("published_keras.tsv", "application top url hash value", (row for name in apps.APPS for row in published(name)))
