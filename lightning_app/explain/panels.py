"""How does the way from the picture to the class look? A strip of small pictures with arrows between them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lightning_app.explain.marks import framed, image, picture
from lightning_app.explain.trace import Step
from lightning_app.explain.window import Box
from lightning_app.figures.style import BLUE, FAINT, GREY, INK, plain

ACROSS = 7  # panels


class Panel(NamedTuple):
    """One picture of a strip."""

    title: str
    subtitle: str
    draw: Callable[[Axes], None]


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
            figure.text(
                (column - 0.03) / across, bottom + 0.34 / lines, "→", ha="center", va="center", fontsize=15, color=BLUE
            )
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
    own = weight[channel, (of or 0) % weight.shape[1]]  # a group reads that many channels in a row
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
        axes.set_yticks(range(len(top)), [plain(classes[n]) for n in top], fontsize=9, color=INK)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.set_xlim(0, 1)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return Panel("answer", f"{plain(classes[best])}: {float(probabilities[best]):.1%}", draw)
