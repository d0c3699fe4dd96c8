"""Measures graft and other engines on the same networks, in turns, and prints how they compare: as they run, or with
--train in steps of training beside PyTorch: forward, backward, and SGD with momentum.

Each measurement is a process of its own, so that no pool of threads spins beside another; in every round each engine is
measured once, so that what else the machine does meets all of them. A ratio is that of the medians of one round.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).with_name("peer.py")
QUANTISE = pathlib.Path(__file__).with_name("quantise.py")
NETWORKS = ["resnet50", "resnet18", "mobilenetv2", "efficientnet_lite0", "efficientnet_b0", "convnext_tiny"]
TRAINED = ["resnet50", "resnet18", "mobilenetv2", "resnet10s"]


def arguments():
    p = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    p.add_argument("networks", nargs="*", metavar="NETWORK", help="a name of graft backbones list, or an ONNX file")
    p.add_argument("--train", action="store_true", help="measure steps of training")
    p.add_argument("--batch-norm", choices=["frozen", "batch"], default="batch", help="statistics in training (default batch)")
    p.add_argument("--batches", help="pictures computed together (default 1,8, with --train 16)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--precision", choices=["f32", "int8"], default="f32", help="int8: the peers' files are quantised by ONNX Runtime (default f32)")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2, help="of each measurement")
    p.add_argument("--graft", required=True, help=argparse.SUPPRESS)
    p.add_argument("--work", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.train and o.precision != "f32":
        p.error("--train is measured in f32")
    o.networks = o.networks or (TRAINED if o.train else NETWORKS)
    o.batches = o.batches or ("16" if o.train else "1,8")
    return o


def output(*command):
    """What a command prints, with the megabytes that its process had at most."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE) as p:
        text = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise subprocess.CalledProcessError(p.returncode, p.args)
    return json.loads(text) | {"resident": usage.ru_maxrss / 1024}


class Network:
    """What is measured: a network that graft has written as ONNX, so that all engines run the same."""

    def __init__(self, o, name):
        self.o, self.model = o, o.work / "network.onnx"
        about = output(o.graft, "bench", name, "--seconds", 0.01, "--batch", 1, "--write", self.model, "--json", "--quiet")
        self.name, self.size, self.gflop = about["backbone"], about["width"], about["gflop"]
        self.about = about
        self.architecture = self.name.split(".")[0]
        self.peers_model = self.model
        if o.precision == "int8":
            self.peers_model = o.work / "quantised.onnx"
            subprocess.run([sys.executable, QUANTISE, self.model, self.peers_model, str(self.size)], check=True, stderr=subprocess.DEVNULL)

    def engines(self):
        found = ["onnxruntime", "openvino"]
        if self.o.precision == "f32" and all(map(importlib.util.find_spec, ["torch", "torchvision"])):
            import torchvision

            if self.architecture in torchvision.models.list_models():
                found.append("torch")
        return found

    def measure(self, engine, batch):
        o = self.o
        if engine == "graft":
            return output(o.graft, "bench", self.model, "--precision", o.precision, "--batch", batch, "--threads", o.threads, "--seconds", o.seconds, "--json")["images_per_second"]
        return output(sys.executable, PEER, engine, self.peers_model, batch, o.threads, o.seconds, self.size, self.architecture)


class Trained(Network):
    """A network whose steps of training are measured, with random weights."""

    def __init__(self, o, name):
        self.o, self.model = o, name
        self.about = about = output(o.graft, "bench", name, "--train", "--seconds", 0.01, "--batch", 1, "--json", "--quiet")
        self.name, self.size, self.gflop = about["backbone"], about["width"], about["gflop"]
        self.architecture = self.name.split(".")[0]

    def engines(self):
        return ["torch"]

    def measure(self, engine, batch):
        o = self.o
        if engine == "graft":
            report = output(o.graft, "bench", self.model, "--train", "--batch-norm", o.batch_norm, "--batch", batch, "--threads", o.threads, "--seconds", o.seconds, "--json", "--quiet")
            return report["images_per_second"] | {"resident": report["resident"]}
        return output(sys.executable, PEER, "torch_train", "-", batch, o.threads, o.seconds, self.size, self.architecture, o.batch_norm)


def spread(values, form):
    return "".join(format(f(values), form) for f in (min, statistics.median, max))


def compare(network, batch):
    peers = network.engines()
    medians = {engine: [] for engine in ["graft", *peers]}
    fastest, resident = dict.fromkeys(medians, 0), dict.fromkeys(medians, 0)
    for _ in range(network.o.rounds):
        for engine in medians:
            rate = network.measure(engine, batch)
            medians[engine].append(rate["median"])
            fastest[engine] = max(fastest[engine], rate["max"])
            resident[engine] = max(resident[engine], rate["resident"])
    o = network.o
    print(f"\n{network.name}, {network.size}x{network.size}, {network.gflop:.2f} GFLOP; batch {batch}, {o.precision}, {o.threads} threads, {o.rounds} rounds of {o.seconds:g} s")
    print(f"{'pictures/s':14}{'min':>9}{'median':>9}{'max':>9}{'fastest':>9}   graft is  {'min':>8}{'median':>8}{'max':>8}{'fastest':>9}")
    for engine, rates in medians.items():
        line = f"{engine:14}{spread(rates, '9.1f')}{fastest[engine]:9.1f}"
        if engine != "graft":
            line += ratios(medians["graft"], rates, fastest["graft"] / fastest[engine])
        print(line)
    if o.train:
        print("resident memory: " + ", ".join(f"{engine} {mb:.0f} MB" for engine, mb in resident.items()), flush=True)
        return
    others = [e for e in ("onnxruntime", "openvino") if e in medians]
    best = [max(rates) for rates in zip(*(medians[e] for e in others))]
    print(f"{'best of ' + ', '.join(others):50}" + ratios(medians["graft"], best, fastest["graft"] / max(fastest[e] for e in others)), flush=True)


def ratios(ours, theirs, fastest):
    each = [a / b for a, b in zip(ours, theirs)]
    return " " * 13 + "".join(f"{f(each):7.2f}x" for f in (min, statistics.median, max)) + f"{fastest:8.2f}x"


def main():
    o = arguments()
    for i, name in enumerate(o.networks):
        network = (Trained if o.train else Network)(o, name)
        if i == 0:
            a = network.about
            print(f"{a['cpu']}, {a['cores']} cores, {a['path']}; peak {a['peak_gflops']['all_threads']:.0f} GFLOP/s of float32")
        for batch in map(int, o.batches.split(",")):
            compare(network, batch)


if __name__ == "__main__":
    main()
