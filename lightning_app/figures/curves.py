"""How did learning go? Loss step by step, and validation accuracy after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lightning_app.figures.style import BLUE, FAINT, GREY, INK, ORANGE, open_frame

if TYPE_CHECKING:
    from lightning_app.history import History

VALIDATION = {"color": BLUE, "linewidth": 2, "markersize": 4}


def learning_curves(history: History, content: dict[str, Any]) -> Figure:
    """Two panels over epochs: loss of training and validation (logarithmic), and accuracy."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    _loss(loss, history)
    _accuracy(accuracy, history, content)
    for axes in (loss, accuracy):
        open_frame(axes)
        axes.set_xlabel("epoch", fontsize=11, color=INK)
        axes.set_xlim(0, len(history.epochs))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.legend(frameon=False, fontsize=10, labelcolor=INK)
    figure.suptitle(
        f"{content['dataset']}, {content['layers']} layers, {content['parameters']:,} parameters",
        fontsize=12,
        color=INK,
    )
    return figure


def _loss(axes: Axes, history: History) -> None:
    steps, losses = np.array(history.losses).T
    place = steps * len(history.epochs) / steps.max()
    axes.plot(place, losses, color=FAINT, linewidth=1)
    axes.plot(place, _smooth(losses), color=GREY, linewidth=2, label="training")
    axes.plot(*_after_epochs(history, "val_loss"), "o-", **VALIDATION, label="validation")
    axes.set_yscale("log")
    axes.set_title("loss (cross-entropy)", fontsize=11, color=INK)


def _accuracy(axes: Axes, history: History, content: dict[str, Any]) -> None:
    epochs, accuracies = _after_epochs(history, "val_accuracy")
    tested = content["test_accuracy"]
    if epochs:
        axes.plot(epochs, accuracies, "o-", **VALIDATION, label=f"validation, at last {accuracies[-1]:.2%}")
    axes.axhline(tested, color=ORANGE, linestyle="--", linewidth=1.5, label=f"test, best checkpoint {tested:.2%}")
    axes.set_ylim(max(0, min([*accuracies[len(accuracies) // 4 :], tested]) - 0.02), 1.002)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.set_title("accuracy", fontsize=11, color=INK)


def _after_epochs(history: History, key: str) -> tuple[list[int], list[float]]:
    """The epochs after which ``key`` was measured, and what was found."""
    rows = [row for row in history.epochs if key in row]
    return [row["epoch"] + 1 for row in rows], [row[key] for row in rows]


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over about a twentieth of the values, shorter at the ends."""
    width = max(1, len(values) // 20)
    window = np.ones(width)
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
