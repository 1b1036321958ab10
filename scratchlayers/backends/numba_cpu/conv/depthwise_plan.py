"""How the sums of a depthwise convolution, or of its input gradient, are cut into tiles, and the tables that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..target import REGISTERS
from .depthwise_layout import Block, Layout, flat_vectors
from .depthwise_tables import Run, Table, cut, fewest, footprint, runs, source_rows, starts, taps

_TILES = (8, 7, 4, 2, 1)
_LONGEST = 8 if REGISTERS == 32 else 5


class Shape(NamedTuple):
    """How a problem's sums are cut: vectors of a tile and their distance in rows, taps of a run, of a shorter one."""

    rows: int
    apart: int
    run: int
    rest: int


def shape_of(plan: Layout, kernel_size: tuple[int, int, int]) -> Shape:
    """Return the cheapest way to cut the sums."""
    wide = plan.axes[1].apart
    options = [1] if plan.flat or wide == 1 else [1, wide]
    return min((_cut_for(plan, kernel_size, apart) for apart in options), key=lambda priced: priced[0])[1]


def _cut_for(plan: Layout, kernel_size: tuple[int, int, int], apart: int) -> tuple[float, Shape]:
    pitch = plan.lanes if plan.flat else apart * plan.pitch
    found = [run for phase in plan.phases for run in runs(taps(plan, phase, kernel_size), pitch)]
    run, rest = _lengths({len(run) for run in found})
    pieces = [len(piece) for whole in found for piece in _pieces(whole, run, rest)]
    most = max(fewest(plan.axes[1], {block[1] for block in plan.blocks}, apart), 1)
    vectors = flat_vectors(plan) if plan.flat else plan.axes[1].places
    able = [rows for rows in _TILES if rows <= (max(vectors, 1) if plan.flat else most)]
    priced = [(-(-vectors // rows) * (rows + sum(_cycles(rows, n) for n in pieces)), -rows) for rows in able]
    cost, rows = min(priced)
    return cost, Shape(-rows, apart, run, rest)


def _cycles(rows: int, taps: int) -> float:
    """Return about how long a run takes: two fused multiply-adds a cycle, or one load from two cache lines."""
    return max(rows * taps / 2, 4 * taps, rows + taps - 1 + taps / 2)


def _lengths(lengths: set[int]) -> tuple[int, int]:
    """Return the length of a run and of a shorter one, from which all these can be put together of fewest."""
    best = (10**9, 1, 0)
    for run in range(1, min(max(lengths, default=1), _LONGEST) + 1):
        for rest in range(run):
            counts = [_count(n, run, rest) for n in lengths]
            if None not in counts:
                best = min(best, (sum(counts), run, rest))
    return best[1:]


def _count(n: int, run: int, rest: int) -> int | None:
    """Return how many pieces make up n, as many long ones as possible; None if that cannot be."""
    for long in range(n // run, -1, -1):
        left = n - long * run
        if not left or (rest and left % rest == 0):
            return long + (left // rest if left else 0)
    return None


def _pieces(whole: Run, run: int, rest: int) -> list[Run]:
    """Cut a run into as many long pieces as leave only pieces of ``rest``."""
    long = len(whole) // run
    while (left := len(whole) - long * run) and (not rest or left % rest):
        long -= 1
    return [*cut(whole[: long * run], run), *cut(whole[long * run :], rest or 1)]


class Tables:
    """The tables of one problem, filled block by block."""

    def __init__(self, plan: Layout, shape: Shape, kernel_size: tuple[int, int, int]) -> None:
        self.plan, self.shape = plan, shape
        self.direct = plan.lanes == 1 or (plan.axes[2].step == 1 and (not plan.flat or plan.axes[1].places == 1))
        self.blocks, self.rows, self.passes, self.tiles = Table(6), Table(4), Table(6), Table(3)
        self.shifts, self.order, self.gathered = Table(1), Table(1), Table(3)
        self.out_pitch = plan.pitch if plan.flat else -(-plan.axes[2].places // plan.lanes) * plan.lanes
        most = [max(block[axis].places for block in plan.blocks) for axis in range(3)]
        self.out_plane = most[1] * self.out_pitch + (shape.rows + 1) * plan.lanes
        self.depth = most[0]
        self.taps = [self._taps(phase, kernel_size) for phase in plan.phases]
        marks: dict[object, int] = {}
        for block in plan.blocks:
            self._block(block, marks.setdefault(footprint(plan, block), len(marks)))

    def _taps(self, phase: tuple[int, int, int], kernel_size: tuple[int, int, int]) -> tuple[int, int, int, int]:
        plan, (_, apart, run, rest) = self.plan, self.shape
        pitch = plan.lanes if plan.flat else apart * plan.pitch
        pieces = [p for whole in runs(taps(plan, phase, kernel_size), pitch) for p in _pieces(whole, run, rest)]
        pieces.sort(key=len, reverse=True)
        long = sum(len(piece) == run for piece in pieces)
        first, _ = self.shifts.add((piece[0][0],) for piece in pieces)
        weights, _ = self.order.add((weight,) for piece in pieces for _, weight in piece)
        return first, long, len(pieces) - long, weights

    def _block(self, block: Block, mark: int) -> None:
        rows = self.rows.add(source_rows(self.plan, block))
        entries = [
            (*run, *self.tiles.add(self._tiles(block, phase)))
            for phase, run in zip(self.plan.phases, self.taps, strict=True)
        ]
        passes, _ = self.passes.add(entries)
        gathered = self.gathered.add(() if self.direct else self._gathered(block))
        self.blocks.add([(mark, *rows, passes, *gathered)])

    def _tiles(self, block: Block, phase: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
        """Yield (from, to, elements) of every tile."""
        plan, rows = self.plan, self.shape.rows
        depth, height, width = (axis.results(p, *part) for axis, p, part in zip(plan.axes, phase, block, strict=True))
        if not height * width:
            return
        for z in range(depth):
            if plan.flat:
                size = (height - 1) * plan.pitch + width
                for first in range(0, size, rows * plan.lanes):
                    yield self._from(z, 0, first), self._to(block, phase, z, 0, first), size - first
            else:
                for row, new in starts(height, self.shape.apart, rows):
                    top = row - (rows - new) * self.shape.apart
                    for column in range(0, width, plan.lanes):
                        first = max(min(column, width - plan.lanes), 0)
                        yield self._from(z, top, first), self._to(block, phase, z, top, first), width - first

    def _from(self, z: int, row: int, column: int) -> int:
        return self.plan.place(0, (0, z), (0, row), (0, column))

    def _to(self, block: Block, phase: tuple[int, int, int], z: int, row: int, column: int) -> int:
        if not self.direct:
            return self._place(phase, z, row) + column
        at = [
            (part.first + q) * axis.step + p
            for axis, part, q, p in zip(self.plan.axes, block, (z, row, column), phase, strict=True)
        ]
        return (at[0] * self.plan.axes[1].out + at[1]) * self.plan.axes[2].out + at[2]

    def _place(self, phase: tuple[int, int, int], z: int, row: int) -> int:
        """Return where in scratch a row of results waits to be gathered."""
        _, r, c = self.plan.axes
        planes = ((phase[0] * r.step + phase[1]) * c.step + phase[2]) * self.depth + z
        return planes * self.out_plane + row * self.out_pitch

    def _gathered(self, block: Block) -> Iterator[tuple[int, int, int]]:
        """Yield (from, to, elements) of every row of results."""
        d, r, c = self.plan.axes
        depth, rows, columns = (
            range(part.first * axis.step, min((part.first + part.places) * axis.step, axis.out))
            for axis, part in zip(self.plan.axes, block, strict=True)
        )
        for z in depth:
            for i in rows:
                place = self._place(
                    (z % d.step, i % r.step, 0), z // d.step - block[0].first, i // r.step - block[1].first
                )
                yield place, (z * r.out + i) * c.out + columns.start, len(columns)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the tables in the order in which the kernel takes them."""
        tables = (self.blocks, self.rows, self.passes, self.tiles, self.shifts, self.order, self.gathered)
        return tuple(table.array() for table in tables)

    @property
    def y_pitch(self) -> int:
        """Elements between the vectors of a tile, where they are written."""
        if self.plan.flat:
            return self.plan.lanes
        rows = self.plan.axes[1].step * self.plan.axes[2].out if self.direct else self.out_pitch
        return self.shape.apart * rows

    @property
    def waiting(self) -> int:
        """Elements of scratch for results that wait."""
        return 0 if self.direct else len(self.plan.phases) * self.depth * self.out_plane
