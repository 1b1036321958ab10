"""How a depthwise weight gradient is cut into blocks of taps and tiles of gy, and the tables that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..target import REGISTERS
from .depthwise_layout import Block, Layout, flat_vectors
from .depthwise_tables import Table, cut, footprint, runs, source_rows, starts, taps

_TILES = (8, 7, 4, 2, 1)
_WIDTHS = (1, 2, 3, 4, 6, 9)  # few, for each is compiled for itself


class Shape(NamedTuple):
    """How a problem's sums are cut: rows of a tile and their distance, taps of a run, runs at a time."""

    rows: int
    apart: int
    run: int
    width: int


def shape_of(plan: Layout, kernel_size: tuple[int, int, int]) -> Shape:
    """Return the cheapest way to cut the sums into what registers hold: a block of taps and the rows of a tile."""
    options = [1] if plan.flat else sorted({1, plan.axes[1].apart})
    priced = []
    for apart in options:
        found = runs(taps(plan, (0, 0, 0), kernel_size), plan.lanes if plan.flat else apart * plan.pitch)
        vectors = flat_vectors(plan) if plan.flat else max(block[1].places for block in plan.blocks)
        for run in range(1, max(map(len, found)) + 1):
            pieces = sum(-(-len(one) // run) for one in found)
            for rows in _TILES:
                tiles = -(-vectors // rows) if plan.flat else sum(1 for _ in starts(vectors, apart, rows))
                for width in (width for width in _WIDTHS if run * width <= REGISTERS - 2 - rows):
                    cost = tiles * -(-pieces // width) * (4 + _cycles(rows, run, width))
                    priced.append((cost, run * width, Shape(rows, apart, run, width)))
    return min(priced)[-1]


def _cycles(rows: int, run: int, width: int) -> float:
    """Return about how long a tile takes: two fused multiply-adds a cycle, or one load from two cache lines."""
    return max(rows * run * width / 2, 4 * rows, rows + width * (rows + run - 1))


class Tables:
    """The tables of one problem, filled block by block."""

    def __init__(self, plan: Layout, shape: Shape, kernel_size: tuple[int, int, int]) -> None:
        self.plan, self.shape = plan, shape
        self.direct = not plan.flat or plan.axes[1].places == 1
        self.blocks, self.rows, self.gy_rows, self.tiles = Table(9), Table(4), Table(4), Table(3)
        self.shifts, self.order, self.valid = Table(1), Table(1), Table(1)
        most = [max(block[axis].places for block in plan.blocks) for axis in range(3)]
        self.gy_plane = most[1] * plan.pitch + (shape.rows + 1) * plan.lanes
        self.waiting = 0 if self.direct else most[0] * self.gy_plane
        self._taps(kernel_size)
        if not plan.flat:
            self._masks()
        marks: dict[object, int] = {}
        for block in plan.blocks:
            self._block(block, marks.setdefault(footprint(plan, block), len(marks)))

    def _taps(self, kernel_size: tuple[int, int, int]) -> None:
        """Fill the shifts of all runs and the taps of all slots; runs that are too short have slots for no tap."""
        plan, (_, apart, run, width) = self.plan, self.shape
        found = runs(taps(plan, (0, 0, 0), kernel_size), plan.lanes if plan.flat else apart * plan.pitch)
        pieces = [piece for one in found for piece in cut(one, run)]
        self.groups = -(-len(pieces) // width)
        for piece in [*pieces, *[()] * (self.groups * width - len(pieces))]:
            self.shifts.add([(piece[0][0] if piece else 0,)])
            self.order.add((tap[1],) for tap in [*piece, *[(0, -1)] * (run - len(piece))])

    def _masks(self) -> None:
        """Fill what marks the first n lanes of the first m rows, for all n and m, depending on where one begins."""
        row = [1] * self.plan.lanes + [0] * self.plan.lanes
        self.valid.add((mark,) for mark in row * self.shape.rows + [0] * len(row) * self.shape.rows)

    def _block(self, block: Block, mark: int) -> None:
        tiles = list(self._tiles(block))
        rows = self.rows.add(source_rows(self.plan, block))
        gy_rows = self.gy_rows.add(() if self.direct else self._gy_rows(block))
        whole = self.tiles.add(tile for tile, every in tiles if every)
        part = self.tiles.add(tile for tile, every in tiles if not every)
        self.blocks.add([(mark, *rows, *gy_rows, *whole, *part)])

    def _tiles(self, block: Block) -> Iterator[tuple[tuple[int, int, int], bool]]:
        """Yield (where in x, where in gy, where its lanes are marked) of every tile, and whether all lanes count."""
        plan, (rows, apart, _, _) = self.plan, self.shape
        (_, depth), (_, height), (_, width) = block
        flags, lane = self._flags(height, width) if plan.flat else (0, []), plan.lanes
        for z in range(depth):
            if plan.flat:
                start, marks = flags
                for first in range(0, (height - 1) * plan.pitch + width, rows * lane):
                    at = plan.place(0, (0, z), (0, 0), (0, first)), self._gy(block, z, 0, first), start + first
                    yield at, all(marks[first : first + rows * lane])
            else:
                for row, new in starts(height, apart, rows):
                    for column in range(0, width, lane):
                        some = min(width - column, lane)
                        mark = (rows - new) * 2 * lane + lane - some
                        at = plan.place(0, (0, z), (0, row), (0, column)), self._gy(block, z, row, column), mark
                        yield at, (new, some) == (rows, lane)

    def _flags(self, height: int, width: int) -> tuple[int, list[int]]:
        """Fill the marks of a flat plane; return where they begin, and the marks."""
        tile = self.shape.rows * self.plan.lanes
        marks = [*[*[1] * width, *[0] * (self.plan.pitch - width)] * (height - 1), *[1] * width]
        marks += [0] * (-len(marks) % tile)
        return self.valid.add((mark,) for mark in marks)[0], marks

    def _gy(self, block: Block, z: int, row: int, column: int) -> int:
        if not self.direct:
            return z * self.gy_plane + column
        _, height, width = (axis.out for axis in self.plan.axes)
        return ((block[0].first + z) * height + block[1].first + row) * width + block[2].first + column

    def _gy_rows(self, block: Block) -> Iterator[tuple[int, int, int, int]]:
        (first, depth), (top, height), (left, width) = block
        _, rows, columns = (axis.out for axis in self.plan.axes)
        for z in range(depth):
            for i in range(height):
                start = ((first + z) * rows + top + i) * columns + left
                yield start, z * self.gy_plane + i * self.plan.pitch, width, 0

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the tables in the order in which the kernel takes them."""
        tables = (self.blocks, self.rows, self.gy_rows, self.tiles, self.shifts, self.order)
        return *(table.array() for table in tables), self.valid.array().astype(np.uint8)
