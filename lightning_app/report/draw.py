"""How do several runs compare? Their validation over the epochs, and their test with mean and spread."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lightning_app.figures.style import BLUE, GREY, INK, colours, open_frame, plain
from lightning_app.report.record import Record
from lightning_app.report.spread import Group

NAMED = 8  # curves with a legend


def comparison(runs: list[Record], groups: list[Group]) -> Figure:
    """Two panels: validation accuracy by epoch, test accuracy of every run."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _curves(left, runs)
    _dots(right, groups)
    for axes in (left, right):
        open_frame(axes)
    return figure


def _curves(axes: Axes, runs: list[Record]) -> None:
    drawn: list[float] = []
    for run, colour in zip(runs, colours(len(runs)), strict=True):
        place, accuracy = run.curve("val_accuracy")
        if not place:
            continue
        axes.plot(place, accuracy, "o-", color=colour, linewidth=1.8, markersize=3.5, label=plain(run.name))
        drawn += accuracy[len(accuracy) // 4 :]
    axes.set_title("validation accuracy", fontsize=11, color=INK)
    axes.set_xlabel("epoch", fontsize=11, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    if drawn:
        axes.set_ylim(max(0, min(drawn) - 0.01), min(1.002, max(drawn) + 0.01))
    if drawn and len(runs) <= NAMED:
        axes.legend(frameon=False, fontsize=9.5, labelcolor=INK)


def _dots(axes: Axes, groups: list[Group]) -> None:
    for line, group in enumerate(groups):
        n = len(group.runs)
        offsets = [line + 0.12 * (k - (n - 1) / 2) / max(1, n - 1) for k in range(n)]
        axes.plot(group.accuracies, offsets, "o", color=BLUE, markersize=6, alpha=0.75)
        if n > 1:
            axes.errorbar(
                group.mean,
                line + 0.25,
                xerr=group.deviation,
                fmt="D",
                color=GREY,
                markersize=5,
                capsize=4,
                linewidth=1.5,
            )
    axes.set_yticks(range(len(groups)), [plain(group.label) for group in groups], fontsize=10, color=INK)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title("test accuracy: every run, mean and standard deviation", fontsize=11, color=INK)
