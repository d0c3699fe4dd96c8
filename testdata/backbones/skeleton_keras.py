"""Writes skeleton/<Application>.<kind>.gz: the files of full_keras.py without what the generator refills.

Usage: skeleton_keras.py [Application …]
"""
import io
import pathlib
import sys
import tempfile
import zipfile

import h5py

import full_keras
import skeleton

HERE = pathlib.Path(__file__).parent
SMALL = 64  # bytes; a smaller array is not worth its line in the header


def arrays_of(file: bytes, start: int, drawn: dict) -> dict[int, tuple]:
    """The weights among the data sets of an HDF5 file, found by their bytes: {offset + start: (name, shape)}."""
    names = {value.astype("<f4").tobytes(): name for name, value in drawn.items()}
    found = {}

    def visit(_, item):
        if not isinstance(item, h5py.Dataset) or item.id.get_offset() is None or item.nbytes < SMALL:
            return
        at = item.id.get_offset()
        name = names.get(file[at : at + item.nbytes])
        if name:
            found[start + at] = name, item.shape

    with h5py.File(io.BytesIO(file)) as f:
        f.visititems(visit)
    return found


def member(file: bytes, name: str) -> tuple[int, bytes]:
    """Where a member's data start in a zip archive, and the data: Keras stores them as they are."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        info = archive.getinfo(name)
        assert info.compress_type == zipfile.ZIP_STORED
        data = archive.read(info)
    start = info.header_offset
    start += 30 + int.from_bytes(file[start + 26 : start + 28], "little") + int.from_bytes(file[start + 28 : start + 30], "little")
    assert file[start : start + len(data)] == data
    return start, data


def main(names):
    (HERE / "skeleton").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, kind, path, drawn in full_keras.files(pathlib.Path(folder), names):
            file = path.read_bytes()
            path.unlink()
            start, data = member(file, "model.weights.h5") if kind == "keras" else (0, file)
            arrays = arrays_of(data, start, drawn)
            out = HERE / "skeleton" / f"{name}.{kind}.gz"
            skeleton.save(out, file, arrays)
            print(f"{out.name:32} {len(file):10} bytes, {len(arrays):4} of {len(drawn):4} arrays refilled, {out.stat().st_size:6} bytes kept")


if __name__ == "__main__":
    main(sys.argv[1:] or full_keras.NAMES)
