"""Writes internal/backbone/published.tsv, the table of published weights that graft knows, from what the libraries
say: published.tsv (torchvision, timm, efficientnet_lite_pytorch; written by published.py) and the installed Keras.
Usage: table.py, with Keras installed.
"""
import csv
import importlib
import math
import pathlib
import re

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent.parent / "internal" / "backbone" / "published.tsv"

# Library's name of a network -> graft's, and the layout of its weights.
TORCHVISION = {n: (n, "torch") for n in
               "resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d wide_resnet50_2 squeezenet1_1 vgg16 vgg16_bn".split()}
TORCHVISION |= {n: (n, "torchvision") for n in "efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 convnext_tiny".split()}
TORCHVISION |= {"densenet121": ("densenet121", "torch-2017"), "mobilenet_v2": ("mobilenetv2", "torchvision"), "regnet_y_400mf": ("regnety_400mf", "torchvision"),
                "mobilenet_v3_large": ("mobilenetv3_large", "torchvision"), "mobilenet_v3_small": ("mobilenetv3_small", "torchvision")}
TIMM = {n: (n, "torch") for n in "resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d wide_resnet50_2 densenet121".split()}
TIMM |= {n: (n, "timm") for n in "vgg16 vgg16_bn convnext_tiny efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3".split()}
TIMM |= {f"tf_efficientnet_{n}": (f"efficientnet_{n}", "timm-tf") for n in "b0 b1 b2 b3 lite0 lite1 lite2 lite3 lite4".split()}
TIMM |= {"mobilenetv2_100": ("mobilenetv2", "timm"), "regnety_004": ("regnety_400mf", "timm"),
         "mobilenetv3_large_100": ("mobilenetv3_large", "timm"), "mobilenetv3_small_100": ("mobilenetv3_small", "timm"),
         "tf_mobilenetv3_large_100": ("mobilenetv3_large", "timm-tf"), "tf_mobilenetv3_small_100": ("mobilenetv3_small", "timm-tf")}

MODES = {("123.675 116.28 103.53", "58.395 57.12 57.375"): "torch", ("127.5 127.5 127.5", "127.5 127.5 127.5"): "tf",
         ("127 127 127", "128 128 128"): "lite", ("0 0 0", "255 255 255"): "unit"}

COLUMNS = "arch tag layout url hub file bytes sha256 md5 licence input resize top1 recipe".split()


def dash(s):
    return "" if s == "-" else s


def torch_rows():
    lines = [l for l in open(HERE / "published.tsv") if not l.startswith("#")]
    for r in csv.DictReader(lines, delimiter="\t"):
        names = {"torchvision": TORCHVISION, "timm": TIMM}.get(r["library"], {})
        if r["library"] == "lite":
            arch, layout, tag = r["model"].replace("-", "_"), "lite", "lite"
        elif r["model"] in names and r["tag"] != "IMAGENET1K_FEATURES":
            (arch, layout), tag = names[r["model"]], r["tag"]
            tag = tag.replace("IMAGENET1K_V", "tv")
            if r["model"].startswith("tf_"):
                tag = "tf_" + tag
        else:
            continue
        if r["library"] == "timm" and re.match(r"tv2?_in1k", tag) and arch != "vgg16" and arch != "vgg16_bn" and arch != "densenet121":
            continue  # torchvision's own file
        if r["licence"] not in ("apache-2.0", "bsd-3-clause", "mit", "cc-by-nc-4.0") and r["library"] == "timm":
            continue  # terms of their own
        crop, size = int(r["resize"]), int(r["crop"])
        rule = f"stretch {size}x{size}" if crop == size and r["library"] == "timm" else f"crop {crop} {size}x{size}"
        yield dict(arch=arch, tag=tag, layout=layout, url=dash(r["url"]), hub=dash(r["hub"]), file=dash(r["file"]) or "model.safetensors",
                   bytes=dash(r["bytes"]), sha256=dash(r["sha256"]), md5="", licence=dash(r["licence"]), input=MODES[r["mean"], r["std"]],
                   resize=f"{rule} {r['interpolation']}", top1=dash(r["top1"]), recipe=dash(r["recipe"]))


