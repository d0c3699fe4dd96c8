"""Makes one_label.json and multi_label.json: predictions, and what scikit-learn and SciPy say of them.

Run with scikit-learn 1.9, SciPy 1.17: python make_golden.py
"""

import json
import pathlib

import numpy as np
from scipy import stats
from sklearn import metrics

HERE = pathlib.Path(__file__).parent


def wilson(hits, n):
    ci = stats.binomtest(int(hits), int(n)).proportion_ci(0.95, method="wilson")
    return {"value": hits / n, "low": ci.low, "high": ci.high}


def ratio_interval(hits, n):
    return wilson(int(hits), int(n)) if n else {"value": 0, "low": 0, "high": 1}


def clean(p, digits):
    """Rounds p, so that the file is small and float32 probabilities are what they are in any language."""
    return np.round(p, digits).astype(np.float32)


def numbers(a):
    return [float(str(v)) for v in np.asarray(a, np.float32).ravel()]


def one_label(rng, n=120, k=8):
    # Class 6 has no picture and is sometimes predicted; class 7 has two pictures and is never predicted.
    labels = np.concatenate([rng.integers(0, 6, n - 2), [7, 7]])
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 1.6
    logits[:, 7] -= 6
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    probs = clean(probs, 5)
    guess = probs.argmax(1)
    every = np.arange(k)
    present = np.unique(labels)
    p, r, f, s = metrics.precision_recall_fscore_support(labels, guess, labels=every, zero_division=0)
    tp = np.array([((guess == c) & (labels == c)).sum() for c in every])
    loss = -np.log(np.maximum(probs[np.arange(n), labels], np.finfo(np.float32).eps))
    top = {}
    for at in (1, 5):
        hits = metrics.top_k_accuracy_score(labels, probs, k=at, labels=every, normalize=False)
        top[at] = wilson(int(hits), n)
    # scikit-learn divides rounded rows by their sums, we do not.
    assert np.isclose(loss.mean(), metrics.log_loss(labels, probs, labels=every), atol=1e-4)
    golden = {
        "classes": [f"c{c}" for c in every],
        "probs": numbers(probs),
        "labels": [[int(c)] for c in labels],
        "top1": top[1],
        "top5": top[5],
        "mean_per_class": metrics.recall_score(labels, guess, labels=present, average="macro", zero_division=0),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, guess),
        "macro_f1": metrics.f1_score(labels, guess, labels=present, average="macro", zero_division=0),
        "nll": float(loss.mean()),
        "brier": metrics.brier_score_loss(labels, probs.astype(float), labels=every, scale_by_half=False),
        "nll_standard_error": stratified_error(loss.astype(float), labels),
        "mean_per_class_standard_error": recall_error((guess == labels).astype(float), labels),
        "per_class": [
            {
                "class": f"c{c}",
                "support": int(s[c]),
                "precision": ratio_interval(tp[c], (guess == c).sum()),
                "recall": ratio_interval(tp[c], s[c]),
                "f1": f[c],
            }
            for c in every
        ],
        "confusion": metrics.confusion_matrix(labels, guess, labels=every).tolist(),
    }
    for row, precision, recall in zip(golden["per_class"], p, r):
        assert np.isclose(row["precision"]["value"], precision) and np.isclose(row["recall"]["value"], recall)
    return golden


def stratified_error(values, labels):
    """Standard error of a stratified sample's mean: the textbook formula (Cochran 1977, 5.12)."""
    var = 0.0
    for c in np.unique(labels):
        v = values[labels == c]
        if len(v) > 1:
            var += (len(v) / len(values)) ** 2 * v.var(ddof=1) / len(v)
    return float(np.sqrt(var))


def recall_error(right, labels):
    present = np.unique(labels)
    var = sum(right[labels == c].var(ddof=1) / (labels == c).sum() for c in present)
    return float(np.sqrt(var) / len(present))


def multi_label(rng, n=90, k=5):
    truth = rng.random((n, k)) < np.array([0.5, 0.3, 0.2, 0.05, 0.0])
    score = 1 / (1 + np.exp(-(rng.normal(size=(n, k)) + 1.8 * truth - 0.8)))
    probs = clean(score, 2)  # two digits, so that there are ties
    thresholds = np.array([0.5, 0.45, 0.6, 0.99, 0.5], np.float32)
    predicted = probs >= thresholds
    present = np.flatnonzero(truth.any(0))
    ap = [metrics.average_precision_score(truth[:, c], probs[:, c]) if truth[:, c].any() else 0.0 for c in range(k)]
    p, r, f, s = metrics.precision_recall_fscore_support(truth, predicted, zero_division=0)
    rows = []
    for c, m in enumerate(metrics.multilabel_confusion_matrix(truth, predicted)):
        (tn, fp), (fn, tp) = m.tolist()
        rows.append(
            {
                "class": f"c{c}",
                "support": int(s[c]),
                "threshold": float(str(thresholds[c])),
                "tp": tp,
                "fp": fp,
                "fn": fn,
                "tn": tn,
                "ap": ap[c],
                "precision": ratio_interval(tp, tp + fp),
                "recall": ratio_interval(tp, tp + fn),
                "f1": f[c],
            }
        )
    best = []  # the highest F1 that any threshold reaches
    for c in range(k):
        if not truth[:, c].any():
            best.append(0.0)
            continue
        precision, recall, _ = metrics.precision_recall_curve(truth[:, c], probs[:, c])
        best.append(float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))))
    return {
        "classes": [f"c{c}" for c in range(k)],
        "probs": numbers(probs),
        "labels": [np.flatnonzero(t).tolist() for t in truth],
        "thresholds": numbers(thresholds),
        "map": metrics.average_precision_score(truth[:, present], probs[:, present], average="macro"),
        "micro_f1": metrics.f1_score(truth, predicted, average="micro", zero_division=0),
        "macro_f1": metrics.f1_score(truth[:, present], predicted[:, present], average="macro", zero_division=0),
        "micro_f1_standard_error": bootstrap_error(
            lambda i: metrics.f1_score(truth[i], predicted[i], average="micro", zero_division=0), n
        ),
        # Of the first three labels, which no resample lacks; ranked anew in every resample.
        "frequent_map_standard_error": bootstrap_error(
            lambda i: metrics.average_precision_score(truth[i, :3], probs[i, :3], average="macro"), n
        ),
        "best_f1": best,
        "per_label": rows,
    }


def bootstrap_error(statistic, n):
    return float(
        stats.bootstrap(
            (np.arange(n),), statistic, vectorized=False, n_resamples=4000, method="percentile", rng=1
        ).standard_error
    )


def main():
    rng = np.random.default_rng(7)
    for name, golden in (("one_label", one_label(rng)), ("multi_label", multi_label(rng))):
        (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
