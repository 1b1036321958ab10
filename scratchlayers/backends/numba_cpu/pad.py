"""Padding: every row of the result is a few runs of a row of the input. Data is moved, whatever it means."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from ...geometry import Frame, Sizes
from .frames import NOTHING, Plan, copies
from .jit import Longs, Real, inner, kernel
from .layout import dense
from .pages import maker
from .simd import length, load, load_bits, prefetch, splat, store, store_first
from .team import Job, filling
from .windows import AHEAD

# How elements of so many bytes are moved: as integers of that width, or two of half of it.
_MOVED = {1: (torch.uint8, 1), 2: (torch.int16, 1), 4: (torch.int32, 1), 8: (torch.int64, 1), 16: (torch.int64, 2)}
BEYOND = 2**25  # bytes of a result: with what it is copied from, more than caches hold
SHORT = 62  # numbers of a row for which one number has bits
FAR, BARE = 0, 0


def pad(x: Tensor, frame: Frame) -> Tensor:
    """y[n,c,i] = x[n,c,sources[i]], 0 where a source is −1."""
    x, last = dense(x)
    return _ready(x.shape, x.dtype, frame, last)(x)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, frame: Frame, last: bool) -> Callable[[Tensor], Tensor]:
    moved, width = _MOVED[dtype.itemsize]
    plan = copies(shape, frame, last, width)
    new = maker(plan.shape, dtype, last)
    far, bare = prod(plan.shape) * dtype.itemsize >= BEYOND, dtype.itemsize >= 4 and _bare(plan)
    code = copied.compiled(moved, FAR=int(far), BARE=int(bare))
    job = Job(code, plan.rows, prod(plan.shape), 2, *plan.numbers, *plan.tables)
    return filling(job, new)


def _bare(plan: Plan) -> bool:
    """Return whether a row is short, and a single run with zeros beside it."""
    block, blocks = plan.numbers[0], plan.numbers[3]
    return block * blocks <= SHORT and [run[3] for run in plan.tables[1].reshape(-1, 4) if run[3] != NOTHING] == [1]


@inner
def lay_bare(x, at, y, to, size, bits):
    """y[to + i] = x[at + i] where bit i is 1, else 0, for i < size."""
    lanes = length(x)
    for i in range(0, size, lanes):
        value = load_bits(x, at + i, bits >> i)
        if i + lanes <= size:
            store(y, to + i, value)
        else:
            store_first(y, to + i, value, size - i)


@inner
def copy(x, at, y, to, count, far):
    """y[to], y[to + 1], ... = x[at], x[at + 1], ..., ``count`` of them; x is ``far`` if it comes from no cache."""
    lanes = length(x)
    if count >= lanes:
        for i in range((count - 1) // lanes):
            if far:
                prefetch(x, at + i * lanes + AHEAD)
            store(y, to + i * lanes, load(x, at + i * lanes))
        store(y, to + count - lanes, load(x, at + count - lanes))
    else:
        for i in range(count):
            y[to + i] = x[at + i]


@inner
def clear(y, to, count):
    """y[to], y[to + 1], ... = 0, ``count`` of them."""
    lanes, zero = length(y), splat(y, 0)
    if count >= lanes:
        for i in range((count - 1) // lanes):
            store(y, to + i * lanes, zero)
        store(y, to + count - lanes, zero)
    else:
        for i in range(count):
            y[to + i] = 0


@kernel
def copied(lo, hi, thread, x: Real, y: Real, block, my, mx, blocks, source_blocks, count, rows: Longs, runs: Longs):
    """Fill the rows lo to hi of y; what the numbers and tables are, :func:`~.frames.copies` says."""
    plane, r, bits, shift = lo // my, lo % my, 0, 0
    for j in range(count):
        if BARE and runs[4 * j + 3] == 1:
            shift = (runs[4 * j + 2] - runs[4 * j]) * block
            bits = (1 << runs[4 * j + 1] * block) - (1 << runs[4 * j] * block)
    for row in range(lo, hi):
        to = row * blocks * block
        if BARE:
            at = (plane * mx + rows[r]) * source_blocks * block + shift
            lay_bare(x, at, y, to, blocks * block, bits if rows[r] >= 0 else 0)
        elif rows[r] < 0:
            clear(y, to, blocks * block)
        else:
            at = (plane * mx + rows[r]) * source_blocks * block
            for j in range(count):
                start, stop, source, step = runs[4 * j], runs[4 * j + 1], runs[4 * j + 2], runs[4 * j + 3]
                here, there, size = to + start * block, at + source * block, (stop - start) * block
                if step == 1:
                    copy(x, there, y, here, size, FAR)
                elif step == NOTHING:
                    clear(y, here, size)
                elif block == 1:
                    for i in range(size):
                        y[here + i] = x[there + i * step]
                else:
                    for i in range(stop - start):
                        copy(x, there + i * step * block, y, here + i * block, block, FAR)
        r += 1
        if r == my:
            r, plane = 0, plane + 1
