"""How does it look? Every ratio beside 1, and every convolution below the roofs of the machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .problems import FORWARD, STEP, TITLES
from .suite import DENSE, DEPTHWISE, FEW, GROUPS, OTHER, POINTWISE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _GREY, _FAINT, _LIGHT, _DARK = "#073642", "#657b83", "#dfe5e6", "#7fb6dc", "#0b4f86"
_LOSS = "#cb4b16"
_COLOURS = {FEW: "#0072b2", DENSE: "#d55e00", POINTWISE: "#009e73", DEPTHWISE: "#cc79a7", OTHER: "#8a6d00"}
_MARKERS = {FEW: "o", DENSE: "s", POINTWISE: "D", DEPTHWISE: "^", OTHER: "v"}
_DPI = 150

Row = dict[str, Any]


def check_available() -> None:
    """Raise ValueError with what to do if there is no matplotlib."""
    try:
        import matplotlib.figure  # noqa: F401 whether it is there
    except ImportError as why:
        raise ValueError("--output draws pictures with matplotlib: pip install 'scratchlayers[viz]'") from why


def ratios(results: dict[str, Any]) -> Figure:
    """Bars from 1 to each ratio, forward and forward+backward, on a logarithmic axis, by group."""
    from matplotlib.figure import Figure

    columns = _columns(_by_problem(results["rows"], (FORWARD, STEP)))
    height = max(sum(len(problems) + 1.3 for _, problems in column) for column in columns)
    figure = Figure(figsize=(7.2 * len(columns), 0.27 * height + 1.5), layout="constrained", dpi=_DPI)
    every = [row["ratio_median"] for row in results["rows"] if row["pass"] in (FORWARD, STEP)]
    limits = (min(0.8, *every) / 1.25, max(1.25, *every) * 1.5)
    for axes, column in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        _bars(axes, column, height, limits)
    handles = [_patch(_LIGHT, TITLES[FORWARD]), _patch(_DARK, TITLES[STEP]), _patch(_LOSS, "slower than torch.nn")]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=10, labelcolor=_INK)
    figure.suptitle(
        f"Time of torch.nn / ours: to the right of 1 ours is faster\n{_where(results)}", fontsize=12, color=_INK
    )
    return figure


def roofline(results: dict[str, Any]) -> Figure:
    """GFLOP/s over operations a byte: an arrow from torch's to ours for each convolution, below the measured roofs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 7), layout="constrained", dpi=_DPI)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, kind in zip(panels, (FORWARD, STEP), strict=True):
        rows = [row for row in results["rows"] if row["group"] in _COLOURS and row["pass"] == kind and row["bytes"]]
        _roof(axes, results["roofs"], rows)
        _arrows(axes, rows)
        axes.set_title(TITLES[kind], fontsize=12, color=_INK)
        axes.set_xlabel("operations of the direct sums / bytes that must move", fontsize=11, color=_INK)
    panels[0].set_ylabel("GFLOP/s", fontsize=11, color=_INK)
    handles = [_marker(group) for group in _COLOURS]
    handles += [_marker(None, "torch.nn, where the arrow starts")]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=10, labelcolor=_INK)
    figure.suptitle(f"What the machine can do, and what is reached\n{_where(results)}", fontsize=12, color=_INK)
    return figure


def _by_problem(rows: Iterable[Row], kinds: tuple[str, ...]) -> list[tuple[str, list[dict[str, Row]]]]:
    """(group, [{pass: row} of each of its problems]) in the order of the groups."""
    problems: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["pass"] in kinds:
            problems.setdefault(row["id"], {})[row["pass"]] = row
    grouped: dict[str, list[dict[str, Row]]] = {group: [] for group in GROUPS}
    for by_pass in problems.values():
        grouped[next(iter(by_pass.values()))["group"]].append(by_pass)
    return [(group, members) for group, members in grouped.items() if members]


def _columns(groups: list[tuple[str, list[Any]]]) -> list[list[tuple[str, list[Any]]]]:
    """Share the groups between two columns of about the same height, if they are many."""
    total = sum(len(problems) + 1.3 for _, problems in groups)
    if total < 24:
        return [groups]
    height, cut = 0.0, 0
    while cut < len(groups) - 1 and height + len(groups[cut][1]) / 2 < total / 2:
        height += len(groups[cut][1]) + 1.3
        cut += 1
    return [groups[:cut], groups[cut:]]


