"""Padding backward: each input element adds up the gradients of its copies, always in the same order."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from ...geometry import Frame, Sizes
from .frames import collections
from .jit import Longs, Real, inner, kernel
from .layout import HALF, dense
from .pad import ZEROS, clear, copy, ready
from .pad_rows import SHORT, collected, row_for
from .pages import maker
from .simd import length, load, store
from .team import Job, filling


def pad_adjoint(gy: Tensor, frame: Frame) -> Tensor:
    """gx = the transpose of ``pad``: every gy[n,c,i] is added to x[n,c,sources[i]]."""
    gy, last = dense(gy)
    return _ready(gy.shape, gy.dtype, frame, last)(gy)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, frame: Frame, last: bool) -> Callable[[Tensor], Tensor]:
    if back := frame.undone:
        return ready(shape, dtype, back, last, ZEROS)
    if dtype in HALF:
        full = _ready(shape, torch.float32, frame, last)
        return lambda gy: full(gy.float()).to(dtype)
    real = dtype.to_real()
    plan = collections(shape, frame, last, dtype.itemsize // real.itemsize)
    new = maker(plan.shape, dtype, last)
    row = row_for(plan, real)
    if row is None:
        return filling(Job(added.compiled(real), plan.rows, 2 * prod(shape), 2, *plan.numbers, *plan.tables), new)
    block, mx, my, blocks, copies, *_ = plan.numbers
    size = blocks * block
    words = (mx, my, size, copies * block, *row.words, *plan.tables[:2], row.edges)
    job = Job(collected.compiled(real, BRIEF=int(size <= SHORT)), plan.rows, 2 * prod(shape), 2, *words)
    return filling(job, new)


@inner
def add(gy, at, gx, to, count):
    """gx[to] += gy[at], gx[to + 1] += gy[at + 1], ..., ``count`` of them."""
    lanes = length(gy)
    for j in range(count // lanes):
        i = j * lanes
        store(gx, to + i, load(gx, to + i) + load(gy, at + i))
    for i in range(count // lanes * lanes, count):
        gx[to + i] += gy[at + i]


@inner
def add_run(gy, at, gx, to, block, count, step):
    """Add ``count`` blocks of gy in a row to those of gx that are ``step`` blocks apart."""
    if step == 1:
        add(gy, at, gx, to, count * block)
    elif step == 0 and block == 1:
        total = gy[at]
        for i in range(1, count):
            total += gy[at + i]
        gx[to] += total
    else:
        for i in range(count):
            add(gy, at + i * block, gx, to + i * step * block, block)


@kernel
def added(
    lo,
    hi,
    thread,
    gy: Real,
    gx: Real,
    block,
    mx,
    my,
    blocks,
    copies,
    count,
    whole,
    begins: Longs,
    order: Longs,
    runs: Longs,
):
    """Fill the rows lo to hi of gx; what the numbers and tables are, :func:`~.frames.collections` says."""
    plane, r = lo // mx, lo % mx
    size = blocks * block
    for row in range(lo, hi):
        to = row * size
        begin, end = begins[r], begins[r + 1]
        if begin == end or not whole:
            clear(gx, to, size)
        for k in range(begin, end):
            at = (plane * my + order[k]) * copies * block
            first = whole and k == begin
            if first:
                copy(gy, at + runs[0] * block, gx, to, size, True)
            for j in range(first, count):
                start, stop, source, step = runs[4 * j], runs[4 * j + 1], runs[4 * j + 2], runs[4 * j + 3]
                add_run(gy, at + start * block, gx, to + source * block, block, stop - start, step)
        r += 1
        if r == mx:
            r, plane = 0, plane + 1
