"""Where is ours faster, and where slower? A bar from 1 to the ratio of every problem, on a logarithmic axis."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..problems import FORWARD, STEP, TITLES
from ..show import times
from ..suite import GROUPS
from .style import DPI, INK, open_frame, where

_COLOURS = {FORWARD: "#7fb6dc", STEP: "#0b4f86"}
_LOSS = "#cb4b16"
_TICKS = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
_GAP = 1.3  # rows from the last problem of a group to the name of the next
_ONE_COLUMN = 24  # rows

Row = dict[str, Any]
Group = tuple[str, list[dict[str, Row]]]


def ratios(results: dict[str, Any]) -> Figure:
    """Draw forward and forward+backward of all problems by group, in two columns if they are many."""
    groups = _groups([row for row in results["rows"] if row["pass"] in _COLOURS])
    columns = _columns(groups)
    height = max(map(_height, columns))
    figure = Figure(figsize=(7.2 * len(columns), 0.27 * height + 1.5), layout="constrained", dpi=DPI)
    every = [row["ratio_median"] for _, members in groups for by_pass in members for row in by_pass.values()]
    limits = (min(0.7, *every) / 1.4, max(1.4, *every) * 1.4)
    for axes, column in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        _column(axes, column)
        _axis(axes, limits, height)
    handles = [Patch(color=colour, label=TITLES[kind]) for kind, colour in _COLOURS.items()]
    handles.append(Patch(facecolor="white", edgecolor=_LOSS, label="below 0.95"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=10, labelcolor=INK)
    title = "Time of torch.nn / ours: to the right of 1 ours is faster"
    figure.suptitle(f"{title}\n{where(results)}", fontsize=12, color=INK)
    return figure


def _groups(rows: list[Row]) -> list[Group]:
    """The groups in order, of each problem its rows by pass."""
    problems: dict[str, dict[str, Row]] = {}
    for row in rows:
        problems.setdefault(row["id"], {})[row["pass"]] = row
    groups: dict[str, list[dict[str, Row]]] = {group: [] for group in GROUPS}
    for by_pass in problems.values():
        groups[next(iter(by_pass.values()))["group"]].append(by_pass)
    return [(group, members) for group, members in groups.items() if members]


def _height(groups: list[Group]) -> float:
    return sum(len(members) + _GAP for _, members in groups)


def _columns(groups: list[Group]) -> list[list[Group]]:
    """Share the groups between two columns such that the higher one is as low as it can be."""
    if _height(groups) <= _ONE_COLUMN:
        return [groups]
    cut = min(range(1, len(groups)), default=0, key=lambda cut: max(_height(groups[:cut]), _height(groups[cut:])))
    return [part for part in (groups[:cut], groups[cut:]) if part]


def _column(axes: Axes, groups: list[Group]) -> None:
    """Draw the bars from top to bottom, and the names on their left."""
    top, places, names = 0.0, [], []
    for group, members in groups:
        places.append(top)
        names.append(group)
        for place, by_pass in enumerate(members, 1):
            places.append(top + place)
            names.append(" ".join(next(iter(by_pass.values()))[key] for key in ("id", "name")))
            for shift, row in zip((-0.2, 0.2) if len(by_pass) > 1 else (0,), by_pass.values(), strict=True):
                _bar(axes, top + place + shift, row)
        top += len(members) + _GAP
    axes.set_yticks(places, names, fontsize=8.5)
    titles = {group for group, _ in groups}
    for tick, name in zip(axes.yaxis.get_major_ticks(), names, strict=True):
        if name in titles:
            tick.label1.set(fontweight="bold", fontsize=10)
            tick.tick1line.set_visible(False)


def _bar(axes: Axes, place: float, row: Row) -> None:
    """Draw a bar with its figure at the end; the edge tells a loss."""
    ratio, colour = row["ratio_median"], _COLOURS[row["pass"]]
    lost = ratio < 0.95
    axes.barh(place, ratio - 1, left=1, height=0.36, color=colour, edgecolor=_LOSS, linewidth=1.4 * lost)
    side, away = ("left", 3) if ratio >= 1 else ("right", -3)
    style = {"ha": side, "va": "center_baseline", "fontsize": 6.5, "color": _LOSS if lost else INK}
    axes.annotate(times(ratio), (ratio, place), (away, 0), textcoords="offset points", **style)


def _axis(axes: Axes, limits: tuple[float, float], height: float) -> None:
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(height - 0.5, -0.6)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if limits[0] <= tick <= limits[1]]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    open_frame(axes)
    axes.grid(axis="y", visible=False)