def keras_rows():
    """Keras prescribes no resizing: pictures are stretched. Its EfficientNets and ConvNeXt scale their input inside."""
    def app(module, **names):
        m = importlib.import_module("keras.src.applications." + module)
        return m, {k: getattr(m, v) for k, v in names.items()}

    def rows(arch, files, mode, size=224, layout="keras", tag="keras"):
        for suffix, (url, digest) in zip(("", "_notop"), files):
            key = "sha256" if len(digest or "") == 64 else "md5"
            row = dict(arch=arch, tag=tag + suffix, layout=layout, url=url, hub="", file=url.rsplit("/", 1)[1], bytes="", sha256="", md5="",
                       licence="Apache-2.0", input=mode, resize=f"stretch {size}x{size} bilinear", top1="", recipe="plain")
            if digest:
                row[key] = digest
                yield row

    m, _ = app("resnet")
    for arch, mode in (("resnet50", "caffe"), ("resnet101", "caffe"), ("resnet152", "caffe"), ("resnet50v2", "tf")):
        base = f"{m.BASE_WEIGHTS_PATH}{arch}_weights_tf_dim_ordering_tf_kernels"
        yield from rows(arch, zip((base + ".h5", base + "_notop.h5"), m.WEIGHTS_HASHES[arch]), mode)
    # The first Keras's files have the same names; their digests are those of keras-applications 1.0.
    base = "https://github.com/fchollet/deep-learning-models/releases/download/v0.2/resnet50_weights_tf_dim_ordering_tf_kernels"
    yield from rows("resnet50", ((base + ".h5", "a7b3fe01876f51b976af0dea6bc144eb"), (base + "_notop.h5", "a268eb855778b3df3c7506639542a6af")),
                    "caffe", layout="keras-2016", tag="keras2016")
    for module, arch, mode, paths in (("vgg16", "vgg16", "caffe", ("WEIGHTS_PATH", "WEIGHTS_PATH_NO_TOP")),
                                      ("densenet", "densenet121", "torch", ("DENSENET121_WEIGHT_PATH", "DENSENET121_WEIGHT_PATH_NO_TOP"))):
        m, _ = app(module)
        source = pathlib.Path(m.__file__).read_text()
        digests = re.findall(r'file_hash="([0-9a-f]{32})"', source)
        if module == "densenet":  # with tops of 121, 169, 201, then without
            digests = [digests[0], digests[3]]
        yield from rows(arch, zip((getattr(m, p) for p in paths), digests), mode)
    m, _ = app("mobilenet_v3")
    for kind in ("large", "small"):
        base = f"{m.BASE_WEIGHT_PATH}weights_mobilenet_v3_{kind}_224_1.0_float"
        yield from rows(f"mobilenetv3_{kind}", zip((base + ".h5", base + "_no_top_v2.h5"), m.WEIGHTS_HASHES[f"{kind}_224_1.0_float"]), "tf")
    m, _ = app("mobilenet_v2")
    base = f"{m.BASE_WEIGHT_PATH}mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"
    # Keras gives no digest; this one stands in pointers to the file in public repositories.
    yield from rows("mobilenetv2", ((base + ".h5", None), (base + "_no_top.h5", "f8aff69536bd77a692c594f559c798c19bf7f3f36668fc9fa00b21c6aab4797c")), "tf")
    m, _ = app("efficientnet")
    for kind, size in (("b0", 224), ("b1", 240), ("b2", 260), ("b3", 300)):
        base = f"{m.BASE_WEIGHTS_PATH}efficientnet{kind}"
        yield from rows(f"efficientnet_{kind}", zip((base + ".h5", base + "_notop.h5"), m.WEIGHTS_HASHES[kind]), "torch", size)
    m, _ = app("convnext")
    base = f"{m.BASE_WEIGHTS_PATH}convnext/convnext_tiny" if "convnext" not in m.BASE_WEIGHTS_PATH else f"{m.BASE_WEIGHTS_PATH}convnext_tiny"
    yield from rows("convnext_tiny", zip((base + ".h5", base + "_notop.h5"), m.WEIGHTS_HASHES["convnext_tiny"]), "torch")


def main():
    rank = {"torch": 0, "torch-2017": 0, "torchvision": 0, "lite": 0, "timm": 1, "timm-tf": 2, "keras": 3, "keras-2016": 4}
    rows = list(torch_rows()) + list(keras_rows())
    rows.sort(key=lambda r: (r["arch"], not r["tag"].startswith("tv"), rank[r["layout"]]))
    with open(OUT, "w") as f:
        f.write("# Published weights: one line a file. Written by testdata/backbones/table.py from what the libraries say.\n")
        f.write("# bytes: with ~ in front, to within some kilobytes; sha256: of file, whole or as its name has it; hub: Hugging Face\n")
        f.write("# repository that has the same weights as model.safetensors, verified by the digest that the hub itself names.\n")
        f.write("\t".join(COLUMNS) + "\n")
        for r in rows:
            f.write("\t".join(str(r[c]) or "-" for c in COLUMNS) + "\n")
    print(len(rows), "rows")


main()