def _bars(
    axes: Axes, groups: list[tuple[str, list[dict[str, Row]]]], height: float, limits: tuple[float, float]
) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    place, places, names = 0.0, [], []
    for group, problems in groups:
        axes.text(limits[0], place + 0.15, f" {group}", fontsize=10, weight="bold", color=_INK, va="center")
        for number, by_pass in enumerate(problems):
            at = place + 1 + number
            places.append(at)
            names.append("{id}  {name}".format(**next(iter(by_pass.values()))))
            for shift, (kind, row) in zip(_shifts(len(by_pass)), by_pass.items(), strict=True):
                _bar(axes, at + shift, row, _LIGHT if kind == FORWARD else _DARK)
        place += len(problems) + 1.3
    axes.axvline(1, color=_INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(height - 0.5, -0.6)
    axes.set_yticks(places, names, fontsize=8.5, color=_INK)
    axes.xaxis.set_major_locator(FixedLocator([t for t in _TICKS if limits[0] <= t <= limits[1]]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    _framed(axes)
    axes.grid(axis="y", visible=False)


_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def _shifts(count: int) -> list[float]:
    return [0.0] if count == 1 else [-0.2, 0.2]


def _bar(axes: Axes, at: float, row: Row, colour: str) -> None:
    """A bar from 1, with its figure at the end; its edge tells a loss."""
    ratio = row["ratio_median"]
    lost = ratio < 0.95
    axes.barh(
        at,
        ratio - 1,
        left=1,
        height=0.36,
        color=colour,
        edgecolor=_LOSS if lost else colour,
        linewidth=1.4 if lost else 0,
    )
    axes.annotate(
        *(f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}", (ratio, at), (3 if ratio >= 1 else -3, 0)),
        textcoords="offset points",
        ha="left" if ratio >= 1 else "right",
        va="center_baseline",
        fontsize=6.5,
        color=_LOSS if lost else _INK,
    )


def _roof(axes: Axes, roofs: dict[str, float], rows: list[Row]) -> None:
    peak, bandwidth = roofs["flops"] / 1e9, roofs["bytes"] / 1e9
    intensities = [row["flops"] / row["bytes"] for row in rows] or [1.0]
    low, high = min(*intensities, peak / bandwidth) / 1.6, max(*intensities, peak / bandwidth) * 1.6
    axes.set_xscale("log")
    axes.set_yscale("log")
    corner = peak / bandwidth
    axes.plot([low, corner, high], [low * bandwidth, peak, peak], color=_GREY, linewidth=1.6)
    axes.set_xlim(low, high)
    axes.annotate(
        f"multiply-adds: {peak:.0f} GFLOP/s", (high, peak), (-4, 4), textcoords="offset points", ha="right", color=_GREY
    )
    axes.annotate(
        f"copy: {bandwidth:.0f} GB/s",
        (low, low * bandwidth),
        (8, -2),
        textcoords="offset points",
        va="top",
        color=_GREY,
    )
    _framed(axes)


def _arrows(axes: Axes, rows: list[Row]) -> None:
    for row in rows:
        at, colour = row["flops"] / row["bytes"], _COLOURS[row["group"]]
        torchs, ours = row["torch_gflops"], row["ours_gflops"]
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 1, "alpha": 0.6, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (at, ours), (at, torchs), arrowprops=arrow)
        axes.plot(at, torchs, "_", color=colour, markersize=9, markeredgewidth=1.6)
        axes.plot(
            at, ours, _MARKERS[row["group"]], color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.6
        )
        up = ours >= torchs
        axes.annotate(
            *(row["id"], (at, ours), (0, 6 if up else -6)),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize=8,
            color=_INK,
        )


def _framed(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.tick_params(colors=_INK, which="both")
    axes.grid(color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(**({"facecolor": "white", "edgecolor": colour} if colour == _LOSS else {"color": colour}), label=label)


def _marker(group: str | None, label: str = "") -> Any:
    from matplotlib.lines import Line2D

    if group is None:
        return Line2D([], [], linestyle="", marker="_", markersize=9, color=_GREY, label=label)
    return Line2D([], [], linestyle="", marker=_MARKERS[group], markersize=7, color=_COLOURS[group], label=group)


def _where(results: dict[str, Any]) -> str:
    where = results["environment"]
    return f"{where['cpu']}, {where['threads']} threads, float32, torch {where['torch']}, backend {where['backend']}"
