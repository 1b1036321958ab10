"""Max pooling: which tap of each window is the largest? Value and tap are kept together, many windows at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid, Sizes
from .jit import Bytes, Longs, Real, inner, kernel
from .layout import HALF, dense
from .masks import all_lanes, as_ints, counts, lanes_between, store_narrow, store_where
from .pages import maker
from .simd import length, prefetch, select, splat
from .spans import span_largest
from .strided import legal, strided
from .team import Job
from .windows import (
    AHEAD,
    BEFORE,
    DILATION,
    END,
    FREE,
    SPILL,
    STRIDE,
    K,
    M,
    N,
    by_output,
    following,
    onward,
    place,
    reach,
)

KV, S, WIDE, HIGH = 0, 0, 0, 0


def max_pool(x: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """(y, tap): the largest element of each window and the tap it was found at."""
    if x.dtype in HALF:
        y, tap = max_pool(x.float(), grid)
        return y.to(x.dtype), tap
    x, last = dense(x)
    return _ready(x.shape, x.dtype, grid, last)(x)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, grid: Grid, last: bool) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    plan, taps = by_output(shape, dtype.itemsize, grid, last), tap_dtype(grid)
    wide = int(taps is torch.int32)
    if plan.spans:
        code = span_largest.compiled(dtype, WIDE=wide)
    elif plan.high:
        code = largest_of_blocks.compiled(dtype, HIGH=plan.high, S=plan.constants["S"])
    else:
        code = largest.compiled(dtype, **plan.constants, WIDE=wide)
    job = Job(code, plan.rows, plan.work, 3, plan.table)
    new_y, new_tap = maker(plan.shape, dtype, last), maker(plan.shape, taps, last)

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        y, tap = new_y(), new_tap()
        job.run(x.data_ptr(), y.data_ptr(), tap.data_ptr())
        return y, tap

    return run


@inner
def row_largest(x, at, e, apart, taps, nv, step, code, inside, shared):
    """Return the largest of the taps that windows have in one row, and its number; that of an illegal tap with −∞."""
    lowest = splat(x, -float("inf"))
    best, where = strided(x, at, e, nv, step, 0, inside, lowest), counts(x, code)
    for t in range(1, taps):
        v = strided(x, at, e + t * apart, nv, step, t % shared, inside, lowest)
        take = (v > best) | (v != v)
        best, where = select(take, v, best), select(take, counts(x, code + t), where)
    return best, where


@inner
def first_inside(x, first, e, apart, kv, nv, step):
    """Return ``first`` plus the first tap inside the row, in each lane; 0 where there is none."""
    where = counts(x, 0)
    for back in range(kv):
        t = kv - 1 - back
        where = select(legal(x, e + t * apart, nv, step), counts(x, first + t), where)
    return where


@inner
def put(y, tap, wide, at, best, where, mask):
    """Write the largest elements and their taps."""
    store_where(y, at, best, mask)
    if wide:
        store_narrow(as_ints(tap), at, where, mask)
    else:
        store_narrow(tap, at, where, mask)


@kernel
def largest(lo, hi, thread, x: Real, y: Real, tap: Bytes, g: Longs):
    """y[p], tap[p] = max over t of x[p · stride + t · dilation − before], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`. KV and S are the plan's constants; WIDE says whether
    a tap takes 32 bits.
    """
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    kv, step, apart, lanes = KV or g[K + 3], S or g[STRIDE], 1 if KV else g[DILATION], length(x)
    lowest, every = splat(x, -float("inf")), all_lanes(x)
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, first, lines, on = reach(g, plane, o0, o1, o2)
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            best, where = lowest, counts(x, first if lines else 0)
            if lines and not inside:
                where = first_inside(x, first, e, apart, kv, nv, step)
            line, code, j1, j2 = origin, first, 0, 0
            for _ in range(lines):
                at = line * nv
                if inside or 0 < g[SPILL] <= g[END] - at:
                    for ahead in range(max(S, 1)):
                        prefetch(x, at + e + AHEAD + ahead * lanes)
                    v, t = row_largest(x, at, e, apart, kv, nv, step, code, True, S if KV and S else 1)
                else:
                    v, t = row_largest(x, at, e, apart, kv, nv, step, code, False, S if KV and S else 1)
                take = (v > best) | (v != v)
                best, where = select(take, v, best), select(take, t, where)
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            here = row * mv + p
            if mv >= lanes or here + lanes <= hi * mv:  # what is written beyond a short row, the next ones write over
                put(y, tap, WIDE, here, best, where, every)
            else:
                put(y, tap, WIDE, here, best, where, lanes_between(x, 0, mv))
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)


@kernel
def largest_of_blocks(lo, hi, thread, x: Real, y: Real, tap: Bytes, g: Longs):
    """As ``largest``, where row r of y is of the HIGH rows of x from r · HIGH on, cut into windows S wide."""
    mv, nv, lanes, end = g[M + 3], g[M + 3] * S, length(x), g[END]
    for row in range(lo, hi):
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            first, here = row * HIGH * nv, row * mv + p
            inside = mv >= lanes or first + (HIGH - 1) * nv + S * lanes <= end
            best, where = block_row(x, first, p * S, nv, S, 0, inside)
            for t in range(1, HIGH):
                v, at = block_row(x, first + t * nv, p * S, nv, S, t * S, inside)
                take = (v > best) | (v != v)
                best, where = select(take, v, best), select(take, at, where)
            if mv >= lanes or here + lanes <= hi * mv:
                put(y, tap, False, here, best, where, all_lanes(x))
            else:
                put(y, tap, False, here, best, where, lanes_between(x, 0, mv))


@inner
def block_row(x, at, e, nv, s, code, inside):
    """``row_largest`` of blocks s wide."""
    if inside:
        for ahead in range(s):
            prefetch(x, at + e + AHEAD + ahead * length(x))
        return row_largest(x, at, e, 1, s, nv, s, code, True, s)
    return row_largest(x, at, e, 1, s, nv, s, code, False, s)
