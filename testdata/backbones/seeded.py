"""Numbers drawn by counter, the same as check.Seeded in internal/check/seeded.go draws.

Element i of what is called name is a function of name and i alone, so that no weights need be committed.
"""
import re

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
SQUEEZE = re.compile(r"\.se\.|_se_|squeeze_excite|\.block\.\d\.fc")  # layers of squeeze-and-excitation


def fnv1a(name: str) -> int:
    h = 14695981039346656037
    for b in name.encode():
        h = ((h ^ b) * 1099511628211) & (2**64 - 1)
    return h


def uniform(name: str, n: int) -> np.ndarray:
    """Elements 0..n-1 of name, float64 in [0, 1) with 24 bits."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, n + 1, dtype=np.uint64) * GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def weight_range(name: str, shape) -> tuple[float, float]:
    """Scale and shift of a weights file's array, by its name and shape there (check.SeededRange, which says why)."""
    leaf = name.replace("/", ".").split(".")[-1].removesuffix(":0")
    gate = SQUEEZE.search(name)
    if leaf in ("running_var", "moving_variance"):
        return 1.0, 0.5
    if leaf in ("gamma", "layer_scale") or leaf == "weight" and len(shape) == 1:
        return 0.65, 0.5
    if len(shape) > 1:
        inputs = {"kernel": shape[:-1], "depthwise_kernel": shape[:-2]}.get(leaf, shape[1:])
        bound = np.sqrt(6 / float(np.prod(inputs)))
        if gate:
            bound /= 4
        return 2 * bound, -bound
    return (0.2, 1.9) if gate else (0.2, -0.1)


def weight(name: str, shape) -> np.ndarray:
    """The array called name of a weights file, float32."""
    scale, shift = weight_range(name, tuple(shape))
    return (scale * uniform(name, int(np.prod(shape, dtype=np.int64))) + shift).astype(np.float32).reshape(shape)


def pixels(height: int, width: int) -> np.ndarray:
    """Two pictures, RGB, float32 [2, 3, height, width] of whole numbers 0-255."""
    name = f"pixels/{height}x{width}"
    return np.floor(256 * uniform(name, 2 * 3 * height * width)).astype(np.float32).reshape(2, 3, height, width)


def positions(name: str, size: int, count: int = 128) -> np.ndarray:
    """Which elements of a flattened array of size elements, called name, a golden file holds."""
    return np.floor(size * uniform("positions/" + name, count)).astype(np.int64)
