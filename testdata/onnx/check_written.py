"""Let ONNX Runtime read what graft writes: make written_*.f32, its outputs for the models written_*.onnx.

    UPDATE_GOLDEN=1 go test -run TestWritten ./internal/onnx   # writes the models
    pip install onnx onnxruntime && python check_written.py

The test compares graft's own outputs with these numbers, and what it writes with the models, byte for byte.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime

for path in sorted(pathlib.Path(__file__).parent.glob("written_*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = ((np.arange(3 * 3 * 4 * 5) * 7 % 23) / 4 - 2.5).astype(np.float32).reshape(3, 3, 4, 5)
    (y,) = session.run(None, {"input": x})
    y.astype("<f4").tofile(path.with_suffix(".f32"))
    print(path.name, session.get_modelmeta().custom_metadata_map, y.shape, y.ravel()[:4])
