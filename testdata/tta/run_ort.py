"""Makes onnxruntime.json: what ONNX Runtime says of the networks in *.onnx, which tta_graph_test.go writes with
UPDATE_GOLDEN=1, of the same twelve pictures alone and together.

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
    out = {}
    for path in sorted(HERE.glob("*.onnx")):
        session = ort.InferenceSession(path)
        shape = [12, *session.get_inputs()[0].shape[1:]]
        x = (256 * uniform("tta pictures", int(np.prod(shape)))).reshape(shape)
        x = np.floor(x * np.arange(1, 13).reshape(12, 1, 1, 1) / 12).astype(np.float32)  # of rising brightness
        (together,) = session.run(None, {"input": x})
        alone = np.concatenate([session.run(None, {"input": p[None]})[0] for p in x])
        assert np.allclose(together, alone, atol=1e-6), path
        out[path.name] = np.round(together.astype(float), 7).ravel().tolist()
    (HERE / "onnxruntime.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "\n}\n")
