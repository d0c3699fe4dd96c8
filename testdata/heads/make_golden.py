"""Makes prototypes.json: what scikit-learn and NumPy say of seeded vectors by the means of their classes.

Run with scikit-learn 1.9: python make_golden.py
"""

import json
import pathlib
import sys

import numpy as np
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from seeded import uniform  # noqa: E402


def vectors(name: str, n: int, d: int, k: int):
    """n vectors around k centres; the same as seededBlobs in internal/train/prototype_test.go."""
    centres = uniform(name + " centres", k * d).reshape(k, d)
    noise = uniform(name + " noise", n * d).reshape(n, d)
    labels = np.arange(n) % k
    return (centres[labels] + 1.6 * (noise - 0.5)).astype(np.float32), labels


def cosine(x, y, test, k):
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)  # noqa: E731
    means = unit(np.stack([unit(x)[y == c].sum(0) for c in range(k)]))
    return unit(test) @ means.T


def case(name: str, n: int, d: int, k: int) -> dict:
    x, y = vectors(name, n, d, k)
    test, _ = vectors(name + " test", 60, d, k)
    scaler = StandardScaler().fit(x.astype(np.float64))
    x, test = scaler.transform(x), scaler.transform(test)
    return {
        "name": name, "n": n, "d": d, "k": k,
        "nearest": NearestCentroid().fit(x, y).predict(test).tolist(),
        "cosine": np.round(cosine(x, y, test, k), 6).tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    cases = [case("few", 12, 9, 4), case("more", 70, 5, 3)]
    (HERE / "prototypes.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
