"""How does a window slide? Lying in space, or flat, with all numbers of the sum.

The first is after Dumoulin and Visin's animations (arXiv:1603.07285).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..measure.layers import Layer, Size, Values, channels
from ..measure.sliding import Cell, Sliding, measure
from ..picture import Frame, Picture
from .defaults import convolution
from .grid import Flat, Slanted, cells_of, fitted, footer, number, signs, together
from .marks import Line, Mark, Shape, Text

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
    return _isometric(data) if style == "isometric" else _numbers(data)


def heading(data: Sliding) -> str:
    """Return what stands above: the layer and the sizes."""
    return f"{data.layer}: {'×'.join(map(str, data.input.shape))} → {'×'.join(map(str, data.output.shape))}"


def _isometric(data: Sliding) -> Picture:
    (top, bottom), (left, right) = data.padding
    rows, columns = data.input.shape[0] + top + bottom, data.input.shape[1] + left + right
    p, q = data.output.shape
    width = 0.78 * max(rows + columns, p + q) + 0.6
    middle = (width / 2, 0.3 + max(0.22 * (rows + columns), 0.22 * (p + q) + _HEIGHT, 0.44 * (p + q) + 1.2))
    low = Slanted(middle, (rows, columns), start=(top, left))
    high = Slanted(middle, (p, q), up=max(_HEIGHT, 0.22 * (p + q) + 0.9))
    middle = (middle[0], 0.3 + max(0.22 * (rows + columns), 0.22 * (p + q) + high.up))
    low, high = replace(low, middle=middle), replace(high, middle=middle)
    height = middle[1] + 0.22 * (rows + columns) + 0.95
    ring = [c for c in np.ndindex(rows, columns) if not _inside((c[0] - top, c[1] - left), data.input.shape)]
    ground = together(
        (low.cell(i - top, j - left, None, edge="soft", dashed=True, width=0.8) for i, j in ring),
        (low.cell(i, j, "input") for i, j in np.ndindex(data.input.shape)),
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


def _inside(cell: Sequence[int], shape: Sequence[int]) -> bool:
    return all(0 <= i < n for i, n in zip(cell, shape, strict=True))


def _numbers(data: Sliding) -> Picture:
    """Input, weights at the window, output; below them the sum."""
    (top, bottom), (left, right) = data.padding
    h, w = data.input.shape
    p, q = data.output.shape
    size_of_window = _extent(data)
    source = Flat(0.5 + left, 1.3 + top, h, w)
    x = source.x + w + right + 1.0
    kernel = Flat(x, 0, *size_of_window)
    target = Flat(x + kernel.width + 1.0, 0, p, q)
    tall = max(h + top + bottom, kernel.rows, p)
    kernel, target = (Flat(g.x, 1.3 + (tall - g.rows) / 2, g.rows, g.columns) for g in (kernel, target))
    source = Flat(source.x, 1.3 + (tall - h - top - bottom) / 2 + top, h, w)
    total = (target.x + q + 0.5, tall + 3.4)
    middle = 1.3 + tall / 2
    ring = [(i - top, j - left) for i, j in np.ndindex(h + top + bottom, w + left + right)]
    names = [
        Text(g.middle[0], 0.8, words, 0.42) for g, words in ((source, "input"), (kernel, "weight"), (target, "output"))
    ]
    if left or right:
        names[0] = Text(source.middle[0], 0.8, names[0].words, 0.42)
    ground = together(
        source.shapes("outside", [c for c in ring if not _inside(c, (h, w))], edge="soft", dashed=True),
        source.shapes("input"),
        source.words(data.input, "input"),
        target.shapes("output", frames=True),
        names,
        footer(heading(data), *total),
        [
            Text((source.x + w + right + kernel.x) / 2, middle, "·", 0.6),
            Text((kernel.x + kernel.width + target.x) / 2, middle, "=", 0.6),
        ],
    )
    frames = tuple(
        _sum(data, (source, kernel, target), order, place, total) for order, place in enumerate(np.ndindex(p, q))
    )
    return Picture(heading(data), data, total, ground, frames, seconds=1.0)


def _extent(data: Sliding) -> Cell:
    """The rows and columns of the largest window."""
    spans = [_corner(data, n, place)[1] for n, place in enumerate(np.ndindex(data.output.shape))]
    return max(span[0] for span in spans), max(span[1] for span in spans)


def _corner(data: Sliding, order: int, place: Cell) -> tuple[Cell, Cell]:
    """Where the window of an output begins, and its rows and columns."""
    cells = np.array([*np.argwhere(data.reads[place]).tolist(), *data.outside[order]]).reshape(-1, 2)
    if not len(cells):
        return (0, 0), (1, 1)
    low, high = cells.min(0), cells.max(0)
    return (int(low[0]), int(low[1])), (int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)


def _sum(data: Sliding, grids: tuple[Flat, Flat, Flat], order: int, place: Cell, total: tuple[float, float]) -> Frame:
    source, kernel, target = grids
    read = cells_of(data.reads[place])
    (a, b), (rows, columns) = _corner(data, order, place)
    weights = np.zeros((kernel.rows, kernel.columns))
    for i, j in read:
        weights[i - a, j - b] = data.weights[place][i, j]
    fill, top = signs(weights, float(np.abs(data.weights).max())), [(i - a, j - b) for i, j in read]
    lines = _written(data, place, read)
    done = [cell for n, cell in enumerate(np.ndindex(data.output.shape)) if n < order]
    marks = together(
        source.shapes("outside_on", data.outside[order], edge="soft", dashed=True),
        source.shapes("input_on", read),
        source.words(data.input, "input_on", read, bold=True),
        source.outline(a, b, rows, columns),
        kernel.shapes(fill, top),
        kernel.words(weights, fill, top),
        target.words(data.output, "output", done),
        target.shapes("output_on", [place]),
        target.words(data.output, "output_on", [place], bold=True),
        [
            Text(total[0] / 2, total[1] - 1.65 + 0.5 * n, line, fitted(line, total[0], 0.4))
            for n, line in enumerate(lines)
        ],
    )
    return Frame(marks, " ".join(lines))


def _written(data: Sliding, place: Cell, read: list[Cell]) -> list[str]:
    """The sum of products in one or two lines; products with a weight of 0 are left out if there are many."""
    products = [(data.weights[place][cell], data.input[cell]) for cell in read]
    shown = [pair for pair in products if pair[0]] if len(products) > 9 or not all(w for w, _ in products) else products
    words = [f"{_signed(weight)}·{number(value)}" for weight, value in shown[:16]] + ["…"] * (len(shown) > 16)
    rest = data.rest[place]
    words += [f"+ {number(rest)}" if rest > 0 else f"− {number(-rest)}"] if abs(rest) > 5e-7 else []
    result = f"= {number(data.output[place])}"
    if len(words) <= 5:
        return [" ".join([*words, result]).removeprefix("+ ")]
    half = (len(words) + 1) // 2
    return [" ".join(words[:half]).removeprefix("+ "), " ".join([*words[half:], result])]


def _signed(weight: float) -> str:
    return f"+ {number(weight)}" if weight >= 0 else f"− {number(-weight)}"
