"""Writes the small weights files of internal/weights/testdata, with torch and safetensors themselves, and the
pickles of internal/weights/pickle/testdata, with Python itself.

    python make_torch_files.py REPOSITORY

Needs torch and safetensors. One state dict, with every type of element and every kind of view, is written in
each container; expected.json has its numbers as torch reads them. What torch can no longer write, the tar of
2016, is written here by its layout, and torch reads it back to confirm it. The keys of storages in a legacy
stream are addresses, so that those files differ from run to run.
"""
import base64
import collections
import io
import json
import pathlib
import pickle
import struct
import sys
import tarfile

import safetensors.torch
import torch

from seeded import weight


def state_dict():
    def floats(name, *shape):
        return torch.from_numpy(weight(name, shape).copy())

    def count(*shape):
        return torch.arange(int(torch.Size(shape).numel())).reshape(shape)

    base = floats("base", 4, 6)
    d = collections.OrderedDict()
    d["conv.weight"] = torch.nn.Parameter(floats("conv.weight", 4, 2, 3, 3).to(memory_format=torch.channels_last))
    d["bn.running_var"] = floats("bn.running_var", 4)
    d["bn.num_batches_tracked"] = torch.tensor(7)
    d["double"] = floats("double", 3).double() * 1e30
    d["half"] = torch.tensor([1.5, -65504, 6e-8, 0]).half()
    d["bfloat"] = torch.tensor([1.5, -3e38, 1e-40, 0]).bfloat16()
    d["long"] = torch.tensor([-(2**63), 2**63 - 1])
    d["int"] = torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32)
    d["short"] = torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16)
    d["char"] = torch.tensor([-128, 127], dtype=torch.int8)
    d["byte"] = torch.tensor([0, 255], dtype=torch.uint8)
    d["bool"] = torch.tensor([True, False])
    d["transposed"] = base.t()
    d["sliced"] = base[1:4:2, ::3]
    d["permuted"] = count(2, 3, 4).float().permute(2, 0, 1)
    d["tied"] = d["bn.running_var"]
    d["empty"] = torch.zeros(0, 3)
    return d


class TarPickler(pickle.Pickler):
    """Pickles as torch.save did in 2016: a tensor by its number, and a Parameter by its class and data."""

    def __init__(self, file, tensors):
        super().__init__(file, protocol=2)
        self.tensors = tensors

    def persistent_id(self, obj):
        if isinstance(obj, torch.Tensor) and not isinstance(obj, torch.nn.Parameter):
            return str(next(k for k, t in self.tensors.items() if t is obj))
        return None

    def reducer_override(self, obj):
        if isinstance(obj, torch.nn.Parameter):
            data = next(t for t in self.tensors.values() if t.data_ptr() == obj.data_ptr())
            return type(obj), (data,), (True, False, collections.OrderedDict())
        return NotImplemented


def write_tar(path, state):
    # Numbers beyond 32 bits, as the addresses that they once were.
    tensors = {2**40 + i: (t.data if isinstance(t, torch.nn.Parameter) else t) for i, t in enumerate(state.values())}
    roots = {}
    for t in tensors.values():
        roots.setdefault(t.untyped_storage()._cdata, (2**41 + len(roots), t))
    members = {"sys_info": io.BytesIO(), "pickle": io.BytesIO(), "tensors": io.BytesIO(), "storages": io.BytesIO()}

    def dump(obj, member):
        pickle.dump(obj, members[member], protocol=2)

    def torch_class(t, kind):
        return getattr(torch, torch.TypedStorage(wrap_storage=t.untyped_storage(), dtype=t.dtype, _internal=True)
                       ._pickle_storage_type().replace("Storage", kind))

    dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, "sys_info")
    TarPickler(members["pickle"], tensors).dump(state)
    dump(len(tensors), "tensors")
    for key, t in tensors.items():
        dump((key, roots[t.untyped_storage()._cdata][0], torch_class(t, "Tensor")), "tensors")
        members["tensors"].write(struct.pack(f"<ii{2 * t.dim()}qq", t.dim(), 0, *t.shape, *t.stride(), t.storage_offset()))
    dump(len(roots), "storages")
    for key, t in roots.values():
        storage = t.untyped_storage()
        dump((key, "cpu", torch_class(t, "Storage")), "storages")
        members["storages"].write(struct.pack("<q", storage.nbytes() // t.element_size()) + bytes(storage.tolist()))
    dump([], "storages")
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = data.tell()
            data.seek(0)
            tar.addfile(info, data)
    again = torch.load(path, weights_only=False)
    assert list(again) == list(state)
    for name, t in state.items():
        assert torch.equal(again[name], t), name


def write_files(out):
    state = state_dict()
    torch.save(state, out / "zip.pth")
    torch.save(state, out / "zip_protocol4.pth", pickle_protocol=4)
    torch.save(state, out / "stream.pth", _use_new_zipfile_serialization=False)
    torch.save(state, out / "stream_protocol4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)
    write_tar(out / "tar.pth", state)
    checkpoint = {
        "epoch": 3,
        "arch": "tiny",
        "best_acc1": torch.tensor(0.5),
        "state_dict": collections.OrderedDict(("module." + k, t) for k, t in state.items()),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    }
    torch.save(checkpoint, out / "checkpoint.pth")
    safetensors.torch.save_file({k: t.detach().contiguous().clone() for k, t in state.items()},
                                out / "all.safetensors", metadata={"format": "pt"})
    (out / "all.safetensors").chmod(0o644)
    expected = [
        {"name": k, "shape": list(t.shape), "float": t.is_floating_point(),
         "data": (t.float() if t.is_floating_point() else t.long()).flatten().tolist()}
        for k, t in state.items()
    ]
    (out / "expected.json").write_text(json.dumps(expected, separators=(",", ":")).replace('{"name', '\n{"name') + "\n")

    # Files that are valid and refused.
    linear = torch.nn.Linear(2, 1)
    torch.save(linear, out / "module.pth")
    torch.jit.script(linear).save(str(out / "script.pt"))
    torch.save({"a": torch.ones(1).expand(1000)}, out / "expanded.pth")
    torch.save({"a": torch.ones(2), "note": "text"}, out / "mixed.pth")


def write_pickles(out):
    shared = ["shared"]
    value = [
        None, True, False, 0, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 2**63,
        1.5, "", "a", "é" * 200, b"", b"x", b"y" * 300, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, 2], {},
        {"a": 1, "b": (2,)}, collections.OrderedDict([("z", 1), ("a", 2)]), shared, shared,
    ]
    pickles = {str(p): base64.b64encode(pickle.dumps(value, protocol=p)).decode() for p in range(3, 6)}
    # Protocol 2 has no bytes.
    pickles["2"] = base64.b64encode(pickle.dumps([v for v in value if type(v) is not bytes], protocol=2)).decode()
    (out / "values.json").write_text(json.dumps(pickles, indent="\t", sort_keys=True) + "\n")


if __name__ == "__main__":
    weights = pathlib.Path(sys.argv[1]) / "internal" / "weights"
    for folder in (weights / "testdata", weights / "pickle" / "testdata"):
        folder.mkdir(exist_ok=True)
    write_files(weights / "testdata")
    write_pickles(weights / "pickle" / "testdata")
