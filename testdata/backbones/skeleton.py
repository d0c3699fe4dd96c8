"""Skeletons: files without the arrays that the seeded generator can refill (check.LoadSkeleton reads them).

A skeleton is a gzip of one line of JSON, {"size", "sha256", "fills": [{"skip", "name", "shape"}]}, and of literal
bytes. The file is: for each fill, as many literal bytes as it skips and then the fill; then the rest of the literal
bytes. A fill is seeded.weight(name, shape), float32 little-endian. size and sha256 are the whole file's.
"""
import gzip
import hashlib
import io
import json
import pathlib

import numpy as np

import seeded


def save(path: pathlib.Path, file: bytes, arrays: dict[int, tuple[str, tuple]]):
    """Writes the skeleton of a file that has arrays, (name, shape), at some offsets; sees that it can be refilled."""
    fills, literal, end = [], [], 0
    for offset, (name, shape) in sorted(arrays.items()):
        assert end <= offset, name
        fills.append({"skip": offset - end, "name": name, "shape": shape})
        literal.append(file[end:offset])
        end = offset + 4 * int(np.prod(shape, dtype=np.int64))
    literal.append(file[end:])
    header = {"size": len(file), "sha256": hashlib.sha256(file).hexdigest(), "fills": fills}
    data = json.dumps(header, separators=(",", ":")).encode() + b"\n" + b"".join(literal)
    path.write_bytes(gzip.compress(data, 9, mtime=0))
    assert load(path) == file, path


def load(path: pathlib.Path) -> bytes:
    """The whole file of a skeleton."""
    with gzip.open(path) as f:
        header = json.loads(f.readline())
        out = io.BytesIO()
        for fill in header["fills"]:
            out.write(f.read(fill["skip"]))
            out.write(seeded.weight(fill["name"], fill["shape"]).astype("<f4").tobytes())
        out.write(f.read())
    return out.getvalue()
