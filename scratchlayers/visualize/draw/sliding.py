"""How does a window slide? Lying in space, or flat, with all numbers of the sum.

The first is after Dumoulin and Visin's animations (arXiv:1603.07285).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..measure.layers import Layer, Size, Values, channels
from ..measure.sliding import Cell, Sliding, measure
from ..picture import Frame, Picture
from .defaults import convolution
from .grid import Slanted, by, cells_of, footer, together
from .marks import Line, Mark, Shape
from .numbers import numbers

STYLES = ("isometric", "numbers")
_HEIGHT = 3.6  # units between the planes


def sliding_window(
    layer: Layer | None = None, size: Size = 5, *, style: str = "isometric", x: Values | None = None
) -> Picture:
    """Show, output by output, which part of the input a layer reads.

    Args:
        layer: any layer with one or two spatial axes, ours, torch's or your own; by default a 3×3 convolution.
        size: the input's size: an int, or one length per axis.
        style: "isometric", or "numbers", which writes out each sum.
        x: the input, (H, W) or (L,), instead of small whole numbers.

    Returns:
        A picture with one frame an output; its ``data`` is a :class:`~scratchlayers.visualize.measure.sliding.Sliding`.

    Raises:
        ValueError: if the layer takes no such input, or the style is not known.

    """
    if style not in STYLES:
        raise ValueError(f"there is no style {style!r}; styles: {', '.join(STYLES)}")
    layer = convolution() if layer is None else layer
    if style == "numbers" and channels(layer) > 1:
        raise ValueError(
            f"numbers are shown of one channel, this layer reads {channels(layer)}: style='isometric' shows it"
        )
    data = measure(layer, size, x)
    return _isometric(data) if style == "isometric" else numbers(data, heading(data))


def heading(data: Sliding) -> str:
    """Return what stands above: the layer and the sizes."""
    return f"{data.layer}: {by(data.input, data.line)} → {by(data.output, data.line)}"


def _isometric(data: Sliding) -> Picture:
    """Two planes, one above the other's middle."""
    (rows, columns), (p, q) = data.framed, data.output.shape
    up = max(_HEIGHT, 0.22 * (p + q) + 0.9)
    middle = (0.39 * max(rows + columns, p + q) + 0.3, 0.3 + max(0.22 * (rows + columns), 0.22 * (p + q) + up))
    low = Slanted(middle, (rows, columns), start=(data.padding[0][0], data.padding[1][0]))
    high = Slanted(middle, (p, q), up)
    width, height = 2 * middle[0], middle[1] + 0.22 * (rows + columns) + 0.95
    ground = together(
        (low.cell(*cell, None, edge="soft", dashed=True, width=0.8) for cell in data.ring),
        (low.cell(*cell, "input") for cell in np.ndindex(data.input.shape)),
        footer(heading(data), width, height),
    )
    frames = tuple(_light(data, low, high, number, place) for number, place in enumerate(np.ndindex(p, q)))
    return Picture(heading(data), data, (width, height), ground, frames, unit=36)


def _light(data: Sliding, low: Slanted, high: Slanted, number: int, place: Cell) -> Frame:
    """One frame: the window, what joins its corners to the output's, and over it all outputs."""
    read = cells_of(data.reads[place])
    outside = data.outside[number]
    window = together(
        (low.cell(i, j, "outside_on", edge="soft", dashed=True, opacity=0.75) for i, j in outside),
        (low.cell(i, j, "input_on") for i, j in read),
    )
    light = _joined(low, high, np.array([*read, *outside]), place) if read or outside else ()
    columns = data.output.shape[1]
    outputs = (
        high.cell(i, j, "output_on" if (i, j) == place else "output", frame=i * columns + j)
        for i, j in np.ndindex(data.output.shape)
    )
    return Frame(together(window, light, outputs), _said(place, len(read), len(outside)))


def _joined(low: Slanted, high: Slanted, cells: np.ndarray, place: Cell) -> Iterator[Mark]:
    """Yield the sides and the edges between the corners of some cells and those of an output."""
    (top, left), (bottom, right) = cells.min(0), cells.max(0) + 1
    corners = [low.point(*corner) for corner in ((top, left), (top, right), (bottom, right), (bottom, left))]
    i, j = place
    ends = [high.point(*corner) for corner in ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))]
    for k in range(4):
        yield Shape((corners[k], corners[k - 1], ends[k - 1], ends[k]), "input_on", None, opacity=0.10)
    yield from (Line((corner, end), "ink", 0.9) for corner, end in zip(corners, ends, strict=True))


def _said(place: Cell, read: int, outside: int) -> str:
    beyond = f", {outside} of its cells lie outside" if outside else ""
    return f"output ({place[0]}, {place[1]}) reads {read} cells{beyond}"
