"""How is a weight gradient cut into tasks? A pure function of the problem, never of the number of threads.

The sums of one weight gradient form a matrix of weights' (channel, tap) pairs × filters, cut into tiles of ROWS ×
(VECTORS · lanes); the terms of each sum, the output positions of all images, are cut into boxes. A task adds the boxes
of one part of the positions to one block of tiles; the parts have copies of the sums, added at the end.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod
from typing import NamedTuple

import numpy as np
import torch

from ..choose import Problem
from ..target import REGISTERS, lanes
from ..workspace import rounded

PANEL = 28 * 2**10  # bytes of packed gy that the first cache keeps while x goes by
COPIES = 4 * 2**20  # bytes of sums that may be spent on copies
TASKS = 64  # what the problem is cut into, where a task then has at least
GRAIN = 4e6  # operations
MOST_ROWS = {1: 12, 2: 12, 3: 8} if REGISTERS == 32 else {1: 12, 2: 6}


class Plan(NamedTuple):
    """What the kernels are compiled for and called with."""

    shape: dict[str, int]
    tasks: int
    tiles: int
    work: float
    sums: int  # bytes
    slice: int  # bytes of scratch for each thread
    table: np.ndarray
    numbers: tuple[int, ...]
    finish: tuple[int, ...]


class Axis(NamedTuple):
    """One axis of the grid, and how many output positions of it a box holds."""

    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    before: int
    box: int = 1

    @property
    def reach(self) -> int:
        """The input elements that a box reads from, the first to the last."""
        return (self.box - 1) * self.stride + (self.taps - 1) * self.dilation + 1

    def reads(self) -> list[int]:
        """Whether any window reads each of them."""
        read = {p * self.stride + t * self.dilation for p in range(self.box) for t in range(self.taps)}
        return [int(i in read) for i in range(self.reach)]


@lru_cache(maxsize=1024)
def plan(problem: Problem) -> Plan:
    """Return how to compute this problem's weight gradient."""
    dtype, n, channels, filters, groups, grid = problem
    size = dtype.itemsize
    c, k, taps = channels // groups, filters // groups, prod(grid.kernel_size)
    unit = _unit(k, groups, n, lanes(size))
    rows, vectors = _tile(c * taps, ceil(k * unit / lanes(size)))
    columns = vectors * lanes(size)
    tiles, panels = ceil(c * taps / rows), ceil(k * unit / columns)
    images, sides = (n // unit, 1) if groups == 1 else (n, ceil(groups / unit))
    batch, axes = _boxes(grid, images, PANEL // (columns * size))
    blocks = ceil(images / batch) * prod(ceil(a.out / a.box) for a in axes)
    cell = tiles * panels * sides * rows * columns * size
    work = 2.0 * n * filters * c * taps * prod(grid.output_size)
    chunks, row_parts, column_parts = _parts(work, blocks, cell, sides, tiles, panels, c, k)
    plane = rounded(prod(a.reach for a in axes) * unit * size) // size
    steps = batch * prod(a.box for a in axes)
    positions = prod(a.size for a in axes)
    outputs = prod(a.out for a in axes)
    box_channels = min(ceil(tiles / row_parts) * rows // taps + 2, c)
    places, lines, panel, box = (
        rounded(8 * steps),
        rounded(8 * columns),
        rounded(steps * columns * size),
        rounded(batch * box_channels * plane * size),
    )
    together = n // images  # images side by side, 1 where groups are
    numbers = (
        *(rows, columns, unit),
        *(chunks, row_parts, column_parts, blocks, tiles, panels, sides),
        *(c, k, taps, unit if groups == 1 else groups, images, batch),
        *(v for a in axes for v in (a.size, a.out, a.stride, a.before, a.box, a.reach, (a.taps - 1) * a.dilation + 1)),
        *(plane, together * channels * positions, together * filters * outputs),
        *(c * positions, k * outputs),
        *(places // 8, (places + lines) // size, panel // size),
        *((places + lines + panel + box) // 8, (places + lines + panel + box) // size),
    )
    finish = (rows, columns, unit, chunks, tiles, panels, sides, c * taps, k, groups)
    return Plan(
        {"ROWS": rows, "VECTORS": vectors, "UNIT": unit},
        chunks * row_parts * column_parts * sides,
        sides * panels * tiles,
        work,
        rounded(chunks * cell),
        places + lines + panel + box,
        _table(axes, c, taps, rows * tiles, plane, unit),
        numbers,
        finish,
    )


def _unit(filters: int, groups: int, images: int, length: int) -> int:
    """How many convolutions share a vector: groups, or equal shares of the images."""
    unit = 1
    while 2 * unit * filters <= length and (unit < groups if groups > 1 else images % (2 * unit) == 0):
        unit *= 2
    return unit


def _tile(pairs: int, vectors: int) -> tuple[int, int]:
    """(ROWS, VECTORS) that fill the registers and waste little at the sums' edges."""
    across = 1 if vectors == 1 else 3 if vectors % 3 == 0 and vectors % 2 and 3 in MOST_ROWS else 2
    return ceil(pairs / ceil(pairs / MOST_ROWS[across])), across


def _boxes(grid, images: int, steps: int) -> tuple[int, tuple[Axis, ...]]:
    """Return images and positions of each axis in a box of at most so many steps, the innermost axes whole if they fit."""
    lone = ((1, 1, 1, 1, 1, 0),) * (3 - grid.rank)
    axes = [*lone, *zip(*grid[:-1], strict=True)]
    boxed: list[Axis] = []
    for axis in reversed(axes):
        size, out, taps, stride, dilation, before = axis
        share = _even(out, max(steps, 1))
        boxed.insert(0, Axis(size, out, taps, stride, dilation, before, share))
        steps = steps // share if share == out else 1
    return _even(images, max(steps, 1)), tuple(boxed)


def _even(count: int, most: int) -> int:
    return ceil(count / ceil(count / most))


def _parts(work, blocks, cell, sides, tiles, panels, channels, filters) -> tuple[int, int, int]:
    """(parts of the positions, of the rows of tiles, of their columns), together enough tasks."""
    wanted = min(TASKS, work / GRAIN) / sides
    chunks = max(min(ceil(wanted), blocks, COPIES // cell), 1)
    rows, columns = 1, 1
    while chunks * rows * columns < wanted and (rows < tiles or columns < panels):
        if columns < panels and (rows == tiles or filters * rows >= channels * columns):
            columns = min(2 * columns, panels)
        else:
            rows = min(2 * rows, tiles)
    return chunks, rows, columns


def _table(axes, channels, taps, rows, plane, unit) -> np.ndarray:
    """Return each row's distance from a position's place, and which planes and lines of a box are read."""
    depth, height, width = axes
    line = width.reach * unit
    steps = (height.reach * line * depth.dilation, line * height.dilation, unit * width.dilation)
    t = np.indices([a.taps for a in axes]).reshape(3, -1)
    places = np.arange(channels)[:, None] * plane + (np.array(steps)[:, None] * t).sum(0)
    row = np.minimum(np.arange(rows), channels * taps - 1)
    return np.array([*places.reshape(-1)[row], *depth.reads(), *height.reads()], dtype=np.int64)
