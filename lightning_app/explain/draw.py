"""How do the steps look? Pictures of maps, and of numbers written into their cells."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from lightning_app.explain.patches import Patches
from lightning_app.explain.trace import Step
from lightning_app.explain.window import Box, Terms
from lightning_app.figures.style import AMOUNT, BLUE, FAINT, GREY, INK, ORANGE, PIXELS, SIGNED, bare

CELL_INK = "#07212b"  # on a cell's own colour, in the light and in the dark
WRITTEN = 7  # rows and columns of numbers that can still be read
SHOWN, TILES = 32, 16  # maps of a layer, and in a line
ACROSS = 7  # panels
BIAS = 5e-4  # what is smaller is rounding


class Panel(NamedTuple):
    """One picture of a strip."""

    title: str
    subtitle: str
    draw: Callable[[Axes], None]


def framed(axes: Axes, box: Box | None, colour: str = ORANGE) -> None:
    """Draw a box around cells."""
    if box:
        rows, columns = box.size
        corner = (box.left - 0.5, box.top - 0.5)
        axes.add_patch(Rectangle(corner, columns, rows, fill=False, edgecolor=colour, linewidth=2, clip_on=False))


def image(axes: Axes, values: Tensor, colours: Colormap = SIGNED, most: float | None = None) -> None:
    """A map on a scale whose middle is zero, or whose least is zero for an amount."""
    shown = values.detach().numpy()
    most = most or float(np.nanmax(np.abs(shown))) or 1.0
    axes.imshow(shown, cmap=colours, vmin=0 if colours is AMOUNT else -most, vmax=most, interpolation="none")
    bare(axes)


def picture(axes: Axes, pixels: Tensor) -> None:
    """uint8 pixels (c, h, w)."""
    axes.imshow(pixels.permute(1, 2, 0).squeeze(2).numpy(), cmap=PIXELS, vmin=0, vmax=255, interpolation="none")
    bare(axes)


def numbers(axes: Axes, values: Tensor, title: str) -> None:
    """A map with every number written into its cell."""
    image(axes, values)
    shown = values.detach().numpy()
    most = float(np.abs(shown).max()) or 1.0
    size = 10.5 if max(shown.shape) <= 5 else 8.5
    for (row, column), value in np.ndenumerate(shown):
        red, green, blue, _ = SIGNED(Normalize(-most, most)(value))
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{value:.2f}".replace("-", "−")
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=CELL_INK if light else "white")
    axes.set_title(title, fontsize=12, color=INK)


def products(step: Step, parts: Terms, channel: int, window: Box, y: float) -> Figure:
    """Window, weights and products of one input channel, and the sum that becomes the number."""
    rows, columns = window.size
    figure = Figure(figsize=(11, 3.5 * rows / columns + 0.8))
    high = 3.5 * rows / columns / (3.5 * rows / columns + 0.8)
    which = f"map {channel}" if step.x.shape[1] > 1 else "picture"
    titles = (f"window of the {which}", "× weights", "= products")
    for place, (values, title) in enumerate(zip(parts[:3], titles, strict=True)):
        axes = figure.add_axes((0.01 + 0.33 * place, 0.45 * (1 - high), 0.318, high))
        numbers(axes, window.cut(values[channel]), title)
    figure.text(0.5, 0.01, sentence(step, parts, channel, y), ha="center", va="bottom", fontsize=12, color=INK)
    return figure


def sentence(step: Step, parts: Terms, channel: int | None, y: float) -> str:
    """The sum in a line; ``channel`` is the input map that is told apart, if the input has maps."""
    total = float(parts.products.sum())
    own = total if channel is None else float(parts.products[channel].sum())
    several = channel is not None and len(parts.products) > 1
    others = f" + {total - own:.3f} from the other {len(parts.products) - 1} maps" if several else ""
    bias = f" + {parts.bias:.3f} bias" if abs(parts.bias) > BIAS else ""
    told = f" {own:.3f}{others}{bias}" if others or bias else ""
    return f"sum of the products{told} = {y:.3f}".replace("-", "−")


def strip(panels: list[Panel]) -> Figure:
    """Panels from left to right, in lines, with arrows between."""
    lines = math.ceil(len(panels) / ACROSS)
    across = math.ceil(len(panels) / lines)
    figure = Figure(figsize=(1.75 * across, 2.35 * lines))
    for number, panel in enumerate(panels):
        line, column = divmod(number, across)
        left, bottom = (column + 0.12) / across, 1 - (line + 0.95) / lines
        axes = figure.add_axes((left, bottom, 0.76 / across, 0.68 / lines))
        panel.draw(axes)
        figure.text(left, bottom + 0.87 / lines, panel.title, fontsize=10.5, color=INK, va="top", weight="bold")
        figure.text(left, bottom + 0.785 / lines, panel.subtitle, fontsize=9.5, color=GREY, va="top")
        if column:
            figure.text((column - 0.03) / across, bottom + 0.34 / lines, "→", ha="center", va="center", fontsize=15, color=BLUE)
    return figure


def picture_panel(pixels: Tensor, field: Box | None) -> Panel:
    """What the network sees, with what is read of it."""

    def draw(axes: Axes) -> None:
        picture(axes, pixels)
        framed(axes, field)

    return Panel("picture", " × ".join(map(str, pixels.shape[1:])), draw)


def input_panel(name: str, values: Tensor, window: Box) -> Panel:
    """The input map that matters most to a convolution's number, with its window."""

    def draw(axes: Axes) -> None:
        image(axes, values)
        framed(axes, window)

    return Panel(name, "the map read most", draw)


