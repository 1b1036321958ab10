"""How good are a classifier's answers? Every figure by torchmetrics, curves and areas from the probabilities.

A ROC curve needs the probabilities: each threshold is a point of it. From labels alone (the class answered, yes or no)
there is one threshold left, hence one point (FPR, TPR); the "curve" through it and the corners has the area
(TPR + 1 - FPR) / 2, which is the balanced accuracy at that threshold and not the AUC. `Scores.auc_of_labels` is that
area, so that the two can be seen side by side.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan

from torch import Tensor
from torch.nn.functional import one_hot
from torchmetrics.functional import classification as tm

Curve = tuple[list[float], list[float]]
AVERAGES = ("micro", "macro", "weighted")


@dataclass(frozen=True)
class Scores:
    """Figures by class are lists, ``averaged`` has them by average and name; curves by class, "micro", ROC "macro"."""

    accuracy: float
    confusion: list[list[int]]
    support: list[int]
    by_class: dict[str, list[float]]
    averaged: dict[str, dict[str, float]]
    roc: dict[str, Curve]  # false positive rate, true positive rate
    precision_recall: dict[str, Curve]  # recall, precision


def scores(p: Tensor, y: Tensor, classes: tuple[str, ...]) -> Scores:
    """Of probabilities ``p`` (n, classes) for images whose classes are ``y`` (n,). One-vs-rest for each class."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*(No positive samples|No negative samples|was `nan`)")
        return _scores(p, y, classes)


def _scores(p: Tensor, y: Tensor, classes: tuple[str, ...]) -> Scores:
    n = len(classes)
    asked = {"precision": tm.multiclass_precision, "recall": tm.multiclass_recall, "f1": tm.multiclass_f1_score}
    label = p.argmax(1)
    by_class = {name: metric(label, y, n, average=None).tolist() for name, metric in asked.items()}
    averaged = {
        average: {name: float(metric(label, y, n, average=average)) for name, metric in asked.items()}
        for average in AVERAGES
    }
    sure = one_hot(label, n).to(p.dtype)
    is_class = one_hot(y, n)
    support = is_class.sum(0)
    there = support > 0
    for name, metric, answers in (
        ("auc", tm.multiclass_auroc, p),
        ("average_precision", tm.multiclass_average_precision, p),
        ("auc_of_labels", tm.multiclass_auroc, sure),
    ):
        each = metric(answers, y, n, average=None).where(there, nan)  # of a class without test images nothing is known
        by_class[name] = each.tolist()
        averaged["macro"][name] = float(each.nanmean())
        averaged["weighted"][name] = float((each * support).nansum() / support.sum())
        flat = tm.binary_average_precision if name == "average_precision" else tm.binary_auroc
        averaged["micro"][name] = float(flat(answers.flatten(), is_class.flatten()))
    confusion = tm.multiclass_confusion_matrix(label, y, n)
    return Scores(
        float(tm.multiclass_accuracy(label, y, n, average="micro")),
        confusion.tolist(),
        confusion.sum(1).tolist(),
        by_class,
        averaged,
        _curves(p, y, is_class, classes, tm.multiclass_roc, tm.binary_roc) | _macro(p, y, len(classes)),
        _curves(p, y, is_class, classes, tm.multiclass_precision_recall_curve, tm.binary_precision_recall_curve, True),
    )


def _curves(
    p: Tensor,
    y: Tensor,
    is_class: Tensor,
    classes: tuple[str, ...],
    each: Callable,
    flat: Callable,
    swapped: bool = False,
) -> dict[str, Curve]:
    """One for each class, and "micro" over all answers as if to yes-or-no questions."""
    xs, ys, _ = each(p, y, len(classes))
    found = dict(zip(classes, zip(xs, ys, strict=True), strict=True))
    found["micro"] = flat(p.flatten(), is_class.flatten())[:2]
    way = -1 if swapped else 1  # torchmetrics gives (precision, recall): we draw precision over recall
    return {name: _lists(curve[::way]) for name, curve in found.items()}


def _macro(p: Tensor, y: Tensor, classes: int) -> dict[str, Curve]:
    """The mean of the classes' ROC curves."""
    return {"macro": _lists(tm.multiclass_roc(p, y, classes, average="macro")[:2])}


def _lists(curve: Iterable[Tensor]) -> Curve:
    x, y = curve
    return x.tolist(), y.tolist()
