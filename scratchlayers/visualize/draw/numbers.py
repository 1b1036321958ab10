"""What does each output sum? Input, weights and output side by side, and below them the products."""

from __future__ import annotations

import numpy as np

from ..measure.sliding import Cell, Sliding
from ..picture import Frame, Picture
from .grid import Flat, cells_of, fitted, number, signs, span, together
from .marks import Text
from .panels import row

Grids = tuple[Flat, Flat, Flat]


def numbers(data: Sliding, title: str) -> Picture:
    """Draw a frame an output."""
    placed = row([data.framed, _largest(data), data.output.shape], ["input", "weight", "output"], title, room=1.3)
    outer, kernel, target = placed.grids
    (top, _), (left, _) = data.padding
    source = Flat(outer.x + left, outer.y + top, *data.input.shape)
    signs_ = [
        Text((a.x + a.width + b.x) / 2, kernel.middle[1], sign, 0.6)
        for sign, a, b in (("·", outer, kernel), ("=", kernel, target))
    ]
    ground = together(
        placed.words,
        signs_,
        source.shapes("outside", data.ring, edge="soft", dashed=True),
        source.shapes("input"),
        source.words(data.input, "input"),
        target.shapes("output", frames=True),
    )
    places = enumerate(np.ndindex(data.output.shape))
    frames = tuple(_sum(data, (source, kernel, target), order, place, placed.size) for order, place in places)
    return Picture(title, data, placed.size, ground, frames, seconds=1.0)


def _window(data: Sliding, order: int) -> list[Cell]:
    """All cells of one window."""
    return [*cells_of(data.reads[divmod(order, data.output.shape[1])]), *data.outside[order]]


def _largest(data: Sliding) -> Cell:
    """The rows and columns of the largest window."""
    spans = [span(window) for order in range(data.output.size) if (window := _window(data, order))]
    return max((rows for _, _, rows, _ in spans), default=1), max((columns for *_, columns in spans), default=1)


def _sum(data: Sliding, grids: Grids, order: int, place: Cell, size: tuple[float, float]) -> Frame:
    source, kernel, target = grids
    read, window = cells_of(data.reads[place]), _window(data, order)
    top, left, *_ = span(window) if window else (0, 0)
    weights = np.zeros((kernel.rows, kernel.columns))
    taps = [(i - top, j - left) for i, j in read]
    for tap, cell in zip(taps, read, strict=True):
        weights[tap] = data.weights[place][cell]
    fill, lines = signs(weights, float(np.abs(data.weights).max())), _written(data, place, read)
    done = [cell for n, cell in enumerate(np.ndindex(data.output.shape)) if n < order]
    marks = together(
        source.shapes("outside_on", data.outside[order], edge="soft", dashed=True),
        source.shapes("input_on", read),
        source.words(data.input, "input_on", read, bold=True),
        source.around(window),
        kernel.shapes(fill, taps),
        kernel.words(weights, fill, taps),
        target.words(data.output, "output", done),
        target.shapes("output_on", [place], frames=True),
        target.words(data.output, "output_on", [place], bold=True),
        (Text(size[0] / 2, size[1] - 1.7 + 0.5 * n, line, fitted(line, size[0], 0.4)) for n, line in enumerate(lines)),
    )
    return Frame(marks, " ".join(lines))


def _written(data: Sliding, place: Cell, read: list[Cell]) -> list[str]:
    """The sum in one or two lines; only products with a weight, and of these not more than sixteen."""
    products = [(data.weights[place][cell], data.input[cell]) for cell in read if data.weights[place][cell]]
    words = [f"{_signed(weight)}·{number(value)}" for weight, value in products[:16]] + ["+ …"] * (len(products) > 16)
    words += [_signed(data.rest[place])] if abs(data.rest[place]) > 5e-7 else []
    words = words or ["0"]
    result = f"= {number(data.output[place])}"
    if len(words) <= 5:
        return [" ".join([*words, result]).removeprefix("+ ")]
    half = (len(words) + 1) // 2
    return [" ".join(words[:half]).removeprefix("+ "), " ".join([*words[half:], result])]


def _signed(value: float) -> str:
    return f"+ {number(value)}" if value >= 0 else f"− {number(-value)}"
