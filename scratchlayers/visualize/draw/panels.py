"""How do several grids stand side by side? In a row, centred, with words above, and a line at the bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .grid import Cell, Flat, fitted, footer
from .marks import Mark, Text

EDGE = 0.5
_TITLES = (0.4, 0.34)


class Row(NamedTuple):
    """Grids that were placed, the words around them, and the size of it all."""

    grids: list[Flat]
    words: tuple[Mark, ...]
    size: tuple[float, float]


def row(
    shapes: Sequence[Cell],
    titles: Sequence[str],
    below: str = "",
    *,
    gap: float = 1.0,
    least: float = 0.0,
    words: float = 1.0,
    room: float = 0.0,
) -> Row:
    """Place grids of those (rows, columns), each in a room of at least that width.

    A title may have two lines; ``words`` enlarges them; ``room`` is left between the grids and the line at the bottom.
    """
    tall, lines = max(rows for rows, _ in shapes), 1 + max(title.count("\n") for title in titles)
    top = 0.45 + 0.5 * words * lines
    widths = [max(columns, least) for _, columns in shapes]
    starts = [EDGE + sum(widths[:n]) + gap * n for n in range(len(widths))]
    grids = [
        Flat(start + (width - columns) / 2, top + (tall - rows) / 2, rows, columns)
        for start, width, (rows, columns) in zip(starts, widths, shapes, strict=True)
    ]
    total = starts[-1] + widths[-1] + EDGE
    height = top + tall + room + 0.35 + 0.6 * bool(below)
    said = [*_titles(grids, titles, [width + 0.8 * gap for width in widths], top - 0.38 * words, words)]
    said += [footer(below, total, height)] if below else []
    return Row(grids, tuple(said), (total, height))


def _titles(
    grids: Sequence[Flat], titles: Sequence[str], widths: Sequence[float], last: float, words: float
) -> Iterator[Text]:
    """Yield all titles, their last lines at ``last``, the lines of one rank in one size."""
    split = [title.split("\n") for title in titles]
    sizes = [
        min(fitted(lines[n], width, size * words) for lines, width in zip(split, widths, strict=True) if n < len(lines))
        for n, size in zip(range(max(map(len, split))), _TITLES, strict=False)
    ]
    for grid, lines in zip(grids, split, strict=True):
        for n, line in enumerate(lines):
            y = last - 0.5 * words * (len(lines) - 1 - n)
            yield Text(grid.middle[0], y, line, sizes[n], "ink" if n == 0 else "soft")
