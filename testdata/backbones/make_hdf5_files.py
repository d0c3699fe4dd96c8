"""Writes the small HDF5 and Keras files that the tests of internal/weights/hdf5 and internal/weights read.

Run in the repository's root with h5py 3.16, tensorflow and Keras 3 installed; it takes no arguments. What h5py and
Keras read back from each file goes into expected.json beside it.
"""
import gzip
import json
import os
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

from seeded import uniform, weight

HDF5 = "internal/weights/hdf5/testdata"
KERAS = "internal/weights/testdata/keras"
# h5py's and Keras's own choice is "earliest"; "latest" is layout version 5 with HDF5 2.0, which h5py 3.16 has.
LIBVERS = {"earliest": ("earliest", "latest"), "v108": ("v108", "v108"), "v114": ("v114", "v114"), "latest": ("latest", "latest")}


def values(name, shape, dtype):
    """Numbers that differ from one another and fit in dtype."""
    return np.floor(100 * uniform(name, int(np.prod(shape)))).astype(dtype).reshape(shape)


def lowlevel(f, name, data, *, chunks=None, early=False, compact=False):
    """A data set with a creation property that h5py's own interface lacks."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if compact:
        plist.set_layout(h5py.h5d.COMPACT)
    if chunks:
        plist.set_chunk(chunks)
    if early:
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(data.shape)
    d = h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(data.dtype), space, plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, data)


def fill(f):
    """One of each thing that the reader knows."""
    for t in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "i1", "<i2", "<i4", "<i8", ">i4", "u1", "<u2", "<u4", "<u8"):
        f.create_dataset("types/" + t.replace("<", "le_").replace(">", "be_"), data=values(t, (3, 2), t))
    f["types/scalar"] = np.float32(1.5)
    f["types/empty"] = np.zeros((0, 3), "f4")
    f["types/negative"] = np.array([-1, -2, 3], "i2")
    lowlevel(f, "compact", values("compact", (2, 5), "f4"), compact=True)
    grid = values("grid", (5, 7, 3), "f4")
    for name, options in {
        "plain": {}, "gzip": {"compression": "gzip"}, "shuffle": {"shuffle": True},
        "both": {"shuffle": True, "compression": "gzip"}, "fletcher": {"fletcher32": True},
        "all": {"shuffle": True, "compression": 9, "fletcher32": True},
    }.items():
        f.create_dataset("chunked/" + name, data=grid, chunks=(2, 4, 2), **options)
    f.create_dataset("chunked/single", data=grid, chunks=grid.shape)
    f.create_dataset("chunked/single_gzip", data=grid, chunks=grid.shape, compression="gzip")
    f.create_dataset("chunked/wider", data=grid, chunks=(8, 8, 4), maxshape=(8, 8, 4))
    f.create_dataset("chunked/two_free", data=grid, chunks=(2, 4, 2), maxshape=(None, None, 3))
    f.create_dataset("chunked/two_free_gzip", data=grid, chunks=(2, 4, 2), maxshape=(None, None, 3), compression="gzip")
    f.create_dataset("chunked/bytes", data=np.arange(11, dtype="u1"), chunks=(4,), shuffle=True, fletcher32=True)
    f.create_dataset("chunked/odd", data=np.arange(10, dtype="u1"), chunks=(5,), fletcher32=True)
    lowlevel(f, "implicit", grid, chunks=(2, 4, 2), early=True)

    g = f.create_group("attributes")
    g.attrs["fixed"] = np.array([b"input_1", b"conv1", b"fc1000"])
    g.attrs["variable"] = ["kernel:0", "bias:0", "", "größe"]
    g.attrs["scalar"] = "tensorflow"
    g.attrs["bytes"] = np.bytes_(b"2.8.0")
    g.attrs["none"] = []
    many = f.create_group("many_attributes")
    for i in range(20):
        many.attrs[f"a{i}"] = [f"value {i}", "x"]
    many.attrs["large"] = np.array([b"%0100d" % i for i in range(60)])

    f["one"], f["two"] = np.float32(1), np.float32(2)
    for i in range(150):
        f[f"big/child{i}"] = f["one" if i % 2 else "two"]
    ordered = f.create_group("ordered", track_order=True)
    for name in ("zebra", "ape", "mule"):
        ordered[name] = f["one"]
    f["a/b/c/d"] = np.arange(4.0)


def fill_tiny(f):
    """A little of everything that has offsets, for tests that damage each byte."""
    f["g/contiguous"] = values("tiny", (3,), "f4")
    f["g"].attrs["names"] = ["x", "yy"]
    f["g"].attrs["fixed"] = np.array([b"k", b"b"])
    f.create_dataset("chunked", data=np.arange(10, dtype="i2"), chunks=(4,), compression="gzip", shuffle=True, fletcher32=True)
    for i in range(9):
        f[f"many/{i}"] = f["g"]


def describe(f):
    """What h5py says of every data set, group and string attribute."""
    datasets, groups, attributes = {}, {}, {}

    def visit(path, o):
        for k, v in o.attrs.items():
            v = [v] if isinstance(v, (str, bytes)) else list(v)
            attributes.setdefault("/" + path, {})[k] = [s.decode() if isinstance(s, bytes) else s for s in v]
        if isinstance(o, h5py.Dataset):
            datasets["/" + path] = {"dtype": o.dtype.str, "shape": list(o.shape), "data": [float(x) for x in o[()].ravel()] if o.shape else [float(o[()])]}
        else:
            groups["/" + path] = list(o)

    visit("", f)
    f.visititems(visit)  # comes to an object only once, whatever its number of links
    return {"datasets": datasets, "groups": groups, "attributes": attributes}


def described(path):
    with h5py.File(path) as f:
        return describe(f)


def pack(path):
    """Replaces a file by its gzip: HDF5 files are half zeros."""
    with open(path, "rb") as f:
        data = gzip.compress(f.read(), 9, mtime=0)
    with open(path + ".gz", "wb") as f:
        f.write(data)
    os.remove(path)


def make_hdf5():
    os.makedirs(HDF5, exist_ok=True)
    assert h5py.version.hdf5_version_tuple >= (2,), "older versions of HDF5 lack the newest layout"
    for name, libver in LIBVERS.items():
        with h5py.File(f"{HDF5}/{name}.h5", "w", libver=libver) as f:
            fill(f)
        with h5py.File(f"{HDF5}/tiny_{name}.h5", "w", libver=libver) as f:
            fill_tiny(f)
    with h5py.File(f"{HDF5}/userblock.h5", "w", userblock_size=1024) as f:
        f["a/b"] = values("userblock", (4,), "f4")
        f["a"].attrs["names"] = ["x", "y"]
    with h5py.File(f"{HDF5}/paged.h5", "w", libver="latest") as f:
        f.create_dataset("paged", data=np.arange(1100, dtype="u1"), chunks=(1,))
        f.create_dataset("paged_shuffle", data=np.arange(2060, dtype="u2"), chunks=(2,), shuffle=True)
    with h5py.File(f"{HDF5}/dense.h5", "w", libver="latest") as f:
        f["x"] = np.float32(1)
        for i in range(1500):  # an internal node in the B-tree, indirect blocks in the heap
            f[f"big/a_longer_name_{i}"] = f["x"]
    expected = {}
    for prefix in ("", "tiny_"):  # the same in every version
        versions = [described(f"{HDF5}/{prefix}{name}.h5") for name in LIBVERS]
        assert all(v == versions[0] for v in versions)
        expected[prefix + "*.h5"] = versions[0]
    for name in ("userblock.h5", "paged.h5", "dense.h5"):
        expected[name] = described(f"{HDF5}/{name}")
    with open(f"{HDF5}/expected.json", "w") as out:
        json.dump(expected, out, separators=(",", ":"))
    make_refused()
    for name in [n for n in os.listdir(HDF5) if n != "expected.json" and not n.endswith(".gz")]:
        pack(f"{HDF5}/{name}")


def make_refused():
    """Things that are sound and refused, one a name."""
    for name, libver in LIBVERS.items():
        if name not in ("earliest", "latest"):
            continue
        with h5py.File(f"{HDF5}/refused_{name}.h5", "w", libver=libver) as f:
            f["good"] = np.arange(3.0)
            f["soft"] = h5py.SoftLink("/good")
            f["external_link"] = h5py.ExternalLink("expected.json", "/x")
            f.create_dataset("external_storage", (4,), "u1", external=[("expected.json", 0, 4)])
            layout = h5py.VirtualLayout((3,), "f8")
            layout[:] = h5py.VirtualSource("earliest.h5", "one", (3,))
            if name == "latest":
                f.create_virtual_dataset("virtual", layout)
            f.create_dataset("lzf", data=np.zeros(9, "f4"), compression="lzf")
            f.create_dataset("scaleoffset", data=np.zeros(9, "i4"), scaleoffset=0)
            f.create_dataset("holes", (8,), "f4", chunks=(2,))[4:] = 1
            f.create_dataset("nothing", (8,), "f4")
            f.create_dataset("growing", data=np.zeros(9, "f4"), chunks=(2,), maxshape=(None,))
            f["compound"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
            f["committed"] = np.dtype("f4")
            f.create_dataset("shared_type", data=np.zeros(2, "f4"), dtype=f["committed"])
            f.create_dataset("bomb", (2**15, 2**15), "f4", chunks=(2**10, 2**10), compression="gzip")[0, 0] = 1
            f.create_dataset("zeros", data=np.zeros(10**6, "f4"), chunks=(10**6,), compression="gzip")
            f["numbers"] = np.float32(0)
            f["numbers"].attrs["shape"] = [1, 2]


def seeded(model):
    for w in model.weights:
        w.assign(weight(w.path, w.shape))
    return model


def small_model():
    """A model with each kind of layer that has weights, with names of its own and Keras's, and a nested one."""
    keras.utils.clear_session()
    inner = keras.Sequential([keras.Input((2, 2, 3)), layers.Conv2D(2, 1, name="inner_conv"), layers.BatchNormalization(name="inner_bn"), layers.Conv2D(3, 1)], name="inner")
    x = pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(2, 3, name="zz_first")(x)
    x = layers.BatchNormalization(name="first_bn")(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, use_bias=False)(x)
    for _ in range(10):  # the eleventh, conv2d_11, sorts before conv2d_2 as text
        x = layers.Conv2D(1, 1)(x)
    x = layers.Conv2D(3, 3)(x)
    x = inner(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return seeded(keras.Model(pixels, layers.Dense(4, name="predictions")(x), name="small"))


def legacy_file(model, path, **options):
    with h5py.File(path, "w", **options) as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, model)


