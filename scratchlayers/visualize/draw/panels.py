"""How do several grids stand side by side? In a row, centred, with words above, and a line at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .grid import Flat, fitted, footer
from .marks import Mark, Text

EDGE = 0.5


class Row(NamedTuple):
    """Grids that were placed, the words around them, and the size of it all."""

    grids: list[Flat]
    words: tuple[Mark, ...]
    size: tuple[float, float]


def row(
    shapes: Sequence[tuple[int, int]],
    titles: Sequence[str],
    below: str = "",
    *,
    gap: float = 1.0,
    side: float = 1.0,
    notes: Sequence[str] = (),
    least: float = 0.0,
) -> Row:
    """Place grids of those (rows, columns); a title may have two lines, a note stands below its grid."""
    tall = max(rows for rows, _ in shapes) * side
    lines = max(title.count("\n") for title in titles) + 1
    top = 0.45 + 0.5 * lines
    grids, words, x = [], [], EDGE
    rooms = [max(columns * side, least) for _, columns in shapes]
    sizes = [
        min(
            fitted(title.split("\n")[line], room + 0.8 * gap, size)
            for title, room in zip(titles, rooms, strict=True)
            if title.count("\n") >= line
        )
        for line, size in zip(range(lines), (0.4, 0.34), strict=False)
    ]
    for n, (rows, columns) in enumerate(shapes):
        room = rooms[n]
        grid = Flat(x + (room - columns * side) / 2, top + (tall - rows * side) / 2, rows, columns, side)
        said = titles[n].split("\n")
        start = top - 0.38 - 0.5 * (len(said) - 1)
        for line, text in enumerate(said):
            words.append(Text(grid.middle[0], start + 0.5 * line, text, sizes[line], "ink" if line == 0 else "soft"))
        if n < len(notes):
            words.append(
                Text(grid.middle[0], top + tall + 0.4, notes[n], fitted(notes[n], room + 0.8 * gap, 0.34), "soft")
            )
        grids.append(grid)
        x += room + gap
    width = x - gap + EDGE
    height = top + tall + 0.35 + 0.5 * bool(notes) + 0.6 * bool(below)
    return Row(grids, (*words, *([footer(below, width, height)] if below else [])), (width, height))
