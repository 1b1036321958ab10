"""How do two classifiers' answers look beside each other? Confusion matrices, ROC and precision-recall curves."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from lightning_app.compare.draw_steps import COLOURS
from lightning_app.compare.scores import Scores
from lightning_app.figures.style import GREY, INK, SIGNED, bare, colours, open_frame, plain

MOST_LABELLED = 20
MOST_RECALL = 0.9  # up to here a precision-recall curve should be high
LIGHTNESS, DARK = (0.299, 0.587, 0.114), 0.5  # of a cell (ITU-R BT.601): below this its number is white
ON_COLOUR = ("#052a35", "white")  # a number's colour on a light cell and on a dark one, whatever the page


def confusions(found: dict[str, Scores], classes: tuple[str, ...]) -> Figure:
    """The matrix of each and their difference; errors only get colour, on one scale."""
    figure = Figure(figsize=(13.5, 4.9), layout="constrained")
    counts = [np.array(each.confusion) for each in found.values()]
    panels = dict(zip(found, counts, strict=True)) | {" − ".join(found): counts[0] - counts[1]}
    off = ~np.eye(len(classes), dtype=bool)
    most = max(2, *(int(np.abs(panel[off]).max(initial=0)) for panel in panels.values()))
    scale = SymLogNorm(1, vmin=-most, vmax=most)
    for axes, (title, values) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        difference = title not in found
        axes.imshow(np.where(off | difference, values, 0), cmap=SIGNED, norm=scale)
        bare(axes)
        moved = f"at least {np.abs(values).sum() // 2:,} images moved"
        wrong = moved if difference else f"{values[off].sum():,} wrong"
        axes.set_title(f"{title}: {wrong}", fontsize=12, color=INK)
        axes.set_xlabel("predicted", color=INK)
        axes.set_ylabel("true", color=INK)
        if len(classes) <= MOST_LABELLED:
            axes.set_xticks(range(len(classes)), map(plain, classes), color=INK)
            axes.set_yticks(range(len(classes)), map(plain, classes), color=INK)
            axes.tick_params(length=0)
            _numbers(axes, values, off | difference, scale)
    return figure


def roc(found: dict[str, Scores], classes: tuple[str, ...]) -> Figure:
    """Sensitivity over the false positive rate, logarithmic: at 99.5 % all that matters is in the corner."""
    first = next(iter(found.values()))
    lowest = 0.5 / (sum(first.support) * max(1, len(classes) - 1))  # below 1 / negatives, of the micro curve too
    figure = _panels(found, classes, "roc", "auc", lambda x: np.maximum(x, lowest))
    for axes in figure.axes:
        axes.set_xscale("log")
        axes.set_xlim(lowest, 1)
        axes.set_xlabel("false positive rate (log; the left edge is 0)", color=INK)
    figure.axes[0].set_ylabel("true positive rate (recall, sensitivity)", color=INK)
    return figure


def precision_recall(found: dict[str, Scores], classes: tuple[str, ...]) -> Figure:
    """Precision over recall."""
    figure = _panels(found, classes, "precision_recall", "average_precision", np.asarray)
    for axes in figure.axes:
        axes.set_xlabel("recall", color=INK)
        axes.set_xlim(0.8 if figure.axes[0].get_ylim()[0] > MOST_RECALL else 0, 1.003)
    figure.axes[0].set_ylabel("precision", color=INK)
    return figure


def _panels(found: dict[str, Scores], classes: tuple[str, ...], kind: str, area: str, place) -> Figure:
    """Left: each class against the rest, for the first. Right: the averages of both, one over the other."""
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    each, averaged = figure.subplots(1, 2, sharey=True)
    name, first = next(iter(found.items()))
    for number, (label, colour) in enumerate(zip(classes, colours(len(classes)), strict=True)):
        x, y = getattr(first, kind)[label]
        text = f"{plain(label)}  {first.by_class[area][number]:.5f}" if len(classes) <= MOST_LABELLED else None
        each.step(place(x), y, where="post", color=colour, linewidth=1.6, label=text)
    for (model, scores), width in zip(reversed(found.items()), (4.5, 1.5), strict=True):
        for average in [key for key in ("macro", "micro") if key in getattr(scores, kind)]:
            x, y = getattr(scores, kind)[average]
            text = f"{model}, {average}  {scores.averaged[average][area]:.5f}"
            style = "-" if average == "micro" else (0, (4, 1.5))
            averaged.step(place(x), y, where="post", color=COLOURS[model], linewidth=width, linestyle=style, label=text)
    each.set_title(f"{name}: each class against the rest", fontsize=11, color=INK)
    averaged.set_title("averages of both", fontsize=11, color=INK)
    each.set_ylim(_bottom(first, kind), 1.003)
    for axes in (each, averaged):
        open_frame(axes)
        where, title = ("lower right" if kind == "roc" else "lower left"), f"area ({area.replace('_', ' ')})"
        if not axes.get_legend_handles_labels()[0]:
            continue
        legend = axes.legend(frameon=False, labelcolor=INK, fontsize=9, title=title, title_fontsize=9, loc=where)
        legend.get_title().set_color(GREY)
    return figure


def _bottom(scores: Scores, kind: str) -> float:
    """Where to begin the vertical axis: below the worst curve at no false positive, or at most of the recall."""
    useful = (lambda x: x == 0) if kind == "roc" else (lambda x: 0 < x <= MOST_RECALL)
    best = min if kind == "precision_recall" else max
    reached = [
        best([y for x, y in zip(*curve, strict=True) if useful(x)], default=0)
        for curve in getattr(scores, kind).values()
    ]
    return max(0.0, min(0.98, min(reached) - 0.02))


def _numbers(axes: Axes, values: np.ndarray, coloured: np.ndarray, scale: SymLogNorm) -> None:
    for (row, column), value in np.ndenumerate(values):
        if value:
            dark = coloured[row, column] and np.dot(SIGNED(scale(value))[:3], LIGHTNESS) < DARK
            text = f"{value:,}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=ON_COLOUR[bool(dark)])
