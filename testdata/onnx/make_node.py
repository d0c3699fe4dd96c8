"""Make node.zip: the ONNX project's own tests of single nodes, for the operators that graft has.

    python -m venv v && v/bin/pip install "onnx==1.16.2" "numpy<2" pillow && v/bin/python make_node.py

onnx 1.16 is the last version whose tests stand at opset 21 or below. Two sources are packed:
  node/     what its `backend-test-tools generate-data` makes (it draws random inputs, so a new run gives
            other numbers), of every case whose nodes are all in OPS;
  pytorch/  the models of data/pytorch-operator and data/pytorch-converted in that package, exported by
            early versions of PyTorch at opset 6.
They are unchanged but for one thing: a file below opset 7 is made to say 7. With 7 went
away the attributes `broadcast` (models that use it are left out) and `is_test` (it is dropped), and PRelu's
slope began to broadcast like other inputs (its models are left out).
Cases above LIMIT bytes (3-D pooling over large random input, mostly) are left out to keep the archive small.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import onnx
import onnx.backend.test

OPS = set("""
Conv BatchNormalization Relu Clip LeakyRelu PRelu Sigmoid HardSigmoid HardSwish Gelu Erf Tanh Softmax LogSoftmax
MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean Gemm MatMul Add Mul Sub Div Pow Sqrt Max Min Concat
Split Slice ReduceSum Flatten Reshape Transpose Squeeze Unsqueeze Pad Identity Dropout LayerNormalization LRN
Constant Cast Shape Gather ConstantOfShape Expand Range
""".split())
LIMIT = 100_000


def wanted(model):
    standard = all(o.domain in ("", "ai.onnx") for o in model.opset_import)
    return standard and {n.op_type for n in model.graph.node} <= OPS


def to_opset7(model):
    """The model at opset 7, or None if it uses what only 6 and older have."""
    if model.opset_import[0].version >= 7:
        return model
    for node in model.graph.node:
        if node.op_type == "PRelu" or any(a.name == "broadcast" and a.i for a in node.attribute):
            return None
        for a in list(node.attribute):
            if a.name in ("broadcast", "is_test"):
                node.attribute.remove(a)
    model.opset_import[0].version = 7
    return model


def add(archive, name, case):
    model = onnx.load(case / "model.onnx")
    if not wanted(model) or not (model := to_opset7(model)):
        return
    files = {"model.onnx": model.SerializeToString()}
    for p in sorted(case.glob("test_data_set_0/*.pb")):
        files[p.name] = p.read_bytes()
    if sum(map(len, files.values())) > LIMIT:
        return
    for file, data in files.items():
        info = zipfile.ZipInfo(f"{name}/{file}", (2024, 1, 1, 0, 0, 0))
        archive.writestr(info, data, zipfile.ZIP_DEFLATED, 9)


def main():
    assert onnx.__version__.startswith("1.16."), onnx.__version__
    out = pathlib.Path(__file__).parent / "node.zip"
    packaged = pathlib.Path(onnx.backend.test.__file__).parent / "data"
    with tempfile.TemporaryDirectory() as tmp, zipfile.ZipFile(out, "w") as archive:
        os.makedirs(tmp + "/node")
        tool = pathlib.Path(sys.executable).with_name("backend-test-tools")
        subprocess.run([tool, "generate-data", "-o", tmp], check=True, stderr=subprocess.DEVNULL)
        for case in sorted(pathlib.Path(tmp, "node").iterdir()):
            add(archive, "node/" + case.name, case)
        for case in sorted([*packaged.glob("pytorch-operator/*"), *packaged.glob("pytorch-converted/*")]):
            add(archive, "pytorch/" + case.name, case)
    print(out, out.stat().st_size)


if __name__ == "__main__":
    main()
