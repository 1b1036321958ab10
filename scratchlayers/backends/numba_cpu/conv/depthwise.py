"""Depthwise convolution: every channel by itself, forward and input gradient, by one kernel.

Both are sums over taps of a padded source, at stride 1 within each phase of the results (depthwise_axis.py). A task
copies a block of one channel of one image into scratch memory and computes all that follows from it
(depthwise_layout.py). Tables say what goes where, so that the kernel knows neither borders nor strides.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ....geometry import Grid
from .. import team, workspace
from ..choose import Algorithm, Problem
from ..jit import Longs, Real, kernel
from ..simd import beyond
from ..target import REGISTERS, lanes
from .depthwise_axis import axes, forward, transposed
from .depthwise_copy import clear, deal, gather
from .depthwise_layout import Block, Layout, flat_vectors, layout
from .depthwise_tables import Run, Table, cut, fewest, footprint, runs, source_rows, starts, taps
from .depthwise_tile import call, sum_taps

ROWS = RUN = REST = 1  # replaced when compiled: vectors of a tile, taps of a run and of a shorter one
_TILES = (8, 7, 4, 2, 1)
_LONGEST = 8 if REGISTERS == 32 else 5


@kernel
def sum_tiles(
    lo,
    hi,
    thread,
    tiles: Longs,
    x: Real,
    x_pitch,
    w: Real,
    begin: Real,
    shifts: Longs,
    runs,
    rests,
    y: Real,
    y_pitch,
    drop,
):
    """Every tile: ``sum_taps`` from begin[0] on, at what three numbers of ``tiles`` say: from, to, elements."""
    for tile in range(lo, hi):
        t = beyond(tiles, 3 * tile)
        sum_taps(
            ROWS, RUN, REST, x, t[0], x_pitch, shifts, w, runs, rests, begin[0], y, t[1], y_pitch, t[2], drop
        )  # fmt: skip


@kernel
def sum_blocks(
    lo,
    hi,
    thread,
    x: Real,
    w: Real,
    b: Real,
    y: Real,
    scratch: Real,
    channels,
    biased,
    fan,
    source,
    results,
    weights,
    share,
    dealt,
    out,
    split,
    plane,
    x_pitch,
    step,
    out_plane,
    y_pitch,
    drop,
    packed,
    phases,
    count,
    blocks: Longs,
    rows: Longs,
    passes: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    gathered: Longs,
    inner,
):
    """Every task: deal a block of x into scratch; for each of ``fan`` filters, sum its taps in every phase.

    Scratch holds the bias, the weights in the order of use, from ``dealt`` on the padded source, from ``out`` on the
    results where they must be gathered (``gathered`` is not empty). ``inner`` is :func:`sum_tiles`' address.
    """
    own = beyond(scratch, thread * share)
    used, padded = beyond(own, 1), beyond(own, dealt)
    last = -1
    for task in range(lo, hi):
        image = task // count
        block = beyond(blocks, 6 * (task % count))
        if block[0] != last:
            last = block[0]
            clear(padded, out - dealt)
        deal(x, image * source, padded, beyond(rows, block[1]), block[2], split, plane)
        for f in range(fan):
            channel = image % channels * fan + f
            own[0] = b[channel] if biased else 0.0
            for i in range(packed):
                used[i] = w[channel * weights + order[i]]
            base = (image * fan + f) * results
            target = beyond(own, out) if block[5] else beyond(y, base)
            for phase in range(phases):
                p = beyond(passes, block[3] + 6 * phase)
                places = (beyond(tiles, p[4]), padded, x_pitch, beyond(used, p[3]), own, beyond(shifts, p[0]), p[1], p[2])
                call(inner, (0, p[5], thread, *places, target, y_pitch, drop))
            gather(beyond(own, out), y, base, beyond(gathered, block[4]), block[5], step, out_plane)


class Shape(NamedTuple):
    """How a problem's sums are cut: vectors of a tile and their distance in rows, taps of a run, of a shorter one."""

    rows: int
    apart: int
    run: int
    rest: int


class Plan(NamedTuple):
    """What a call needs beside its tensors."""

    address: int
    tasks: int
    work: float
    scratch: int
    numbers: tuple[int, ...]
    tables: tuple[np.ndarray, ...]