def copied(source, path, **options):
    """The same file as Keras writes it on another version of HDF5."""
    with h5py.File(source) as f, h5py.File(path, "w", **options) as g:
        def visit(name, o):
            new = g.create_dataset(name, data=o[()]) if isinstance(o, h5py.Dataset) else g.create_group(name)
            new.attrs.update(o.attrs)
        f.visititems(visit)


def rezipped(source, path, method):
    with zipfile.ZipFile(source) as z, zipfile.ZipFile(path, "w", method) as out:
        for name in z.namelist():
            out.writestr(zipfile.ZipInfo(name), z.read(name), method)


def make_keras():
    os.makedirs(KERAS, exist_ok=True)
    model = small_model()
    legacy = [{"layer": l.name, "name": w.path, "shape": list(w.shape), "data": np.asarray(w).ravel().tolist()}
              for l in model.layers for w in legacy_h5_format._legacy_weights(l)]
    legacy_file(model, f"{KERAS}/legacy.h5")
    legacy_file(model, f"{KERAS}/legacy_v108.h5", libver=LIBVERS["v108"])
    legacy_file(model, f"{KERAS}/legacy_latest.h5", libver="latest")
    model.compile("adam", "mse", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    model.save(f"{KERAS}/whole.h5")
    model.save_weights(f"{KERAS}/small.weights.h5")
    copied(f"{KERAS}/small.weights.h5", f"{KERAS}/v108.weights.h5", libver=LIBVERS["v108"])
    copied(f"{KERAS}/small.weights.h5", f"{KERAS}/latest.weights.h5", libver="latest")
    model.save(f"{KERAS}/small.keras")
    rezipped(f"{KERAS}/small.keras", f"{KERAS}/deflated.keras", zipfile.ZIP_DEFLATED)
    keras3 = {k: v for k, v in described(f"{KERAS}/small.weights.h5")["datasets"].items() if not k.startswith("/optimizer")}
    with open(f"{KERAS}/expected.json", "w") as out:
        json.dump({"legacy": legacy, "keras3": keras3, "layers": [l.name for l in model.layers]}, out, separators=(",", ":"))

    keras.utils.clear_session()
    pixels = keras.Input((2, 2, 1))
    x = layers.Dense(1, name="d", dtype="bfloat16")(layers.Lambda(lambda t: t * 2)(pixels))
    half = seeded(keras.Model(pixels, layers.Dense(1, name="h", dtype="float16")(x)))
    half.save(f"{KERAS}/lambda.keras")
    old_files()
    for name in [n for n in os.listdir(KERAS) if n != "expected.json" and not n.endswith(".gz")]:
        pack(f"{KERAS}/{name}")


def old_files():
    """Layouts that today's Keras does not write: of Keras 1, and with lists too long for an attribute."""
    with h5py.File(f"{KERAS}/keras1.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"input_1", b"conv1", b"bn_conv1"])
        f.create_group("input_1").attrs["weight_names"] = []
        for layer, names in {"conv1": ["conv1_W:0", "conv1_b:0"], "bn_conv1": ["bn_conv1_gamma:0", "bn_conv1_running_std:0"]}.items():
            g = f.create_group(layer)
            g.attrs["weight_names"] = np.array([n.encode() for n in names])
            for n in names:
                g[n] = weight(n, (2,))
    with h5py.File(f"{KERAS}/bomb.h5", "w") as f:  # arrays of 400 times the file's length each
        f.attrs["layer_names"] = ["l"]
        g = f.create_group("l")
        g.attrs["weight_names"] = ["a", "b", "c"]
        for name in "abc":
            g.create_dataset(name, (1_800_000,), "f4", chunks=(3000,), compression="gzip")[0] = 1
    with h5py.File(f"{KERAS}/split.h5", "w") as f:
        for i, names in enumerate([["b", "a"], ["c"], ["d"]]):
            f.attrs[f"layer_names{i}"] = names
        for i, layer in enumerate("abcd"):
            g = f.create_group(layer)
            for k in range(2):
                g.attrs[f"weight_names{k}"] = [f"{layer}/w{k}:0"]
                g[f"{layer}/w{k}:0"] = np.float32(10 * i + k)


if __name__ == "__main__":
    make_hdf5()
    make_keras()
