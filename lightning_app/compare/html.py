"""How is a comparison told on a page? Verdict first, then what it rests on."""

import torch
from markupsafe import Markup
from matplotlib.figure import Figure

from lightning_app.compare.comparison import Comparison
from lightning_app.compare.draw_steps import milliseconds, quartiles
from lightning_app.compare.scores import Scores
from lightning_app.page import Picture, Section, Table, page
from lightning_app.training import PHASES

NAMES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "average precision",
    "auc_of_labels": "AUC of labels",
}
GOOD, BAD = Markup('<span class="good">agree</span>'), Markup('<span class="bad">DISAGREE</span>')
DRIFT = """In float32 two trainings part as soon as rounding tips one ReLU or one maximum over, whoever wrote the \
layers; then their losses differ by far more than rounding. So in float32 the paths are shown, and what is held \
against --tol are steps from equal weights. In float64 (the default) the paths themselves must agree."""
EQUAL = """At equal weights there is only rounding: both nets take one step from the same place, and the gradients of \
every parameter are compared. Along their own paths rounding feeds on itself, whoever wrote the layers, so the left \
panel may rise where the right one must not."""
LABELS = """The curves and areas come from the probabilities: each threshold is a point. The column “AUC of labels” \
is what comes out if only the answered class is used, as is often seen: then one operating point is left, the area is \
(TPR + 1 − FPR) / 2, and how well the answers are ranked is lost."""


def html(found: Comparison, pictures: dict[str, Figure]) -> str:
    """The page."""
    drift = [DRIFT] if found.dtype == torch.float32 else []
    names = " and ".join(f"{each.accuracy:.2%} ({name})" for name, each in found.scores.items())
    verdict = f"They agree to {found.worst:.1e}" if found.agree else f"They DISAGREE: up to {found.worst:.1e}"
    return page(
        "Hand-written layers beside torch.nn's",
        f"{verdict}, where {found.tol:g} is allowed. Same initial weights, same batches, same rates. "
        f"On the test images: {names} right.",
        {
            "verdict": GOOD if found.agree else BAD,
            "data": f"{found.images.name}: {len(found.images.train.y):,} + {len(found.images.test.y):,} test",
            "steps": f"{len(found.record.apart):,} of {found.recipe.batch_size} images",
            "precision": str(found.dtype)[6:],
            "seed": str(found.recipe.seed),
        },
        [
            Section("Agreement", [_checks(found), *drift, Picture(pictures["losses"], "Losses and their difference")]),
            Section("Gradients by layer", [EQUAL, Picture(pictures["gradients"], "Differences of gradients")]),
            Section("Confusion", [Picture(pictures["confusion"], "Two confusion matrices and their difference")]),
            Section("ROC", [LABELS, Picture(pictures["roc"], "ROC curves, false positive rate logarithmic")]),
            Section("Precision and recall", [Picture(pictures["precision_recall"], "Precision-recall curves")]),
            Section("Scores", [_scores(name, each, found.images.classes) for name, each in found.scores.items()]),
            Section("Time and memory", [Picture(pictures["times"], "Times by phase", wide=False), _cost(found)]),
        ],
    )


def _checks(found: Comparison) -> Table:
    rows = [[name, f"{value:.1e}", GOOD if value <= found.tol else BAD] for name, value in found.checks.items()]
    return Table(["largest difference of", "found", f"--tol {found.tol:g}"], rows)


def _scores(name: str, found: Scores, classes: tuple[str, ...]) -> Table:
    rows = [
        [label, f"{found.support[i]:,}", *(f"{found.by_class[key][i]:.4f}" for key in NAMES)]
        for i, label in enumerate(classes)
    ]
    for average, values in found.averaged.items():
        rows.append([f"{average} average", f"{sum(found.support):,}", *(f"{values[key]:.4f}" for key in NAMES)])
    return Table(["class", "support", *NAMES.values()], rows, f"{name}: accuracy {found.accuracy:.2%}")


def _cost(found: Comparison) -> Table:
    rows = []
    for i, phase in enumerate(PHASES):
        each = [quartiles(milliseconds(steps, i)) for steps in found.timed.steps.values()]
        texts = [f"{middle:.2f} ms ({low:.2f} to {high:.2f})" for middle, low, high in each]
        rows.append([phase, *texts, f"{each[0][0] / each[1][0]:.2f}"])
    for what in next(iter(found.memory.values())):
        each = [found.memory[name][what] for name in found.timed.steps]
        rows.append([what, *(f"{size / 2**20:.2f} MiB" for size in each), f"{each[0] / each[1]:.2f}"])
    names = list(found.timed.steps)
    return Table(
        ["", *names, f"{names[0]} / {names[1]}"], rows, "A step in float32; times are median (and middle half)."
    )
