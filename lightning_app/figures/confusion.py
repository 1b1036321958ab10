"""Which classes are taken for which? The errors get the colour scale; the right answers are only counted."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lightning_app.figures.style import AMOUNT, FAINT, GREY, INK, plain

MOST_LABELLED = 20  # classes; beyond, numbers in the cells would be unreadable


def confusion_matrix(content: dict[str, Any]) -> Figure:
    """The matrix of ``results.json``, with recall at the right and precision below."""
    counts, names = np.array(content["confusion_matrix"]), [*map(plain, content["classes"])]
    figure = Figure(figsize=(7.4, 7.7), layout="constrained")
    axes = figure.add_subplot()
    _cells(axes, counts)
    ticks = range(len(names)) if len(names) <= MOST_LABELLED else []
    axes.set_xticks(ticks, [names[i] for i in ticks], fontsize=11, color=INK)
    axes.set_yticks(ticks, [names[i] for i in ticks], fontsize=11, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", fontsize=12, color=INK)
    axes.set_ylabel("true", fontsize=12, color=INK)
    if len(names) <= MOST_LABELLED:
        _numbers(axes, counts)
        _margins(axes, content)
    wrong = counts.sum() - counts.trace()
    axes.set_title(
        f"{content['dataset']}: {wrong:,} of {counts.sum():,} test images wrong · "
        f"{content['test_accuracy']:.2%} right, {content['layers']} layers",
        fontsize=12,
        color=INK,
        pad=38,
    )
    return figure


def _cells(axes: Axes, counts: np.ndarray) -> None:
    n = len(counts)
    errors = np.ma.masked_where(np.eye(n, dtype=bool) | (counts == 0), counts)
    axes.imshow(np.ma.masked_where(~np.eye(n, dtype=bool), counts), cmap="Greys", vmin=0, vmax=6 * counts.max())
    axes.imshow(errors, cmap=AMOUNT, norm=LogNorm(0.5, max(2, errors.max() if errors.count() else 2)))
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=1)
    axes.tick_params(which="minor", length=0)


def _numbers(axes: Axes, counts: np.ndarray) -> None:
    most = max(2, (counts - np.diag(counts.diagonal())).max())
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = row != column and np.log(count / 0.5) > 0.6 * np.log(most / 0.5)
            axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=9, color="white" if dark else INK)


def _margins(axes: Axes, content: dict[str, Any]) -> None:
    rows = list(content["classes"].values())
    n = len(rows)
    for place, row in enumerate(rows):
        axes.text(n - 0.35, place, f"{row['recall']:.1%}", ha="left", va="center", fontsize=9, color=GREY)
        axes.text(place, -0.62, f"{row['precision']:.1%}", ha="center", va="bottom", fontsize=8, color=GREY)
    axes.text(n - 0.35, -0.62, "recall ↓\n← precision", ha="left", va="bottom", fontsize=8, color=GREY)
