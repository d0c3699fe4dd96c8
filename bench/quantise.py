"""Quantises a network as ONNX Runtime's own tools do, for the peers of graft's int8: quantise.py MODEL.onnx OUT.onnx SIZE.

Weights of 7 bits per channel, which AVX2 cannot saturate, activations of 8 bits, calibrated on the pictures that peer.py
measures with.
"""

import logging
import pathlib
import sys
import tempfile

import numpy as np
import onnx
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process


class Pictures(quantization.CalibrationDataReader):
    def __init__(self, name, size, count=4):
        r = np.random.default_rng(1)
        self.batches = iter([{name: r.integers(0, 256, (1, 3, size, size)).astype("f4")} for _ in range(count)])

    def get_next(self):
        return next(self.batches, None)


def main():
    model, out, size = sys.argv[1:]
    logging.disable(logging.WARNING)
    name = onnx.load(model).graph.input[0].name
    with tempfile.TemporaryDirectory() as folder:
        folded = str(pathlib.Path(folder) / "folded.onnx")
        quant_pre_process(model, folded, skip_symbolic_shape=True)
        quantization.quantize_static(
            folded, out, Pictures(name, int(size)), per_channel=True, reduce_range=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        )


if __name__ == "__main__":
    main()
