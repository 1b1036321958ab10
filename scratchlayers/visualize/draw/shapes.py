"""Which kernels, strides and paddings fit? A table a stride, of what comes out and what is never read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..measure.shapes import Shapes, measure
from ..picture import Frame, Picture
from .grid import Cell, Flat
from .marks import Mark, Text


def shapes(
    size: int = 28,
    kernels: Sequence[int] = range(1, 8),
    strides: Sequence[int] = range(1, 5),
    paddings: Sequence[int] = range(4),
    make: Callable | None = None,
) -> Picture:
    """Show the output's size for every kernel, stride and padding along one axis, and which cells are never read.

    Args:
        size: the input's cells.
        kernels: the sizes of windows.
        strides: the steps, a table each.
        paddings: the cells added on each side.
        make: makes a layer over one axis of (kernel, stride, padding); by default our ``Conv1d``.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.shapes.Shapes`.

    Raises:
        ValueError: if a number is out of its range.

    """
    data = measure(size, kernels, strides, paddings, make)
    marks: list[Mark] = []
    wide, tall = 1.2 + len(data.paddings) * 1.0, len(data.kernels)
    for n, stride in enumerate(data.strides):
        grid = Flat(0.6 + 0.9 + n * (wide + 0.4), 1.9, tall, len(data.paddings))
        marks += _table(data, n, stride, grid)
    size_ = (0.5 + len(data.strides) * (wide + 0.4) + 0.4, tall + 3.1)
    said = f"{data.layer} over {data.size} cells: what comes out; −n: n cells that no window reads; –: refused"
    marks.append(Text(size_[0] / 2, size_[1] - 0.5, said, min(0.34, 1.7 * size_[0] / len(said)), "soft"))
    return Picture("output sizes", data, size_, (), (Frame(tuple(marks)),))


def _table(data: Shapes, n: int, stride: int, grid: Flat) -> list[Mark]:
    def fill(cell: Cell) -> str:
        place = (cell[0], n, cell[1])
        return "cell" if not data.output[place] else "alarm_on" if data.unread[place] else "input"

    def note(cell: Cell) -> str:
        kernel, padding = data.kernels[cell[0]], data.paddings[cell[1]]
        out, missed = data.output[cell[0], n, cell[1]], data.which[kernel, stride, padding]
        said = f"kernel {kernel}, stride {stride}, padding {padding}: "
        return said + (
            f"{data.size} → {out}" + (f", never read: {', '.join(map(str, missed))}" if missed else "")
            if out
            else "refused"
        )

    marks: list[Mark] = [*grid.shapes(fill, note=note)]
    marks.append(Text(grid.middle[0], 0.55, f"stride {stride}", 0.42, bold=True))
    marks.append(Text(grid.middle[0], 1.1, "padding", 0.32, "soft"))
    marks += [Text(grid.corner(0, k + 0.5)[0], 1.6, str(p), 0.36, "soft") for k, p in enumerate(data.paddings)]
    marks += [
        Text(grid.x - 0.35, grid.corner(k + 0.5, 0)[1], str(kernel), 0.36, "soft")
        for k, kernel in enumerate(data.kernels)
    ]
    if n == 0:
        marks.append(Text(0.12, 1.6, "kernel", 0.32, "soft", "start"))
    for cell in grid.cells():
        out, missed = data.output[cell[0], n, cell[1]], data.unread[cell[0], n, cell[1]]
        x, y = grid.corner(cell[0] + 0.5, cell[1] + 0.5)
        marks.append(Text(x, y - 0.12 * bool(missed), str(out) if out else "–", 0.36, "ink" if out else "soft"))
        if missed:
            marks.append(Text(x, y + 0.25, f"−{missed}", 0.26))
    return marks
