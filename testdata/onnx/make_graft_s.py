"""Make graft_s_features.f32: ONNX Runtime's features of one drawn picture under the embedded backbone.

    pip install onnxruntime && python make_graft_s.py

The picture is 96x96 RGB, a formula of channel, row and column, so that the test can draw it too.
"""

import pathlib

import numpy as np
import onnxruntime

here = pathlib.Path(__file__).parent
c, y, x = np.meshgrid(np.arange(3), np.arange(96), np.arange(96), indexing="ij")
pixels = ((31 * c + 7 * y + 13 * x + x * y // 9) % 256).astype(np.float32)[None]
session = onnxruntime.InferenceSession(here / "../../internal/backbone/graft_s.onnx", providers=["CPUExecutionProvider"])
(features,) = session.run(None, {"input": pixels / np.float32(127.5) - 1})
features.astype("<f4").tofile(here / "graft_s_features.f32")
print(features.shape, features.ravel()[:5], "onnxruntime", onnxruntime.__version__)