def filter_panel(weight: Tensor, channel: int, of: int | None) -> Panel:
    """A filter's weights on the input map that matters most."""
    own = weight[channel, min(of or 0, weight.shape[1] - 1)]
    return Panel(f"filter {channel}", " × ".join(map(str, own.shape)), lambda axes: image(axes, own))


def map_panel(step: Step, place: tuple[int, ...]) -> Panel:
    """The map of one channel, or all numbers of a vector, with one of them framed."""
    y = step.y[0]
    if y.ndim == 3:
        values, row, column = y[place[0]], place[1], place[2]
    else:
        across = math.ceil(math.sqrt(len(y)) if len(y) > 12 else len(y) / 2)
        values = torch.cat([y, torch.full((-len(y) % across,), float("nan"))]).view(-1, across)
        row, column = divmod(place[0], across)

    def draw(axes: Axes) -> None:
        image(axes, values, most=float(y.abs().max()) or 1.0)
        framed(axes, Box(row, column, row, column))

    value = f"{float(y[place]):.2f}".replace("-", "−")
    return Panel(step.name, f"{', '.join(map(str, place))}: {value}", draw)


def answer_panel(probabilities: Tensor, classes: list[str]) -> Panel:
    """The likeliest classes."""
    best = int(probabilities.argmax())
    top = probabilities.topk(min(10, len(classes))).indices.sort().values.tolist()

    def draw(axes: Axes) -> None:
        axes.barh(range(len(top)), [1] * len(top), color=FAINT, height=0.6)
        colours = [BLUE if n == best else GREY for n in top]
        axes.barh(range(len(top)), [float(probabilities[n]) for n in top], color=colours, height=0.6)
        axes.set_yticks(range(len(top)), [classes[n] for n in top], fontsize=9, color=INK)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.set_xlim(0, 1)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return Panel("answer", f"{classes[best]}: {float(probabilities[best]):.1%}", draw)


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
    if len(y) > 40:
        columns = min(len(y), 100)
        padded = torch.full((math.ceil(len(y) / columns) * columns,), float("nan"))
        padded[: len(y)] = y
        most = float(y.abs().max()) or 1.0
        axes.imshow(padded.view(-1, columns), cmap=SIGNED, vmin=-most, vmax=most, interpolation="none", aspect="auto")
        bare(axes)
        axes.set_title(f"{step.name}: {len(y)} numbers, {columns} in a row", fontsize=11, color=INK, loc="left")
        return figure
    axes.set_title(f"{step.name}: {len(y)} numbers", fontsize=11, color=INK, loc="left")
    axes.bar(range(len(y)), y, color=[BLUE if value == y.max() else GREY for value in y])
    names = classes if len(classes) == len(y) else list(map(str, range(len(y))))
    axes.set_xticks(range(len(y)), names, fontsize=10, color=INK)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    return figure


def field(pixels: Tensor, slope: Tensor, window: Box | None, name: str) -> Figure:
    """The picture with the receptive field of a unit, and how much each pixel of it matters here."""
    figure = Figure(figsize=(8, 4.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    picture(left, pixels)
    framed(left, window)
    left.set_title(f"what {name} can read", fontsize=12, color=INK)
    image(right, slope)
    framed(right, window)
    right.set_title("its change with each pixel, for this picture", fontsize=12, color=INK)
    return figure


def excited(found: Patches, name: str) -> Figure:
    """A row per filter: the patches that excite it most, each with its answer."""
    rows, columns = found.answers.shape
    figure = Figure(figsize=(columns + 1, 1.2 * rows + 0.5))
    axes = figure.add_axes((0, 0, 1, 1.2 * rows / (1.2 * rows + 0.5)))
    for line, (channel, answers, pixels) in enumerate(zip(found.channels, found.answers, found.pixels, strict=True)):
        axes.text(0.92, 1.2 * line + 0.48, f"filter {channel}", ha="right", va="center", fontsize=10.5, color=INK)
        for column, (answer, patch) in enumerate(zip(answers, pixels, strict=True), 1):
            corners = (column + 0.04, column + 0.96, 1.2 * line + 0.94, 1.2 * line + 0.02)
            values = patch.permute(1, 2, 0).squeeze(2).numpy()
            axes.imshow(values, cmap=PIXELS, vmin=0, vmax=255, extent=corners, interpolation="none", aspect="auto")
            corner = (column + 0.04, 1.2 * line + 0.02)
            axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=GREY, linewidth=0.6))
            text = f"{float(answer):.2f}".replace("-", "−")
            axes.text(column + 0.5, 1.2 * line + 0.97, text, ha="center", va="top", fontsize=9, color=GREY)
    axes.set_xlim(0, columns + 1)
    axes.set_ylim(1.2 * rows, 0)
    axes.set_axis_off()
    title = f"the {columns} training images that excite each filter of {name} most"
    figure.text(0.5, 0.99, title, ha="center", va="top", fontsize=12, color=INK)
    return figure
