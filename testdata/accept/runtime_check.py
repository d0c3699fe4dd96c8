# Compares a written model in ONNX Runtime with graft's own predictions:
#   graft predict RUN/model.onnx PICTURES --json --top 1000 --dump-input input.npy > predictions.jsonl
#   runtime_check.py RUN/model.onnx input.npy predictions.jsonl
# Feeds ONNX Runtime the pixels that graft prepared, then pixels that Pillow prepares from the same files, and opens
# the model in OpenVINO. Needs, from PyPI: numpy onnx onnxruntime openvino pillow
import json, sys

import numpy as np
import onnx
import onnxruntime as ort
from PIL import Image, ImageOps

model, pixels, lines = sys.argv[1], np.load(sys.argv[2], mmap_mode="r"), [json.loads(l) for l in open(sys.argv[3])]
lines = [l for l in lines if "predictions" in l]
meta = {p.key: p.value for p in onnx.load(model).metadata_props}
classes = json.loads(meta["graft.classes"])
ours = np.zeros((len(lines), len(classes)), "f4")
for row, l in enumerate(lines):
    for p in l["predictions"]:
        ours[row, classes.index(p["class"])] = p["probability"]

session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name


def probabilities(batches):
    return np.concatenate([session.run(None, {name: np.ascontiguousarray(b)})[0] for b in batches])


def report(what, theirs):
    print(f"{what}: {len(ours)} pictures, same top-1 on {(theirs.argmax(1) == ours.argmax(1)).sum()}, "
          f"largest difference of a probability {np.abs(theirs - ours).max():.2e}")


report("ONNX Runtime on graft's pixels", probabilities(pixels[i : i + 32] for i in range(0, len(pixels), 32)))


def prepare(path):  # the stretch rule, with Pillow alone
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB").resize(pixels.shape[:1:-1], Image.Resampling.BILINEAR)
    return np.asarray(image, "f4").transpose(2, 0, 1)[None]


if meta["graft.resize"].startswith("stretch"):
    report("ONNX Runtime on Pillow's pixels", probabilities(prepare(l["path"]) for l in lines))

import openvino as ov

compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
report("OpenVINO on graft's pixels", np.concatenate([compiled(np.ascontiguousarray(pixels[i : i + 1]))[0] for i in range(len(pixels))]))
