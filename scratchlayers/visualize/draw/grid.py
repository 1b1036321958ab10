"""How is a grid of cells drawn? Flat, with or without numbers, or lying in space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .marks import Colour, Mark, On, Point, Shade, Shape, Text, box

Cell = tuple[int, int]
Fill = Colour | None | Callable[[Cell], Colour]


@dataclass(frozen=True)
class Flat:
    """A grid with its upper left corner at (x, y), of cells of ``side`` units."""

    x: float
    y: float
    rows: int
    columns: int
    side: float = 1.0

    @property
    def width(self) -> float:
        """Units from left to right."""
        return self.columns * self.side

    @property
    def height(self) -> float:
        """Units from top to bottom."""
        return self.rows * self.side

    @property
    def middle(self) -> Point:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2

    def corner(self, row: float, column: float) -> Point:
        """Return where a cell begins."""
        return self.x + column * self.side, self.y + row * self.side

    def cells(self) -> list[Cell]:
        """Return all, row by row."""
        return list(np.ndindex(self.rows, self.columns))

    def shapes(
        self,
        fill: Fill,
        cells: Iterable[Cell] | None = None,
        *,
        frames: bool = False,
        note: Callable[[Cell], str] = lambda _: "",
        **look: object,
    ) -> Iterator[Shape]:
        """Yield the cells; with ``frames`` each goes to the frame of its number."""
        for row, column in self.cells() if cells is None else cells:
            where = box(*self.corner(row, column), self.side, self.side)
            goes = row * self.columns + column if frames else None
            yield Shape(where, _filled(fill, (row, column)), frame=goes, note=note((row, column)), **look)

    def words(
        self,
        values: np.ndarray,
        on: Fill,
        cells: Iterable[Cell] | None = None,
        *,
        bold: bool = False,
        size: float = 0.38,
    ) -> Iterator[Text]:
        """Yield the numbers in their cells."""
        for row, column in self.cells() if cells is None else cells:
            x, y = self.corner(row + 0.5, column + 0.5)
            text = number(values[row, column])
            fitted = size * self.side * min(1.0, 3.2 / max(len(text), 1))
            yield Text(x, y, text, fitted, On(_filled(on, (row, column))), bold=bold)

    def around(self, cells: Sequence[Cell], width: float = 2.0) -> list[Shape]:
        """Return a frame around some cells, none around none."""
        if not len(cells):
            return []
        top, left, rows, columns = span(cells)
        return [Shape(box(*self.corner(top, left), columns * self.side, rows * self.side), None, "ink", width)]

    def title(self, words: str, *, size: float = 0.4, gap: float = 0.42, colour: str = "ink") -> Text:
        """Return words above the middle."""
        return Text(self.middle[0], self.y - gap, words, size, colour)


@dataclass(frozen=True)
class Slanted:
    """A grid that lies in space around ``middle``, ``up`` units above the ground; its cells begin at −``start``."""

    middle: Point
    shape: Cell
    up: float = 0.0
    start: Cell = (0, 0)

    def point(self, row: float, column: float) -> Point:
        """Return where a corner is seen: rows come nearer to the left, columns to the right."""
        down = row + self.start[0] - self.shape[0] / 2
        across = column + self.start[1] - self.shape[1] / 2
        return self.middle[0] + 0.78 * (across - down), self.middle[1] + 0.44 * (across + down) - self.up

    def cell(self, row: float, column: float, fill: Colour | None, **look: object) -> Shape:
        """Return one cell."""
        corners = ((row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column))
        return Shape(tuple(self.point(*corner) for corner in corners), fill, **look)


def _filled(fill: Fill, cell: Cell) -> Colour | None:
    return fill(cell) if callable(fill) else fill


def cells_of(mask: np.ndarray) -> list[Cell]:
    """Return where a (H, W) of bool is true."""
    return [(int(i), int(j)) for i, j in np.argwhere(mask)]


def span(cells: Sequence[Cell]) -> tuple[int, int, int, int]:
    """Return the first row and column that some cells take, and how many rows and columns."""
    low, high = np.min(cells, axis=0), np.max(cells, axis=0)
    return int(low[0]), int(low[1]), int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1


def number(value: float) -> str:
    """Return it as short as can be, with a minus sign proper."""
    if not np.isfinite(value):
        return {np.inf: "∞", -np.inf: "−∞"}.get(value, "nan")
    text = (
        f"{value:.0f}" if abs(value - round(value)) < 5e-7 else f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"
    )
    return text.replace("-", "−") if text.strip("-0.") else "0"


def amounts(values: np.ndarray, top: float | None = None) -> Callable[[Cell], Shade]:
    """Return a fill: the more, the stronger."""
    most = float(np.abs(values).max() if top is None else top) or 1.0
    return lambda cell: Shade("amount", min(1.0, max(0.0, float(values[cell]) / most)))


def signs(values: np.ndarray, top: float | None = None) -> Callable[[Cell], Shade]:
    """Return a fill for values of both signs."""
    most = float(np.abs(values).max() if top is None else top) or 1.0
    return lambda cell: Shade("signed", max(-1.0, min(1.0, float(values[cell]) / most)))


def together(*parts: Mark | Iterable[Mark]) -> tuple[Mark, ...]:
    """Return marks and groups of marks as one tuple, in that order, the last on top."""
    out: list[Mark] = []
    for part in parts:
        out.extend(part if isinstance(part, Iterable) else [part])
    return tuple(out)


def by(array: np.ndarray, line: bool = False) -> str:
    """Return its sizes, of a line its length."""
    return "×".join(map(str, array.shape[line:]))


def fitted(words: str, width: float, size: float) -> float:
    """Return the size, or a smaller one with which the words fit into a width."""
    return min(size, 1.7 * width / max(len(words), 1))


def footer(words: str, width: float, height: float, size: float = 0.36) -> Text:
    """Return the line at a picture's bottom that says what it is."""
    return Text(width / 2, height - 0.4, words, fitted(words, width, size), "soft")
