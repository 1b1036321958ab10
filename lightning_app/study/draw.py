"""How is a study drawn? Accuracy with its spread over what was varied; for shifts over how far the digits moved."""

from itertools import cycle

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter

from lightning_app.figures.style import BLUE, INK, ORANGE, open_frame
from lightning_app.study.studies import Study
from lightning_app.study.summary import Summary

# Okabe and Ito's, dark enough for white and bright enough for black
PALETTE = (BLUE, ORANGE, "#009e73", "#cc79a7", "#a07800", "#56b4e9")
MOVED = "digits moved right by pixels (negative: left)"
MARKERS = "osD^vX"


def over_values(study: Study, found: list[Summary]) -> Figure:
    """A point with its standard deviation for each variant, a line for each line of the study."""
    figure = Figure(figsize=(8.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    values = list(dict.fromkeys(each.variant.value for each in found))
    numbers = all(isinstance(value, int) for value in values)
    logarithmic = numbers and max(values) / min(values) > 20
    lines = list(dict.fromkeys(each.variant.line for each in found))
    for place, (line, colour, marker) in enumerate(zip(lines, cycle(PALETTE), cycle(MARKERS), strict=False)):
        mine = [each for each in found if each.variant.line == line]
        beside = 0 if logarithmic else 0.07 * (place - (len(lines) - 1) / 2)
        x = [(each.variant.value if numbers else values.index(each.variant.value)) + beside for each in mine]
        axes.errorbar(
            x,
            [each.accuracy for each in mine],
            [each.spread for each in mine],
            fmt=marker + ("-" if numbers else ""),
            color=colour,
            capsize=3,
            linewidth=1.6,
            label=line,
        )
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(values if numbers else range(len(values)), [str(value) for value in values])
    _finish(figure, study, f"test accuracy, mean and spread of {len(found[0].accuracies)} seeds", len(lines) > 1)
    return figure


def over_shifts(study: Study, found: list[Summary]) -> Figure:
    """A curve for each net over the pixels by which the test digits were moved."""
    figure = Figure(figsize=(8.6, 5), layout="constrained")
    axes = figure.add_subplot()
    for each, colour, marker in zip(found, cycle(PALETTE), cycle(MARKERS), strict=False):
        moves = sorted(each.shifted)
        means, spreads = zip(*(each.shifted[move] for move in moves), strict=True)
        axes.errorbar(
            moves, means, spreads, fmt=f"{marker}-", color=colour, capsize=2, markersize=4, label=each.variant.name
        )
    axes.set_xticks(sorted(found[0].shifted))
    _finish(figure, study, f"test accuracy, mean and spread of {len(found[0].accuracies)} seeds", True)
    axes.set_xlabel(MOVED, color=INK)
    return figure


def _finish(figure: Figure, study: Study, ylabel: str, legend: bool) -> None:
    axes = figure.axes[0]
    open_frame(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel(study.varied, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.set_title(study.question, fontsize=13, color=INK)
    if legend:
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
