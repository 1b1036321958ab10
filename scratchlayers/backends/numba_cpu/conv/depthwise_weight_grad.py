"""The weight gradient of depthwise convolution: every tap's sum over all images stays in one vector.

A task is one channel. Image by image it copies x into scratch memory as the forward pass does, and lets tiles of gy go
by: while a block of taps' sums stands in registers, each vector of x meets the rows of gy that the taps of a run read
it for. No sum is shared between tasks, so the threads need no reduction and do not change a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ....geometry import Grid
from .. import team, workspace
from ..choose import Algorithm
from ..jit import Bytes, Longs, Real, kernel
from ..simd import beyond, length, load, total
from ..target import REGISTERS, lanes
from .depthwise import can, lined
from .depthwise_axis import axes, forward
from .depthwise_copy import clear, deal
from .depthwise_layout import Block, Layout, flat_vectors, layout
from .depthwise_tables import Table, cut, footprint, runs, source_rows, starts, taps
from .depthwise_tile import call, sum_places

ROWS = RUN = WIDTH = 1  # replaced when compiled: rows of a tile, taps of a run, runs at a time
_TILES = (8, 7, 4, 2, 1)


@kernel
def sum_runs(
    lo,
    hi,
    thread,
    x: Real,
    x_pitch,
    shifts: Longs,
    sums: Real,
    gy: Real,
    gy_pitch,
    valid: Bytes,
    valid_pitch,
    whole: Longs,
    wholes,
    part: Longs,
    parts,
):
    """Every ``WIDTH`` runs of taps: ``sum_places`` over the whole tiles, and over those of which lanes do not count."""
    for block in range(lo, hi):
        first, own = beyond(shifts, block * WIDTH), beyond(sums, block * WIDTH * RUN * length(x))
        sum_places(ROWS, RUN, WIDTH, 0, x, x_pitch, first, own, gy, gy_pitch, valid, valid_pitch, whole, wholes)
        sum_places(ROWS, RUN, WIDTH, 1, x, x_pitch, first, own, gy, gy_pitch, valid, valid_pitch, part, parts)


@kernel
def sum_channels(
    lo,
    hi,
    thread,
    x: Real,
    gy: Real,
    gw: Real,
    scratch: Real,
    batch,
    channels,
    fan,
    source,
    results,
    weights,
    share,
    dealt,
    waiting,
    split,
    plane,
    x_pitch,
    gy_pitch,
    valid_pitch,
    groups,
    slots,
    count,
    blocks: Longs,
    rows: Longs,
    gy_rows: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    valid: Bytes,
    inner,
):
    """Every channel: for all images and blocks, deal x into scratch, and gy if its rows must lie as x's; sum the taps.

    Scratch holds ``slots`` vectors a filter, from ``dealt`` on the padded x, from ``waiting`` on gy. Slot i is the sum
    of the tap order[i]; -1 is none.
    """
    sums = beyond(scratch, thread * share)
    padded, aside = beyond(sums, dealt), beyond(sums, waiting)
    lane = length(x)
    for channel in range(lo, hi):
        last = -1
        clear(sums, fan * slots * lane)
        for task in range(batch * count):
            image = task // count * channels + channel
            block = beyond(blocks, 9 * (task % count))
            if block[0] != last:
                last = block[0]
                clear(padded, waiting - dealt)
            deal(x, image * source, padded, beyond(rows, block[1]), block[2], split, plane)
            for f in range(fan):
                base = (image * fan + f) * results
                deal(gy, base, aside, beyond(gy_rows, block[3]), block[4], 1, 0)
                factor = aside if block[4] else beyond(gy, base)
                places = (x_pitch, shifts, beyond(sums, f * slots * lane), factor, gy_pitch, valid, valid_pitch)
                some = (beyond(tiles, block[5]), block[6], beyond(tiles, block[7]), block[8])
                call(inner, (0, groups, thread, padded, *places, *some))
        for f in range(fan):
            for i in range(slots):
                if order[i] >= 0:
                    gw[(channel * fan + f) * weights + order[i]] = total(load(sums, (f * slots + i) * lane))


class Shape(NamedTuple):
    """How a problem's sums are cut: rows of a tile and their distance, taps of a run, runs at a time."""

    rows: int
    apart: int
    run: int
    width: int


