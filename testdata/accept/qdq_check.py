# Compares a model in int8, run by graft, with its model-qdq.onnx in ONNX Runtime, on the test pictures of the run:
#   graft train DATA --precision int8 --qdq -o RUN
#   qdq_check.py RUN DATA [GRAFT]
# DATA is the folder that the paths of RUN/split.csv are below. Needs, from PyPI: numpy onnx onnxruntime
import csv, json, os, subprocess, sys, tempfile

import numpy as np
import onnx
import onnxruntime as ort

run, data, graft = sys.argv[1], sys.argv[2], (sys.argv[3:] + ["graft"])[0]
model, quantised = os.path.join(run, "model.onnx"), os.path.join(run, "model-qdq.onnx")
tests = [r for r in csv.DictReader(open(os.path.join(run, "split.csv"))) if r["split"] == "test"]
classes = json.loads({p.key: p.value for p in onnx.load(model).metadata_props}["graft.classes"])
options = ort.SessionOptions()
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(quantised, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name

same = ours = theirs = n = 0
for start in range(0, len(tests), 256):
    part = tests[start : start + 256]
    with tempfile.TemporaryDirectory() as tmp:
        dump = os.path.join(tmp, "pixels.npy")
        out = subprocess.run([graft, "predict", model, *[os.path.join(data, r["path"]) for r in part], "--json", "--top", "1",
                              "--quiet", "--dump-input", dump], check=True, capture_output=True, text=True).stdout
        first = [json.loads(line)["predictions"][0]["class"] for line in out.splitlines()]
        pixels = np.load(dump)
    assert len(first) == len(part) == len(pixels)
    for i in range(0, len(part), 32):
        best = session.run(None, {name: pixels[i : i + 32]})[0].argmax(1)
        for row, a, b in zip(part[i : i + 32], first[i : i + 32], best):
            n, same, ours, theirs = n + 1, same + (a == classes[b]), ours + (a == row["label"]), theirs + (classes[b] == row["label"])
print(f"{n} pictures: the same top-1 on {100 * same / n:.2f} %; right are {100 * ours / n:.2f} % by graft, {100 * theirs / n:.2f} % by ONNX Runtime")
