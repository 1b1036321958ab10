"""Which values does padding put around? Every cell says which one it was copied from."""

from __future__ import annotations

import numpy as np

from ..measure.layers import Layers, Size, several, titled
from ..measure.padding import Padded, measure
from ..picture import Frame, Picture
from .defaults import paddings
from .grid import Cell, Flat, together
from .marks import Colour, Mark, Shade
from .panels import row


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
    data = measure(several(chosen), size)
    placed = row(
        [d.values.shape for d in data.layers], titled(chosen), "the number and the colour say which cell was copied"
    )
    marks: list[Mark] = []
    for grid, padded in zip(placed.grids, data.layers, strict=True):
        own = _own(padded, data.input)
        marks += _copies(grid, padded, data.input.shape, own)
    return Picture("what padding puts around", data, placed.size, placed.words, (Frame(together(marks)),), unit=34)


def _own(padded: Padded, x: np.ndarray) -> Cell:
    """Where the input itself lies in the output: of the places where all of it stands, that nearest to the middle."""
    numbers = np.arange(1, x.size + 1).reshape(x.shape)
    h, w = x.shape
    places = np.ndindex(*(max(0, out - length + 1) for out, length in zip(padded.source.shape, x.shape, strict=True)))
    found = [(i, j) for i, j in places if (padded.source[i : i + h, j : j + w] == numbers).all()]
    centre = ((padded.source.shape[0] - h) / 2, (padded.source.shape[1] - w) / 2)
    if not found:
        raise ValueError(f"{padded.layer} cuts its input: what it puts around is drawn where all of the input is left")
    return min(found, key=lambda place: abs(place[0] - centre[0]) + abs(place[1] - centre[1]))


def _copies(grid: Flat, padded: Padded, shape: tuple[int, ...], own: Cell) -> tuple[Mark, ...]:
    def fill(cell: Cell) -> Colour:
        source = padded.source[cell]
        return Shade("amount", 0.12 + 0.8 * (source - 1) / max(shape[0] * shape[1] - 1, 1)) if source else "outside"

    said = {
        cell: f"a copy of cell {padded.source[cell]}" if padded.source[cell] else "a constant" for cell in grid.cells()
    }
    return together(
        grid.shapes(fill, note=said.__getitem__, width=0.6),
        grid.words(padded.values, fill),
        grid.around([own, (own[0] + shape[0] - 1, own[1] + shape[1] - 1)], width=2.6),
    )