class Plan(NamedTuple):
    """What a call needs beside its tensors."""

    address: int
    tasks: int
    work: float
    scratch: int
    numbers: tuple[int, ...]
    tables: tuple[np.ndarray, ...]


def _shape(plan: Layout, kernel_size: tuple[int, int, int]) -> Shape:
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
                for width in range(1, (REGISTERS - 2 - rows) // run + 1):
                    cost = tiles * -(-pieces // width) * (4 + _cycles(rows, run, width))
                    priced.append((cost, run * width, Shape(rows, apart, run, width)))
    return min(priced)[-1]


def _cycles(rows: int, run: int, width: int) -> float:
    """Return about how long a tile takes: two fused multiply-adds a cycle, or one load from two cache lines."""
    return max(rows * run * width / 2, 4 * rows, rows + width * (rows + run - 1))


class _Tables:
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


@lru_cache(maxsize=512)
def _plan(grid: Grid, batch: int, channels: int, fan: int, dtype: torch.dtype) -> Plan:
    itemsize = dtype.itemsize
    kernel_size = (1, 1, 1, *grid.kernel_size)[-3:]
    depth, rows, columns = axes(grid, forward)
    plan = layout((depth, rows, columns), 1, itemsize, lanes(itemsize))
    shape = _shape(plan, kernel_size)
    tables = _Tables(plan, shape, kernel_size)
    arrays = [t.array() for t in (tables.blocks, tables.rows, tables.gy_rows, tables.tiles)]
    arrays += [tables.shifts.array(), tables.order.array(), tables.valid.array().astype(np.uint8)]
    pitch = plan.lanes if plan.flat else shape.apart * plan.pitch
    dealt = lined(fan * tables.order.size * plan.lanes, itemsize)
    slack = (shape.rows + shape.run) * pitch + 2 * plan.lanes
    waiting = dealt + lined(plan.padded, itemsize)
    share = lined(waiting + max(tables.waiting, slack), itemsize)
    numbers = (
        fan,
        prod(grid.input_size),
        prod(grid.output_size),
        prod(kernel_size),
        share,
        dealt,
        waiting,
        columns.split,
        plan.plane,
        pitch,
        plan.lanes if plan.flat else shape.apart * columns.out,
        plan.lanes * (1 if plan.flat else 2),
        tables.groups,
        tables.order.size,
        len(plan.blocks),
        *(array.ctypes.data for array in arrays),
        sum_runs.compiled(dtype, ROWS=shape.rows, RUN=shape.run, WIDTH=shape.width),
    )
    work = 2.0 * batch * channels * fan * prod(grid.kernel_size) * prod(grid.output_size)
    return Plan(sum_channels.compiled(dtype), channels, work, share * itemsize, numbers, tuple(arrays))


def conv_weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int) -> Tensor:
    """gw[o,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], c the channel of o's group."""
    x, gy = x.contiguous(), gy.contiguous()
    plan = _plan(grid, x.shape[0], groups, gy.shape[1] // groups, x.dtype)
    gw = torch.empty((gy.shape[1], 1, *grid.kernel_size), dtype=x.dtype)
    scratch = workspace.scratch(plan.scratch * team.threads(plan.tasks, plan.work))
    tensors = (x.data_ptr(), gy.data_ptr(), gw.data_ptr(), scratch.data_ptr())
    team.run(plan.address, plan.tasks, plan.work, *tensors, x.shape[0], groups, *plan.numbers)
    return gw


WEIGHT_GRAD = Algorithm("depthwise", can, can, conv_weight_grad)
