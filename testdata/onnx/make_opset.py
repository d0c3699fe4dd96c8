"""Make opset.zip: small models at old and new opsets with the outputs of ONNX Runtime.

    pip install onnx onnxruntime && python make_opset.py

Each model holds a node whose form or meaning changed between opsets 7 and 21; the ONNX project's own tests
(node.zip) have the newest form only. Files are laid out as there.
"""

import pathlib
import zipfile

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(5)


def model(opset, nodes, in_shape, consts=(), outputs=("y",), free=False):
    shape = ["N"] + list(in_shape[1:]) if free else list(in_shape)
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(consts).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(8, 3 + opset // 4))


def node(op, inputs=("x",), outputs=("y",), **attrs):
    return helper.make_node(op, list(inputs), list(outputs), **attrs)


X4 = (2, 3, 4, 5)
f32 = np.float32


def ints(*v):
    return np.array(v, np.int64)


CASES = {
    "clip_10": model(10, [node("Clip", min=-0.5, max=0.25)], X4),
    "clip_10_min_only": model(10, [node("Clip", min=-0.5)], X4),
    "clip_7_max_only": model(7, [node("Clip", max=0.5)], X4),
    "pad_10": model(10, [node("Pad", pads=[0, 0, 1, 2, 0, 0, 3, 0], value=0.5)], X4),
    "pad_10_reflect": model(10, [node("Pad", pads=[0, 0, 1, 2, 0, 0, 3, 0], mode="reflect")], X4),
    "pad_18_axes": model(18, [node("Pad", ("x", "pads", "", "axes"))], X4, {"pads": ints(1, 2, 3, 0), "axes": ints(3, -2)}),
    "pad_18_axes_free": model(18, [node("Pad", ("x", "pads", "v", "axes"))], X4,
                              {"pads": ints(1, 2), "axes": ints(-1), "v": f32(9)}, free=True),
    "slice_9": model(9, [node("Slice", starts=[1, -3], ends=[2, 1000], axes=[0, 3])], X4),
    "slice_9_no_axes": model(9, [node("Slice", starts=[0, 1], ends=[1, 3])], X4),
    "dropout_11": model(11, [node("Dropout", ratio=0.3)], X4),
    "squeeze_12": model(12, [node("Squeeze", axes=[1, 3])], (2, 1, 3, 1)),
    "squeeze_12_all": model(12, [node("Squeeze")], (2, 1, 3, 1)),
    "unsqueeze_12": model(12, [node("Unsqueeze", axes=[0, 2])], (2, 3)),
    "reduce_sum_12": model(12, [node("ReduceSum", axes=[1, -1], keepdims=0)], X4),
    "reduce_sum_12_all": model(12, [node("ReduceSum")], X4),
    "reduce_mean_18": model(18, [node("ReduceMean", ("x", "axes"), keepdims=0)], X4, {"axes": ints(2, -1)}),
    "reduce_mean_18_all": model(18, [node("ReduceMean")], X4),
    "reduce_mean_18_noop": model(18, [node("ReduceMean", noop_with_empty_axes=1)], X4),
    "batch_norm_7": model(7, [node("BatchNormalization", ("x", "s", "b", "m", "v"), epsilon=0.01)], X4,
                          {"s": rng.random(3, f32), "b": rng.random(3, f32), "m": rng.random(3, f32), "v": rng.random(3, f32) + 1}),
    "split_12": model(12, [node("Split", outputs=("a", "b"), axis=2, split=[1, 3])], X4, outputs=("a", "b")),
    "split_12_equal": model(12, [node("Split", outputs=("a", "b"), axis=2)], X4, outputs=("a", "b")),
    "split_18_uneven": model(18, [node("Split", outputs=("a", "b"), axis=-1, num_outputs=2)], X4, outputs=("a", "b")),
    "split_18_even_free": model(18, [node("Split", outputs=("a", "b"), axis=2, num_outputs=2)], X4, outputs=("a", "b"), free=True),
    "gelu_20": model(20, [node("Gelu")], X4),
    "gelu_20_tanh": model(20, [node("Gelu", approximate="tanh")], X4),
    "cast_19": model(19, [node("Cast", ("w",), ("c",), to=TensorProto.FLOAT), node("Mul", ("x", "c"))], X4,
                     {"w": np.array([0.5, 2, -1, 3, 4], np.float16)}),
    "average_pool_19": model(19, [node("AveragePool", kernel_shape=[2, 2], dilations=[1, 1], ceil_mode=1, strides=[2, 2])], X4),
    "average_pool_7": model(7, [node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)], X4),
    "reshape_7": model(7, [node("Reshape", ("x", "s"))], X4, {"s": ints(0, -1, 5)}),
    "constant_13": model(13, [node("Constant", (), ("c",), value_floats=[1.0, 2.0, 3.0, 4.0, 5.0]),
                              node("Constant", (), ("d",), value_float=0.5), node("Mul", ("x", "c"), ("t",)), node("Add", ("t", "d"))], X4),
    "flatten_softmax_11_free": model(11, [node("Flatten", ("x",), ("f",)), node("Softmax", ("f",))], X4, free=True),
    "half_17": model(17, [node("Cast", ("x",), ("h",), to=TensorProto.FLOAT16), node("Mul", ("h", "w"), ("m",)),
                          node("Cast", ("m",), to=TensorProto.FLOAT)], X4, {"w": np.array([0.5, 2, -1, 4, 0.25], np.float16)}),
}
for op in ("Softmax", "LogSoftmax"):
    for opset, axis in [(7, None), (11, 0), (11, 1), (11, 2), (12, 3), (12, -1), (12, -2), (13, None), (13, 1)]:
        attrs = {} if axis is None else {"axis": axis}
        name = f"{op.lower()}_{opset}_{'default' if axis is None else axis}"
        CASES[name] = model(opset, [node(op, **attrs)], X4)
    CASES[f"{op.lower()}_11_2_free"] = model(11, [node(op, axis=2)], X4, free=True)


def main():
    out = pathlib.Path(__file__).parent / "opset.zip"
    with zipfile.ZipFile(out, "w") as archive:
        for name, m in CASES.items():
            session = onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
            shape = [2 if isinstance(d, str) else d for d in session.get_inputs()[0].shape]
            x = rng.standard_normal(shape).astype(f32)
            if name == "half_17":  # numbers that float16 holds exactly, so that its rounding does not show
                x = np.round(x * 16) / 16
            files = {"model.onnx": m, "input_0.pb": numpy_helper.from_array(x, "x")}
            for i, y in enumerate(session.run(None, {"x": x})):
                files[f"output_{i}.pb"] = numpy_helper.from_array(y)
            for file, message in files.items():
                info = zipfile.ZipInfo(f"opset/{name}/{file}", (2024, 1, 1, 0, 0, 0))
                archive.writestr(info, message.SerializeToString(), zipfile.ZIP_DEFLATED, 9)
    print(out, out.stat().st_size, len(CASES), "models, onnxruntime", onnxruntime.__version__)


if __name__ == "__main__":
    main()
