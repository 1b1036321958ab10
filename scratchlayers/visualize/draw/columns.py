"""How does a convolution become one product of matrices? Each window is laid out as a column."""

from __future__ import annotations

import numpy as np

from ..measure.columns import Columns, measure
from ..measure.layers import Layer, Size, Values
from ..picture import Frame, Picture
from .defaults import convolution
from .grid import Flat, cells_of, footer, number, together
from .marks import Line, Mark, Text


def im2col(layer: Layer | None = None, size: Size = 4, *, x: Values | None = None) -> Picture:
    """Show how the windows of an input become the columns of a matrix, and the convolution a product with it.

    Args:
        layer: a convolution of one channel to one; by default one of 3×3.
        size: the input's size.
        x: the input, (H, W) or (L,), instead of small whole numbers.

    Returns:
        A picture with a frame an output; its ``data`` is a :class:`~scratchlayers.visualize.measure.columns.Columns`.

    Raises:
        ValueError: for another kind of layer, or if it takes no such input.

    """
    data = measure(convolution() if layer is None else layer, size, x)
    h, w = data.input.shape
    taps, outputs = data.matrix.shape
    weight = Flat(0.5, 1.7 + taps + 0.7, 1, taps)
    matrix = Flat(weight.x + taps + 1.2, 1.7, taps, outputs)
    source = Flat(max(0.5, weight.middle[0] - w / 2), matrix.middle[1] - h / 2, h, w)
    result = Flat(matrix.x, weight.y, 1, outputs)
    total = (matrix.x + max(outputs, 2.5) + 0.5, weight.y + 2.9)
    arrow = Line(((source.x + w + 0.3, source.middle[1]), (matrix.x - 0.3, source.middle[1])), "soft", 1.4, arrow=True)
    names = [
        source.title("input"),
        arrow,
        Text(matrix.middle[0], 0.6, "a column", 0.38),
        Text(matrix.middle[0], 1.1, "for each window", 0.38),
        Text(weight.middle[0], weight.y + 1.4, "the filter as a row", 0.36, "soft"),
        Text(matrix.x - 0.6, weight.middle[1], "·" if not data.bias else "+b", 0.5),
        Text(result.middle[0], result.y + 1.4, "output", 0.36, "soft"),
    ]
    bottom = footer(f"im2col of {data.layer}: (1×{taps}) · ({taps}×{outputs}) = (1×{outputs})", *total)
    row = data.weight.reshape(1, -1)
    ground = together(
        source.shapes("input"), source.words(data.input, "input"),
        matrix.shapes("cell"), matrix.words(data.matrix, "cell"),
        weight.shapes("weight"), weight.words(row, "weight"),
        result.shapes("output", frames=True), result.words(data.output.reshape(1, -1), "output"),
        names, bottom,
    )  # fmt: skip
    grids = (source, matrix, weight, result)
    frames = tuple(_column(data, grids, order, place) for order, place in enumerate(np.ndindex(data.output.shape)))
    return Picture(f"im2col of {data.layer}", data, total, ground, frames, seconds=1.0, unit=38)


def _column(data: Columns, grids: tuple[Flat, ...], order: int, place: tuple[int, int]) -> Frame:
    source, matrix, weight, result = grids
    window = cells_of(data.reads[place])
    column = [(tap, order) for tap in range(len(data.matrix))]
    output = data.output.reshape(1, -1)
    marks: list[Mark] = [
        *source.shapes("input_on", window), *source.words(data.input, "input_on", window, bold=True),
        *matrix.shapes("input_on", column), *matrix.words(data.matrix, "input_on", column, bold=True),
        *weight.shapes("weight_on"), *weight.words(data.weight.reshape(1, -1), "weight_on", bold=True),
        *result.shapes("output_on", [(0, order)]), *result.words(output, "output_on", [(0, order)], bold=True),
    ]  # fmt: skip
    return Frame(tuple(marks), f"window {order + 1} of {output.size}, times the filter: {number(output[0, order])}")
