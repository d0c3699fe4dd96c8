"""Measures one engine on one network, in this process alone: peer.py ENGINE MODEL.onnx BATCH THREADS SECONDS SIZE NAME [BATCH_NORM].

Prints {"min", "median", "max"} of pictures a second over twenty windows of the time, as graft bench does. MODEL.onnx is
what all engines but PyTorch run; PyTorch, which reads no ONNX, runs torchvision's network called NAME. ENGINE torch_train is
PyTorch in steps of training, with BATCH_NORM frozen with batch normalisations as they are at prediction.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy as np


def onnxruntime(model, name, x, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: x}
    return lambda: session.run(None, inputs)


def openvino(model, name, x, threads):
    import openvino

    core = openvino.Core()
    graph = core.read_model(model)
    graph.reshape({graph.inputs[0]: list(x.shape)})
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(graph, "CPU", options).create_infer_request()
    return lambda: request.infer({0: x})


def torch(model, name, x, threads):
    import torch
    import torchvision

    torch.set_num_threads(threads)
    network = torchvision.models.get_model(name).eval()
    pictures = torch.from_numpy(x)

    def run():
        with torch.inference_mode():
            return network(pictures)

    return run


def torch_train(model, name, x, threads):
    """Steps of training. Pictures are of 1000 classes; no weight is pulled to zero."""
    import torch
    import torchvision

    torch.set_num_threads(threads)
    name = {"mobilenetv2": "mobilenet_v2", "mobilenetv3_large": "mobilenet_v3_large", "mobilenetv3_small": "mobilenet_v3_small"}.get(name, name)
    if name == "resnet10s":
        sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "testdata" / "training"))
        from make_scratch import ResNet10s

        network = ResNet10s(1000)
    else:
        network = torchvision.models.get_model(name)
    network.train()
    if sys.argv[8:] == ["frozen"]:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-9, momentum=0.9)
    pictures = torch.from_numpy(x) / 255
    labels = torch.arange(len(x)) % 1000

    def run():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(pictures), labels).backward()
        optimizer.step()

    return run


def measure(run, batch, seconds, windows=20):
    for _ in range(2):
        run()
    rates, start = [], time.perf_counter()
    while len(rates) < 3 or time.perf_counter() - start < seconds:
        n, begin = 0, time.perf_counter()
        while n == 0 or time.perf_counter() - begin < seconds / windows:
            run()
            n += batch
        rates.append(n / (time.perf_counter() - begin))
    return {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}


def main():
    engine, model, batch, threads, seconds, size, name = sys.argv[1:8]
    size = int(size)
    x = np.random.default_rng(1).integers(0, 256, (int(batch), 3, size, size)).astype("f4")
    run = globals()[engine](model, name, x, int(threads))
    print(json.dumps(measure(run, int(batch), float(seconds))))


if __name__ == "__main__":
    main()
