"""What does a layer answer? Its filters and all its maps on one scale, or its numbers if it has no maps."""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from lightning_app.explain.trace import Step
from lightning_app.figures.style import BLUE, FAINT, GREY, INK, SIGNED, bare, plain

SHOWN, TILES = 32, 16  # maps of a layer, and in a line
STRIP = 100  # numbers in a line
BARS = 40  # numbers that are drawn as bars


def layer_maps(step: Step) -> Figure:
    """The filters of a convolution (their mean over the input's channels), and a layer's responses."""
    rows = [("responses", step.y[0])]
    if isinstance(step.layer, nn.Conv2d):
        rows.insert(0, ("filters", step.layer.weight.detach().mean(1)))
    columns = min(TILES, len(step.y[0]))
    lines = math.ceil(min(SHOWN, len(step.y[0])) / columns)
    tile = 0.68 if columns > 6 else 1.0
    deep = [tile * lines * maps.shape[-2] / maps.shape[-1] + 0.4 for _, maps in rows]
    figure = Figure(figsize=(tile * TILES, sum(deep)))
    top = sum(deep)
    for (title, maps), high in zip(rows, deep, strict=True):
        axes = figure.add_axes((0, (top - high) / sum(deep), columns / TILES, (high - 0.4) / sum(deep)))
        tiles(axes, maps[:SHOWN], columns)
        some = f", the first {SHOWN} of them" if len(maps) > SHOWN else ""
        size = " × ".join(map(str, maps.shape[1:]))
        text = f"{step.name}: {len(maps)} {title if len(maps) > 1 else title[:-1]}, {size}{some}"
        figure.text(0.003, (top - 0.1) / sum(deep), text, va="top", fontsize=11, color=INK)
        top -= high
    return figure


def tiles(axes: Axes, maps: Tensor, columns: int) -> None:
    """Maps side by side, `columns` in a line, on one scale."""
    most = float(maps.abs().max()) or 1.0
    for number, values in enumerate(maps.detach().numpy()):
        line, column = divmod(number, columns)
        corners = (column + 0.04, column + 0.96, line + 0.96, line + 0.04)
        axes.imshow(values, cmap=SIGNED, vmin=-most, vmax=most, extent=corners, interpolation="none", aspect="auto")
        axes.add_patch(Rectangle((column + 0.04, line + 0.04), 0.92, 0.92, fill=False, edgecolor=GREY, linewidth=0.4))
    axes.set_xlim(0, columns)
    axes.set_ylim(math.ceil(len(maps) / columns), 0)
    axes.set_axis_off()


def vector(step: Step, classes: list[str]) -> Figure:
    """A layer whose output is no map: its numbers as bars, or as a strip if there are many."""
    y = step.y[0]
    figure = Figure(figsize=(11, 2.0), layout="constrained")
    axes = figure.add_subplot()
    if len(y) > BARS:
        columns = min(len(y), STRIP)
        padded = torch.full((math.ceil(len(y) / columns) * columns,), float("nan"))
        padded[: len(y)] = y
        most = float(y.abs().max()) or 1.0
        axes.imshow(
            padded.view(-1, columns).numpy(), cmap=SIGNED, vmin=-most, vmax=most, interpolation="none", aspect="auto"
        )
        bare(axes)
        axes.set_title(f"{step.name}: {len(y)} numbers, {columns} in a row", fontsize=11, color=INK, loc="left")
        return figure
    axes.set_title(f"{step.name}: {len(y)} numbers", fontsize=11, color=INK, loc="left")
    axes.bar(range(len(y)), y.tolist(), color=[BLUE if value == y.max() else GREY for value in y])
    names = [*map(plain, classes)] if len(classes) == len(y) else list(map(str, range(len(y))))
    axes.set_xticks(range(len(y)), names, fontsize=10, color=INK)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    return figure
