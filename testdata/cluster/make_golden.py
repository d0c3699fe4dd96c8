"""Makes kmeans.json: what scikit-learn's k-means and silhouette say of seeded vectors.

Run with scikit-learn 1.9: python make_golden.py
"""

import json
import pathlib
import sys

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from seeded import uniform  # noqa: E402


def vectors(name: str, n: int, d: int, groups: int) -> np.ndarray:
    """n vectors around groups centres; the same as vectors in internal/cluster/cluster_test.go."""
    centres = uniform(name + " centres", groups * d).reshape(groups, d)
    noise = uniform(name + " noise", n * d).reshape(n, d)
    return (centres[np.arange(n) % groups] + 0.6 * (noise - 0.5)).astype(np.float32)


def case(name: str, n: int, d: int, groups: int, k: int) -> dict:
    x = vectors(name, n, d, groups)
    fit = KMeans(k, init=x[:k].astype(np.float64), n_init=1, tol=0, max_iter=300, algorithm="lloyd").fit(x.astype(np.float64))
    best = KMeans(k, n_init=50, tol=0, random_state=1).fit(x.astype(np.float64))
    return {
        "name": name, "n": n, "d": d, "groups": groups, "k": k,
        "labels": fit.labels_.tolist(), "inertia": fit.inertia_, "silhouette": float(silhouette_score(x.astype(np.float64), fit.labels_)),
        "best": best.inertia_,
    }  # fmt: skip


if __name__ == "__main__":
    cases = [case("apart", 90, 7, 5, 5), case("loose", 150, 3, 4, 6), case("wide", 60, 40, 3, 3), case("pair", 50, 2, 2, 2)]
    (HERE / "kmeans.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
