"""The tables that depthwise kernels follow: rows to copy, runs of taps, tiles. Made once per problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .depthwise_axis import Axis
from .depthwise_layout import Block, Layout, Part

Run = tuple[tuple[int, int], ...]  # (shift, number of the weight) of taps whose shifts lie one pitch apart


class Table:
    """Rows of equally many integers, part after part, and where each part begins."""

    def __init__(self, width: int) -> None:
        self.width, self.parts, self.size = width, [np.empty(0, np.int64)], 0

    def add(self, rows: Iterable[Iterable[int]]) -> tuple[int, int]:
        """Append rows; return (the index of the first of their integers, how many rows)."""
        part = np.array(list(rows), np.int64).reshape(-1, self.width)
        self.parts.append(part.ravel())
        start, self.size = self.size, self.size + part.size
        return start, len(part)

    def array(self) -> np.ndarray:
        """Return all integers in one array."""
        return np.concatenate(self.parts)


def source_rows(plan: Layout, block: Block) -> Iterator[tuple[int, int, int, int]]:
    """Yield (from, to, elements, u) of every row that the block reads: what ``deal`` takes. No tap reads the others."""
    (z, depth, dz), (i, rows, di), (j, columns, dj) = (
        axis.source(*part) for axis, part in zip(plan.axes, block, strict=True)
    )
    d, r, c = plan.axes
    slabs, lines = d.read, r.read
    for lead in range(plan.lead):
        for a in (a for a in range(depth) if (dz + a) % d.split in slabs):
            for b in (b for b in range(rows) if (di + b) % r.split in lines):
                start = ((lead * d.size + z + a) * r.size + i + b) * c.size + j
                to = plan.place(lead, divmod(dz + a, d.split)[::-1], divmod(di + b, r.split)[::-1], (0, 0))
                if columns:
                    yield start, to, columns, dj


def footprint(plan: Layout, block: Block) -> tuple[tuple[int, int], ...]:
    """Return what of the padded source the block's rows cover; the rest is zeros."""
    return tuple(axis.source(*part)[1:] for axis, part in zip(plan.axes, block, strict=True))


def taps(plan: Layout, phase: tuple[int, int, int], kernel_size: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    """Yield (shift, number of the weight) of every tap of a phase of the results."""
    depth, rows, columns = (axis.taps[p] for axis, p in zip(plan.axes, phase, strict=True))
    _, kh, kw = kernel_size
    volume = kernel_size[0] * kh * kw
    for lead in range(plan.lead):
        for a in depth:
            for b in rows:
                for c in columns:
                    shift = plan.place(lead, a[1:], b[1:], c[1:])
                    yield shift, lead * volume + (a.number * kh + b.number) * kw + c.number


def runs(of: Iterable[tuple[int, int]], pitch: int) -> list[Run]:
    """Join taps whose shifts are one pitch apart."""
    found: list[list[tuple[int, int]]] = []
    waiting: dict[int, list[list[tuple[int, int]]]] = {}
    for tap in sorted(of):
        before = waiting.get(tap[0] - pitch)
        run = before.pop() if before else []
        if not run:
            found.append(run)
        run.append(tap)
        waiting.setdefault(tap[0], []).append(run)
    return [tuple(run) for run in found]


def cut(run: Run, length: int) -> Iterator[Run]:
    """Cut a run into pieces of this length; the last may be shorter."""
    yield from (run[i : i + length] for i in range(0, len(run), length))


def starts(places: int, apart: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield (first row, how many are new) of tiles of ``rows`` rows, ``apart`` apart, that cover all places."""
    for first in range(min(apart, places)):
        count = -(-(places - first) // apart)
        for i in range(0, count, rows):
            yield first + i * apart, min(rows, count - i)


def fewest(axis: Axis, parts: Iterable[Part], apart: int) -> int:
    """Return how many rows, ``apart`` apart, the smallest part of any phase has."""
    sizes = {axis.results(phase, *part) for phase in range(axis.step) for part in parts} - {0}
    return min((max(size // apart, 1) for size in sizes), default=1)
