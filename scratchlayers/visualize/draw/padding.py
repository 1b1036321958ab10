"""What does padding change? The three modes of a convolution, and the four kinds of values."""

from __future__ import annotations

import numpy as np

from ..measure import padding, sliding
from ..measure.layers import Layers, Size, several, titled
from ..picture import Frame, Picture
from .defaults import modes, paddings
from .grid import Flat, cells_of, together
from .marks import Mark, Shade, Text
from .panels import row


def padding_modes(layers: Layers | None = None, size: Size = 5) -> Picture:
    """Show where the windows of several layers reach beyond the same input, and the size that comes out.

    Args:
        layers: by default 3×3 convolutions with the paddings "valid", "same" and "full".
        size: the input's size.

    Returns:
        A moving picture, a frame a window; its ``data`` is a tuple of what ``sliding_window`` measures, one a layer.

    Raises:
        ValueError: if a layer takes no such input.

    """
    chosen = modes() if layers is None else layers
    data = tuple(sliding.measure(layer, size) for layer in several(chosen))
    rows = max(_rows(d) for d in data)
    shapes = [(rows, d.input.shape[1] + sum(d.padding[1])) for d in data]
    titles = [f"{title}\n{_by(d.input)} → {_by(d.output)}" for title, d in zip(titled(chosen), data, strict=True)]
    inputs = row(shapes, titles, least=5.2)
    top = inputs.size[1] + 0.6
    outputs = [
        Flat(grid.middle[0] - d.output.shape[1] / 2, top, *d.output.shape)
        for grid, d in zip(inputs.grids, data, strict=True)
    ]
    sources = [
        Flat(grid.x + d.padding[1][0], grid.middle[1] - _rows(d) / 2 + d.padding[0][0], *d.input.shape)
        for grid, d in zip(inputs.grids, data, strict=True)
    ]
    size_ = (inputs.size[0], top + max(d.output.shape[0] for d in data) + 0.5)
    ground = together(
        inputs.words,
        *(_still(d, source, target) for d, source, target in zip(data, sources, outputs, strict=True)),
    )
    count = max(d.output.size for d in data)
    frames = tuple(
        Frame(
            together(
                *(
                    _at(d, source, target, step * d.output.size // count)
                    for d, source, target in zip(data, sources, outputs, strict=True)
                )
            ),
            "every window of each; cells beyond the border are dashed",
        )
        for step in range(count)
    )
    return Picture("padding: valid, same, full", data, size_, ground, frames, seconds=0.35, unit=26)


def _rows(data: sliding.Sliding) -> int:
    return data.input.shape[0] + sum(data.padding[0])


def _by(array: np.ndarray) -> str:
    return "×".join(map(str, array.shape))


def _still(data: sliding.Sliding, source: Flat, target: Flat) -> tuple[Mark, ...]:
    (top, bottom), (left, right) = data.padding
    h, w = data.input.shape
    every = [(i - top, j - left) for i, j in np.ndindex(h + top + bottom, w + left + right)]
    ring = [(i, j) for i, j in every if not (0 <= i < h and 0 <= j < w)]
    down = Text(source.middle[0], target.y - 0.45, "↓", 0.5, "soft")
    return together(
        source.shapes(None, ring, edge="soft", dashed=True), source.shapes("input"), down, target.shapes("output")
    )


def _at(data: sliding.Sliding, source: Flat, target: Flat, order: int) -> tuple[Mark, ...]:
    place = divmod(order, data.output.shape[1])
    read = cells_of(data.reads[place])
    cells = np.array([*read, *data.outside[order]])
    (a, b), (c, d) = cells.min(0), cells.max(0)
    return together(
        source.shapes("outside_on", data.outside[order], edge="soft", dashed=True),
        source.shapes("input_on", read),
        source.outline(a, b, c - a + 1, d - b + 1, width=1.6),
        target.shapes("output_on", [place]),
    )


def padding_values(layers: Layers | None = None, size: Size = 4) -> Picture:
    """Show what padding layers put around an input whose cells are numbered, in the colour of the cell it came from.

    Args:
        layers: padding layers; by default zeros, reflection, replication and circular, two cells on each side.
        size: the input's size.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.padding.Paddings`.

    Raises:
        ValueError: if a layer takes no such input, or does not pad.

    """
    chosen = paddings() if layers is None else layers
    data = padding.measure(several(chosen), size)
    placed = row(
        [d.values.shape for d in data.layers], titled(chosen), "the number and the colour say which cell was copied"
    )
    marks: list[Mark] = []
    for grid, padded in zip(placed.grids, data.layers, strict=True):
        own = _own(padded, data.input)
        marks += _copies(grid, padded, data.input.size, own)
    return Picture(
        "what is put around: zero, reflect, replicate, circular",
        data,
        placed.size,
        placed.words,
        (Frame(together(marks)),),
        unit=34,
    )


def _own(padded: padding.Padded, x: np.ndarray) -> tuple[int, int]:
    """Where the input itself lies in the output: the first place where all of it stands."""
    numbers = np.arange(1, x.size + 1).reshape(x.shape)
    h, w = x.shape
    places = np.ndindex(padded.source.shape[0] - h + 1, padded.source.shape[1] - w + 1)
    found = [(i, j) for i, j in places if (padded.source[i : i + h, j : j + w] == numbers).all()]
    centre = ((padded.source.shape[0] - h) / 2, (padded.source.shape[1] - w) / 2)
    return min(found, key=lambda place: abs(place[0] - centre[0]) + abs(place[1] - centre[1]))


def _copies(grid: Flat, padded: padding.Padded, count: int, own: tuple[int, int]) -> tuple[Mark, ...]:
    def fill(cell: tuple[int, int]) -> Shade | str:
        source = padded.source[cell]
        return Shade("amount", 0.12 + 0.8 * (source - 1) / max(count - 1, 1)) if source else "outside"

    h, w = (length - 2 * place for length, place in zip(padded.source.shape, own, strict=True))
    said = {
        cell: f"a copy of cell {padded.source[cell]}" if padded.source[cell] else "a constant" for cell in grid.cells()
    }
    return together(
        grid.shapes(fill, note=said.__getitem__, width=0.6),
        grid.words(padded.values, fill),
        grid.outline(*own, h, w, width=2.6),
    )
