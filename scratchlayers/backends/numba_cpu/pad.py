"""Padding: every row of the result is a few runs of a row of the input. Data is moved, whatever it means."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import numpy as np
import torch
from torch import Tensor

from ...geometry import Frame, Sizes
from .frames import NOTHING, copies
from .jit import Longs, Real, inner, kernel
from .layout import dense
from .pad_rows import SHORT, laid, row_for
from .pages import maker
from .simd import length, load, prefetch, splat, store, store_first
from .team import Job, filling
from .windows import AHEAD

# How elements of so many bytes are moved: as integers of that width, or two of half of it.
_MOVED = {1: (torch.uint8, 1), 2: (torch.int16, 1), 4: (torch.int32, 1), 8: (torch.int64, 1), 16: (torch.int64, 2)}
# The input is asked for ahead where a result has so many bytes that, with the input, they are more than caches hold;
# where rows are short; and where the result is smaller: there a processor does not read ahead by itself.
BEYOND = 2**25
FAR = 0
ZEROS = bytes(64)  # as wide as any vector


def pad(x: Tensor, frame: Frame, value: float = 0) -> Tensor:
    """y[n,c,i] = x[n,c,sources[i]], ``value`` where a source is −1."""
    x, last = dense(x)
    return ready(x.shape, x.dtype, frame, last, _bits(value, x.dtype) if value else ZEROS)(x)


@lru_cache(maxsize=64)
def _bits(value: float, dtype: torch.dtype) -> bytes:
    """Return the bytes of a vector of this value."""
    return torch.full((len(ZEROS) // dtype.itemsize,), value, dtype=dtype).view(torch.uint8).numpy().tobytes()


@lru_cache(maxsize=1024)
def ready(shape: Sizes, dtype: torch.dtype, frame: Frame, last: bool, bits: bytes) -> Callable[[Tensor], Tensor]:
    """Return what pads a dense tensor, ``bits`` being a vector of what stands where nothing is copied."""
    moved, width = _MOVED[dtype.itemsize]
    plan = copies(shape, frame, last, width)
    new = maker(plan.shape, dtype, last)
    work, smaller = 2 * prod(plan.shape), prod(plan.shape) < prod(shape)
    far = int(smaller or prod(plan.shape) * dtype.itemsize >= BEYOND)
    row, fill = row_for(plan, moved), np.frombuffer(bits, np.uint8)
    if row is None:
        words: tuple[int | np.ndarray, ...] = (*plan.numbers, *plan.tables, fill)
        return filling(Job(copied.compiled(moved, FAR=far), plan.rows, work, 2, *words), new)
    block, my, mx, blocks, source_blocks, _ = plan.numbers
    size = blocks * block
    short = int(size <= SHORT)
    code = laid.compiled(moved, FAR=far | short, BRIEF=short)
    words = (my, mx, size, source_blocks * block, *row.words, plan.tables[0], row.edges, fill)
    return filling(Job(code, plan.rows, work, 2, *words), new)


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
def flood(y, to, count, void):
    """y[to], y[to + 1], ... = the numbers of a vector, again and again, ``count`` of them."""
    lanes = length(y)
    if count >= lanes:
        for i in range((count - 1) // lanes):
            store(y, to + i * lanes, void)
        store(y, to + count - lanes, void)
    else:
        store_first(y, to, void, count)


@inner
def clear(y, to, count):
    """y[to], y[to + 1], ... = 0, ``count`` of them."""
    flood(y, to, count, splat(y, 0))


@kernel
def copied(
    lo, hi, thread, x: Real, y: Real, block, my, mx, blocks, source_blocks, count,
    rows: Longs, runs: Longs, fill: Real,
):  # fmt: skip
    """Fill the rows lo to hi of y; what the numbers and tables are, :func:`~.frames.copies` says.

    ``fill`` is a vector of what stands where nothing is copied.
    """
    plane, r, void = lo // my, lo % my, load(fill, 0)
    for row in range(lo, hi):
        to = row * blocks * block
        if rows[r] < 0:
            flood(y, to, blocks * block, void)
        else:
            at = (plane * mx + rows[r]) * source_blocks * block
            for j in range(count):
                start, stop, source, step = runs[4 * j], runs[4 * j + 1], runs[4 * j + 2], runs[4 * j + 3]
                here, there, size = to + start * block, at + source * block, (stop - start) * block
                if step == 1:
                    copy(x, there, y, here, size, FAR)
                elif step == NOTHING:
                    flood(y, here, size, void)
                elif block == 1:
                    for i in range(size):
                        y[here + i] = x[there + i * step]
                else:
                    for i in range(stop - start):
                        copy(x, there + i * step * block, y, here + i * block, block, FAR)
        r += 1
        if r == my:
            r, plane = 0, plane + 1