def _shape(plan: Layout, kernel_size: tuple[int, int, int]) -> Shape:
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
    long = next(i for i in range(len(whole) // run, -1, -1) if (left := len(whole) - i * run) == 0 or (rest and left % rest == 0))
    return [*cut(whole[: long * run], run), *cut(whole[long * run :], rest or 1)]


class _Tables:
    """The tables of one problem, filled block by block."""

    def __init__(self, plan: Layout, shape: Shape, kernel_size: tuple[int, int, int]) -> None:
        self.plan, self.shape = plan, shape
        self.direct = plan.axes[2].step == 1 and (not plan.flat or plan.axes[1].places == 1)
        self.blocks, self.rows, self.passes, self.tiles = Table(6), Table(4), Table(6), Table(3)
        self.shifts, self.order, self.gathered = Table(1), Table(1), Table(3)
        self.out_pitch = plan.pitch if plan.flat else -(-plan.axes[2].places // plan.lanes) * plan.lanes
        most = [max(block[axis].places for block in plan.blocks) for axis in range(3)]
        self.out_plane = most[1] * self.out_pitch + (shape.rows + 1) * plan.lanes
        self.depth = most[0]
        self.taps = [self._taps(phase, kernel_size) for phase in plan.phases]
        prints: dict[Any, int] = {}
        for block in plan.blocks:
            self._block(block, prints.setdefault(footprint(plan, block), len(prints)))

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

    def _tiles(self, block: Block, phase: tuple[int, int, int]):
        """Yield (from, to, elements) of every tile."""
        plan, rows = self.plan, self.shape.rows
        depth, height, width = (
            axis.results(p, *part) for axis, p, part in zip(plan.axes, phase, block, strict=True)
        )
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
        at = [(part.first + q) * axis.step + p for axis, part, q, p in zip(self.plan.axes, block, (z, row, column), phase, strict=True)]
        return (at[0] * self.plan.axes[1].out + at[1]) * self.plan.axes[2].out + at[2]

    def _place(self, phase: tuple[int, int, int], z: int, row: int) -> int:
        """Return where in scratch a row of results waits to be gathered."""
        _, r, c = self.plan.axes
        planes = ((phase[0] * r.step + phase[1]) * c.step + phase[2]) * self.depth + z
        return planes * self.out_plane + row * self.out_pitch

    def _gathered(self, block: Block):
        """Yield (from, to, elements) of every row of results."""
        d, r, c = self.plan.axes
        depth, rows, columns = (
            range(part.first * axis.step, min((part.first + part.places) * axis.step, axis.out))
            for axis, part in zip(self.plan.axes, block, strict=True)
        )
        for z in depth:
            for i in rows:
                place = self._place((z % d.step, i % r.step, 0), z // d.step - block[0].first, i // r.step - block[1].first)
                yield place, (z * r.out + i) * c.out + columns.start, len(columns)

    @property
    def waiting(self) -> int:
        """Elements of scratch for results that wait."""
        return 0 if self.direct else len(self.plan.phases) * self.depth * self.out_plane


@lru_cache(maxsize=512)
def _plan(grid: Grid, batch: int, channels: int, fan: int, dtype: torch.dtype, back: bool) -> Plan:
    """Return the plan of the forward pass, or ``back``."""
    itemsize = dtype.itemsize
    kernel_size = (1, 1, 1, *grid.kernel_size)[-3:]
    depth, rows, columns = axes(grid, transposed if back else forward)
    plan = layout((depth, rows, columns), fan if back else 1, itemsize, lanes(itemsize))
    shape = _shape(plan, kernel_size)
    tables = _Tables(plan, shape, kernel_size)
    arrays = [t.array() for t in (tables.blocks, tables.rows, tables.passes, tables.tiles)]
    arrays += [t.array() for t in (tables.shifts, tables.order, tables.gathered)]
    outputs = 1 if back else fan
    dealt = lined(1 + tables.order.size, itemsize)
    out = dealt + lined(plan.padded, itemsize)
    slack = (shape.rows + 2) * max(plan.lanes, plan.flat * plan.pitch)
    share = lined(out + tables.waiting + slack, itemsize)
    numbers = (
        outputs,
        prod(axis.size for axis in plan.axes) * plan.lead,
        prod(axis.out for axis in plan.axes),
        prod(kernel_size) * plan.lead,
        share,
        dealt,
        out,
        columns.split,
        plan.plane,
        plan.lanes if plan.flat else shape.apart * plan.pitch,
        columns.step,
        tables.depth * tables.out_plane,
        _y_pitch(plan, shape, tables),
        plan.lanes if plan.flat else 0,
        tables.order.size,
        len(plan.phases),
        len(plan.blocks),
        *(array.ctypes.data for array in arrays),
        sum_tiles.compiled(dtype, ROWS=shape.rows, RUN=shape.run, REST=shape.rest),
    )
    address = sum_blocks.compiled(dtype)
    tasks = batch * channels * len(plan.blocks)
    work = 2.0 * batch * channels * fan * prod(grid.kernel_size) * prod(grid.output_size)
    return Plan(address, tasks, work, share * itemsize, numbers, tuple(arrays))


def lined(count: int, itemsize: int) -> int:
    line = workspace.LINE // itemsize
    return -(-count // line) * line


def _y_pitch(plan: Layout, shape: Shape, tables: _Tables) -> int:
    if plan.flat:
        return plan.lanes
    if not tables.direct:
        return shape.apart * tables.out_pitch
    return shape.apart * plan.axes[1].step * plan.axes[2].out


def _run(x: Tensor, w: Tensor, b: Tensor | None, plan: Plan, channels: int, size: tuple[int, ...]) -> Tensor:
    x, w = x.contiguous(), w.contiguous()
    b = b if b is None else b.contiguous()
    y = torch.empty(size, dtype=x.dtype)
    scratch = workspace.scratch(plan.scratch * team.threads(plan.tasks, plan.work))
    tensors = (x.data_ptr(), w.data_ptr(), (w if b is None else b).data_ptr(), y.data_ptr(), scratch.data_ptr())
    team.run(plan.address, plan.tasks, plan.work, *tensors, channels, b is not None, *plan.numbers)
    return y


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int) -> Tensor:
    """y[n,o,p] = b[o] + Σ_t x[n,c,p,t] · w[o,t], c the channel of o's group."""
    plan = _plan(grid, x.shape[0], groups, w.shape[0] // groups, x.dtype, False)
    return _run(x, w, b, plan, groups, (x.shape[0], w.shape[0], *grid.output_size))


def conv_input_grad(gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None) -> Tensor:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel."""
    plan = _plan(grid, gy.shape[0], groups, w.shape[0] // groups, gy.dtype, True)
    return _run(gy, w, b, plan, groups, (gy.shape[0], groups, *grid.input_size))


def can(problem: Problem) -> bool:
    """Whether every channel is a group of its own."""
    return problem.groups == problem.channels


CONV = Algorithm("depthwise", can, can, conv)
INPUT_GRAD = Algorithm("depthwise", can, can, conv_input_grad)
