"""How do two learn in lockstep? Losses and their difference, gradients' differences, times."""

from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_app.compare.lockstep import Record
from lightning_app.figures.style import BLUE, GREY, INK, ORANGE, colours, open_frame
from lightning_app.training import PHASES

FLOOR = 1e-18  # what 0 is drawn as on a logarithmic axis
WARM_UP = 3  # steps that load and compile
COLOURS = {"scratch": BLUE, "torch": ORANGE}


def losses(record: Record, tol: float, checked: int) -> Figure:
    """Both losses over the steps, and how far they are apart."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    both, apart = figure.subplots(1, 2)
    for name, width in (("torch", 4.5), ("scratch", 1.3)):
        both.plot(record.losses(name), color=COLOURS[name], linewidth=width, alpha=0.9, label=name)
    both.set_yscale("log")
    _titled(both, "training loss (one over the other)")
    both.legend(frameon=False, labelcolor=INK)
    apart.plot(np.maximum(record.apart, FLOOR), color=BLUE, linewidth=1.2)
    apart.set_yscale("log")
    apart.hlines(tol, 0, min(checked, len(record.apart)), color=GREY, linestyle="--")
    apart.annotate(f"--tol {tol:g}", (0, tol), (2, 3), textcoords="offset points", fontsize=9, color=GREY)
    _titled(apart, "|difference of the losses|")
    return figure


def gradients(record: Record, equal: dict[str, dict[str, float]], tol: float) -> Figure:
    """Relative difference of each parameter's gradient: along the two paths, and at equal weights."""
    figure = Figure(figsize=(10, 0.32 * len(record.gradients) + 2.6), layout="constrained")
    along, at = figure.subplots(1, 2, width_ratios=[1.25, 1])
    names = list(record.gradients)
    for name, colour in zip(names, colours(len(names)), strict=True):
        along.plot(np.maximum(record.gradients[name], FLOOR), color=colour, linewidth=1, label=name)
    along.set_yscale("log")
    _titled(along, "along the two paths, which drift apart")
    along.legend(frameon=False, labelcolor=INK, fontsize=8, ncols=2, loc="lower right")
    for (when, differences), marker, colour in zip(equal.items(), "os", (BLUE, ORANGE), strict=True):
        values = [max(differences[name], FLOOR) for name in names]
        at.plot(
            values, range(len(names)), marker, color=colour, label=when, fillstyle="none" if marker == "s" else "full"
        )
    at.axvline(tol, color=GREY, linestyle="--")
    at.set_xscale("log")
    at.set_yticks(range(len(names)), names)
    at.invert_yaxis()
    at.legend(frameon=False, labelcolor=INK, fontsize=9)
    _titled(at, f"at equal weights (dashed: --tol {tol:g})", "relative difference")
    return figure


def times(record: Record) -> Figure:
    """The median of each phase's times, and where the middle half of the steps lies."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot()
    for offset, (name, steps) in zip((-0.19, 0.19), record.steps.items(), strict=True):
        middle, low, high = np.array([quartiles(milliseconds(steps, phase)) for phase in range(len(PHASES))]).T
        places = np.arange(len(PHASES)) + offset
        axes.barh(places, middle, 0.34, color=COLOURS[name], label=name)
        axes.errorbar(middle, places, xerr=[middle - low, high - middle], fmt="none", color=GREY, capsize=3)
        for place, value, end in zip(places, middle, high, strict=True):
            axes.annotate(f"{value:.1f}", (end, place), (5, 0), textcoords="offset points", va="center", color=INK)
    axes.set_yticks(range(len(PHASES)), PHASES)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.legend(frameon=False, labelcolor=INK)
    _titled(axes, "time of a step by phase (bar: median, line: middle half)", "ms")
    return figure


def milliseconds(steps: list, phase: int) -> list[float]:
    """The times of one phase, without those of the first steps."""
    return [1000 * step.seconds[phase] for step in steps[min(WARM_UP, len(steps) - 1) :]]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """(median, lower quartile, upper quartile)."""
    return median(values), float(np.quantile(values, 0.25)), float(np.quantile(values, 0.75))


def _titled(axes: Axes, title: str, below: str = "step") -> None:
    open_frame(axes)
    axes.set_title(title, fontsize=11, color=INK)
    axes.set_xlabel(below, fontsize=10, color=INK)
