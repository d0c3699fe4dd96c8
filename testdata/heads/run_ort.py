"""Makes onnxruntime.json: what ONNX Runtime says of the heads in *.onnx, which internal/train/prototype_test.go writes
with UPDATE_GOLDEN=1.

Run with onnxruntime 1.32: python run_ort.py
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from seeded import uniform  # noqa: E402

if __name__ == "__main__":
    x = uniform("ort pictures", 40 * 9).reshape(40, 9).astype(np.float32)
    out = {}
    for path in sorted(HERE.glob("*.onnx")):
        (logits,) = ort.InferenceSession(path).run(None, {"features": x})
        out[path.stem] = np.round(logits.astype(float), 6).tolist()
    (HERE / "onnxruntime.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "\n}\n")
