"""Exports the networks by torch's two exporters, with seeded weights.

    python export_onnx.py exports            the narrow ones, which are committed
    python export_onnx.py DIR [part of a name ...]   the full ones, a file of each exporter and opset, and manifest.json

Every export takes pictures normalised already, float32 [N, 3, size, size], and gives logits.
The manifest has a row a file: file, model, exporter, opset, size, golden (the file that has the logits, as
"<size>x<size>/logits"), ops (how often each occurs) and error, which is how far ONNX Runtime is from the golden
numbers as max|a-b| / max|b|; or, in place of the last two, refused: why torch would not export it.
exports/expected.safetensors has, for each narrow export, the logits of seeded.pixels(64, 64) under "<file>", from a
float64 run.
"""
import collections
import functools
import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file
from timm.models import efficientnet as timm_efficientnet
from timm.models import resnet as timm_resnet
from torchvision import models

import seeded
import torch_models

HERE = Path(__file__).parent
EXPORTERS = [("legacy", 11), ("legacy", 13), ("legacy", 17), ("dynamo", 18), ("dynamo", 20)]
NARROW_SIZE = 64


def export(net: torch.nn.Module, x: np.ndarray, path: Path, exporter: str, opset: int):
    args, names = (torch.from_numpy(x),), dict(input_names=["pictures"], output_names=["logits"])
    if exporter == "legacy":
        torch.onnx.export(net, args, path, dynamo=False, opset_version=opset,
                          dynamic_axes={"pictures": {0: "N"}, "logits": {0: "N"}}, **names)
    else:
        batch = ({0: torch.export.Dim("N")},)
        torch.onnx.export(net, args, path, dynamo=True, opset_version=opset, dynamic_shapes=batch, external_data=False,
                          verbose=False, **names)


def ops(path: Path) -> dict[str, int]:
    """Operators of the graph and of functions in it; with the opset that it was really written at."""
    m = onnx.load(path, load_external_data=False)
    count = collections.Counter(n.op_type for n in m.graph.node)
    for f in m.functions:
        count.update(n.op_type for n in f.node)
    count["opset"] = next(o.version for o in m.opset_import if o.domain in ("", "ai.onnx"))
    return dict(sorted(count.items()))


def strip(path: Path):
    """Removes what the dynamo exporter writes beside every node: stack traces with this machine's paths, and bulk."""
    m = onnx.load(path)
    for v in [*m.graph.node, *m.graph.value_info, *m.graph.initializer, *m.graph.input, *m.graph.output, m.graph]:
        kept = [p for p in v.metadata_props if "/" not in p.value and len(p.value) < 80]
        del v.metadata_props[:]
        v.metadata_props.extend(kept)
        v.doc_string = ""
    onnx.save(m, path)


def infer(path: Path, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"pictures": x})[0]


def full(net: torch_models.Net, folder: Path) -> list[dict]:
    """Exports net every way; the rows of its files."""
    golden, key = f"golden/{net.name}.safetensors", f"{net.size}x{net.size}/logits"
    want = load_file(HERE / golden)
    x, rows, model = net.input(net.size, net.size), [], net.build(fixed=True)
    for exporter, opset in EXPORTERS:
        path = folder / f"{net.name}.{exporter}{opset}.onnx"
        row = dict(file=path.name, model=net.name, exporter=exporter, opset=opset, size=net.size, golden=golden)
        try:
            export(model, x, path, exporter, opset)
        except Exception as e:  # of many kinds, some of them torch's own
            rows.append(row | dict(refused=f"{type(e).__name__}: {e}".splitlines()[0][:300]))
            continue
        got = infer(path, x)
        values = got.reshape(-1)[seeded.positions(f"{net.name}/{key}", got.size)]
        error = np.abs(values - want[f"{key}/values"]).max() / want[f"{key}/max"][0]
        rows.append(row | dict(ops=ops(path), error=float(error)))
    return rows


def narrow() -> dict[str, tuple]:
    """Small networks of the libraries' own classes, each with the exporters that write it differently."""
    block = functools.partial(models.mobilenetv3.InvertedResidualConfig, dilation=1, width_mult=1)
    v3 = [block(8, 3, 16, 8, False, "RE", 2), block(8, 5, 24, 12, True, "HS", 2), block(12, 5, 24, 12, True, "HS", 1)]
    next_ = [models.convnext.CNBlockConfig(8, 12, 1), models.convnext.CNBlockConfig(12, None, 2)]
    same = timm_efficientnet.decode_arch_def([["ds_r1_k3_s1_e1_c8_se0.25"], ["ir_r2_k5_s2_e2_c12_se0.25"]])
    return {
        "mobilenetv3": (models.MobileNetV3(v3, 32, num_classes=10), [("legacy", 11), ("dynamo", 20)]),
        "convnext": (models.ConvNeXt(next_, num_classes=10), [("legacy", 13), ("legacy", 17), ("dynamo", 20)]),
        "densenet": (models.DenseNet(4, (2, 2), 8, num_classes=10), [("dynamo", 18)]),
        "resnet": (timm_resnet.ResNet(timm_resnet.BasicBlock, [1] * 4, num_classes=10, channels=(4, 6, 8, 10),
                                       stem_type="deep", stem_width=4), [("legacy", 11)]),
        "same": (timm_efficientnet.EfficientNet(same, 10, num_features=32, stem_size=8, pad_type="same",
                                                act_layer=torch.nn.SiLU), [("legacy", 13), ("dynamo", 18)]),
    }


def write_narrow(folder: Path):
    folder.mkdir(exist_ok=True)
    net = torch_models.Net("torchvision", "narrow")
    x, expected = net.input(NARROW_SIZE, NARROW_SIZE), {}
    for name, (model, ways) in narrow().items():
        torch_models.seed(model.eval())
        exact = torch_models.run(model.double(), {}, x)["logits"].astype(np.float32)
        model.float()
        for exporter, opset in ways:
            path = folder / f"{name}.{exporter}{opset}.onnx"
            export(model, x, path, exporter, opset)
            strip(path)
            expected[path.name] = exact
            error = np.abs(infer(path, x) - exact).max() / np.abs(exact).max()
            print(f"{path.name:28} {path.stat().st_size:6} bytes, off {error:.1e}, {ops(path)}")
    save_file(expected, folder / "expected.safetensors", {
        "script": "testdata/backbones/export_onnx.py", "versions": torch_models.versions("onnx", "onnxscript"),
        "size": str(NARROW_SIZE), "normalise": net.normalise()})


def write_full(folder: Path, wanted: list[str]):
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    rows = {r["file"]: r for r in json.loads(manifest.read_text())} if manifest.exists() else {}
    for net in torch_models.nets(wanted):
        for row in full(net, folder):
            rows[row["file"]] = row
            print(row["file"], row.get("refused") or f"off {row['error']:.1e}", flush=True)
        manifest.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    for exporter, opset in EXPORTERS:
        same = (r for r in rows.values() if (r["exporter"], r["opset"]) == (exporter, opset))
        print(f"{exporter} {opset}:", *sorted({op for r in same for op in r.get("ops", ())} - {"opset"}))


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    folder, *wanted = sys.argv[1:]
    if Path(folder).name == "exports":
        write_narrow(Path(folder))
    else:
        write_full(Path(folder), wanted)


if __name__ == "__main__":
    main()
