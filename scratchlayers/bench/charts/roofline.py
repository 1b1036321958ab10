"""How near does each convolution come to what the machine can do? GFLOP/s over operations a byte, torch → ours."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ..problems import FORWARD, STEP, TITLES
from ..suite import DENSE, DEPTHWISE, FEW, OTHER, POINTWISE
from .style import DPI, GREY, INK, open_frame, where

_STYLES = {
    FEW: ("#0072b2", "o"),
    DENSE: ("#d55e00", "s"),
    POINTWISE: ("#009e73", "D"),
    DEPTHWISE: ("#b05a92", "^"),
    OTHER: ("#8a6d00", "v"),
}
_SIZE = (15.0, 8.0)
_PANEL = (480, 430)  # points, about
_APART = 1.04  # arrows of the same intensity are drawn side by side
_AROUND = ((0, 10), (14, 3), (-14, 3), (14, -8), (-14, -8), (0, -11), (16, 12), (-16, 12), (0, 20), (0, -20))
_HALO = withStroke(linewidth=2, foreground="white")

Row = dict[str, Any]
Point = tuple[float, float]


def roofline(results: dict[str, Any]) -> Figure:
    """Draw forward and forward+backward side by side: an arrow a convolution, below the roofs of the same run."""
    figure = Figure(figsize=_SIZE, layout="constrained", dpi=DPI)
    roofs = results["roofs"]
    peak, bandwidth = roofs["flops"] / 1e9, roofs["bytes"] / 1e9
    shown = [row for row in results["rows"] if row["group"] in _STYLES and row["pass"] in (FORWARD, STEP)]
    limits = _limits(shown, peak, bandwidth)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, kind in zip(panels, (FORWARD, STEP), strict=True):
        _roof(axes, peak, bandwidth, limits)
        _arrows(axes, [row for row in shown if row["pass"] == kind], limits)
        axes.set_title(TITLES[kind], fontsize=12, color=INK)
        axes.set_xlabel("operations of the direct sum / bytes that must move", fontsize=11, color=INK)
    panels[0].set_ylabel("GFLOP/s", fontsize=11, color=INK)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=6, frameon=False, fontsize=10, labelcolor=INK)
    roofs_said = f"{peak:.0f} GFLOP/s of multiply-adds, a copy at {bandwidth:.0f} GB/s"
    title = f"From torch.nn to ours, and the roofs: {roofs_said} (above them in a cache, or by Winograd)"
    figure.suptitle(f"{title}\n{where(results)}", fontsize=12, color=INK)
    return figure


def _limits(rows: list[Row], peak: float, bandwidth: float) -> tuple[Point, Point]:
    """((least, most) of the intensities, (least, most) of the rates), with some room."""
    x = [peak / bandwidth, *(row["flops"] / row["bytes"] for row in rows)]
    y = [peak, *(row[f"{side}_gflops"] for row in rows for side in ("torch", "ours"))]
    return (min(x) / 1.5, max(x) * 1.7), (min(y) / 1.5, max(y) * 1.3)


def _roof(axes: Axes, peak: float, bandwidth: float, limits: tuple[Point, Point]) -> None:
    (low, high), rates = limits
    axes.plot([low, peak / bandwidth, high], [low * bandwidth, peak, peak], color=GREY, linewidth=1.6, label="roof")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(*rates)
    open_frame(axes)


def _arrows(axes: Axes, rows: list[Row], limits: tuple[Point, Point]) -> None:
    taken: list[Point] = []
    placed = list(_spread(rows))
    for at, row in placed:
        colour, marker = _STYLES[row["group"]]
        torchs, ours = row["torch_gflops"], row["ours_gflops"]
        axes.plot([at, at], [torchs, ours], color=colour, linewidth=1.1, alpha=0.65)
        axes.plot(at, torchs, "_", color=colour, markersize=9, markeredgewidth=1.6)
        axes.plot(at, ours, marker, color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.6)
        taken += [_points((at, rate), limits) for rate in (torchs, ours)]
    for at, row in placed:
        shift = _free(_points((at, row["ours_gflops"]), limits), taken)
        style = {"ha": "center", "va": "center", "fontsize": 8, "color": INK, "path_effects": [_HALO]}
        axes.annotate(row["id"], (at, row["ours_gflops"]), shift, textcoords="offset points", **style)


def _spread(rows: list[Row]) -> Iterator[tuple[float, Row]]:
    """Yield each row with its place on the axis, a few per cent to the right where another one stands."""
    last = 0.0
    for row in sorted(rows, key=lambda row: row["flops"] / row["bytes"]):
        last = max(row["flops"] / row["bytes"], last * _APART)
        yield last, row


def _points(place: Point, limits: tuple[Point, Point]) -> Point:
    """Where that is in the picture, in points."""
    x, y = (size * log(p / low) / log(high / low) for p, (low, high), size in zip(place, limits, _PANEL, strict=True))
    return x, y


def _free(marker: Point, taken: list[Point]) -> Point:
    """Return a shift from a marker to where its name hides the least, and take that place."""

    def hidden(shift: Point) -> float:
        x, y = marker[0] + shift[0], marker[1] + shift[1]
        return sum(max(1 - abs(x - a) / 19, 0) * max(1 - abs(y - b) / 9, 0) for a, b in taken)

    best = min(_AROUND, key=hidden)
    taken.append((marker[0] + best[0], marker[1] + best[1]))
    return best


def _legend() -> list[Line2D]:
    groups = [
        Line2D([], [], linestyle="", marker=marker, markersize=7, color=colour, label=group)
        for group, (colour, marker) in _STYLES.items()
    ]
    return [*groups, Line2D([], [], linestyle="", marker="_", markersize=9, color=GREY, label="torch.nn")]
