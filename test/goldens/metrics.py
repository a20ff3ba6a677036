"""scikit-learn's metrics on predictions with ties between targets, classes that never occur, and constants."""
import warnings

import numpy
from sklearn import metrics

from common import write
from networks import hashed

warnings.filterwarnings("ignore")  # of divisions by zero
AVERAGES = ["macro", "micro", "none"]


def of_classes(name, n, classes, labels_used, seed):
    scores = (hashed(seed, n * classes).reshape(n, classes) * 6 - 3).astype(numpy.float32)
    y = numpy.asarray(labels_used)[(hashed(seed + 1, n) * len(labels_used)).astype(int)]
    scores[numpy.arange(n), y] += 1.0
    p = scores.argmax(1)
    every = list(range(classes))
    case = {
        "kind": "classes", "name": name, "scores": scores, "targets": y,
        "confusion": metrics.confusion_matrix(y, p, labels=every).tolist(),
        "topk": {str(k): metrics.top_k_accuracy_score(y, scores, k=k, labels=every)
                 for k in range(1, classes)} if classes > 2 else {},
        "accuracy": metrics.accuracy_score(y, p),
    }
    for key, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score),
                       ("f1Score", metrics.f1_score)):
        # Without labels: the classes that are predicted or targets, as 'macro' means them.
        case[key] = {
            "macro": float(score(y, p, average="macro", zero_division=0)),
            "micro": float(score(y, p, average="micro", zero_division=0)),
            "none": score(y, p, average=None, labels=every, zero_division=0).tolist(),
        }
        if classes == 2:
            case[key]["binary"] = float(score(y, p, average="binary", zero_division=0))
    return case


def binary(name, n, seed, threshold):
    scores = (hashed(seed, n) * 4 - 2 if threshold == 0 else hashed(seed, n)).astype(numpy.float32)
    y = (hashed(seed + 1, n) < 0.4).astype(int)
    p = (scores >= threshold).astype(int)
    return {
        "kind": "binary", "name": name, "scores": scores, "targets": y, "threshold": threshold,
        "confusion": metrics.confusion_matrix(y, p, labels=[0, 1]).tolist(),
        "precision": metrics.precision_score(y, p, zero_division=0),
        "recall": metrics.recall_score(y, p, zero_division=0),
        "f1Score": metrics.f1_score(y, p, zero_division=0),
        "accuracy": metrics.accuracy_score(y, p),
    }


def regression(name, shape, seed, offset=0.0, constant=(), perfect=()):
    n = int(numpy.prod(shape))
    y = (hashed(seed, n).reshape(shape) * 2 - 1 + offset).astype(numpy.float32)
    p = (y + 0.3 * hashed(seed + 1, n).reshape(shape) - 0.1).astype(numpy.float32)
    for d in constant:
        y[:, d] = 0.1
    for d in perfect:
        p[:, d] = y[:, d]
    t, q = y.astype(float), p.astype(float)
    return {
        "kind": "regression", "name": name, "y": p, "targets": y,
        "mae": metrics.mean_absolute_error(t, q),
        "r2": metrics.r2_score(t, q, multioutput="uniform_average"),
    }


write(__file__, [
    of_classes("three classes", 37, 3, [0, 1, 2], 1),
    of_classes("ten classes, three never a target", 200, 10, [0, 1, 3, 4, 6, 7, 8], 3),
    of_classes("two classes", 53, 2, [0, 1], 5),
    of_classes("one sample", 1, 4, [2], 7),
    of_classes("classes that are neither predicted nor targets", 4, 40, [5, 9], 9),
    binary("logits", 41, 11, 0.0),
    binary("probabilities", 64, 13, 0.5),
    regression("one output", (33, 1), 15),
    regression("three outputs", (50, 3), 17),
    regression("far from zero", (64, 2), 19, offset=1e4),
    regression("a constant output", (20, 3), 21, constant=[1]),
    regression("constant outputs, one of them perfect", (20, 3), 23, constant=[0, 2], perfect=[2]),
    regression("two samples", (2, 1), 25),
])
