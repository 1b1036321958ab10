"""Max pooling: which tap of each window is the largest? Value and tap are kept together, many windows at a time."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid
from .dense import HALF, dense
from .jit import Bytes, Longs, Real, kernel
from .masks import all_lanes, as_ints, counts, lanes_between, store_narrow
from .pages import paged
from .simd import length, select, splat, store, store_first
from .spans import span_largest
from .strided import legal, strided
from .team import run
from .windows import BEFORE, DILATION, FREE, HEADER, STEPS, STRIDE, Plan, by_output, following, place

KV, S, WIDE = 0, 0, 0


def max_pool(x: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """(y, tap): the largest element of each window and the tap it was found at."""
    if x.dtype in HALF:
        y, tap = max_pool(x.float(), grid)
        return y.to(x.dtype), tap
    x, last = dense(x)
    code, taps, plan = _plan(x.shape, x.dtype, grid, last)
    y = paged(torch.empty_strided(plan.shape, plan.strides, dtype=x.dtype))
    tap = paged(torch.empty_strided(plan.shape, plan.strides, dtype=taps))
    if plan.rows:
        run(code, plan.rows, plan.work, x.data_ptr(), y.data_ptr(), tap.data_ptr(), plan.address)
    return y, tap


@lru_cache(maxsize=1024)
def _plan(shape: torch.Size, dtype: torch.dtype, grid: Grid, last: bool) -> tuple[int, torch.dtype, Plan]:
    plan, taps = by_output(shape, dtype.itemsize, grid, last), tap_dtype(grid)
    wide = int(taps is torch.int32)
    if plan.spans:
        return span_largest.compiled(dtype, WIDE=wide), taps, plan
    return largest.compiled(dtype, **plan.constants, WIDE=wide), taps, plan


@kernel
def largest(lo, hi, thread, x: Real, y: Real, tap: Bytes, g: Longs):
    """y[p], tap[p] = max over t of x[p · stride + t · dilation − before], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`. KV and S are the plan's constants; WIDE says whether
    a tap takes 32 bits.
    """
    n1, n2, nv = g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    k1, k2, kv = g[9], g[10], KV or g[11]
    step, apart, lanes = S or g[STRIDE], 1 if KV else g[DILATION], length(x)
    d0, d1, d2 = g[STEPS], g[STEPS + 1], g[STEPS + 2]
    lowest, zero, every = splat(x, -float("inf")), counts(x, 0), all_lanes(x)
    plane_size = g[0] * n1 * n2 * nv
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (m0 + o1), HEADER + 3 * (m0 + m1 + o2)
        some = g[a0 + 1] < g[a0 + 2] and g[a1 + 1] < g[a1 + 2] and g[a2 + 1] < g[a2 + 2]
        first = ((g[a0 + 1] * k1 + g[a1 + 1]) * k2 + g[a2 + 1]) * kv if some else 0
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            best, where = lowest, counts(x, first if inside else -1)
            for t0 in range(g[a0 + 1], g[a0 + 2]):
                for t1 in range(g[a1 + 1], g[a1 + 2]):
                    for t2 in range(g[a2 + 1], g[a2 + 2]):
                        source = ((g[a0] + t0 * d0) * n1 + g[a1] + t1 * d1) * n2 + g[a2] + t2 * d2
                        at, code = plane * plane_size + source * nv, ((t0 * k1 + t1) * k2 + t2) * kv
                        if inside:
                            for t in range(kv):
                                v = strided(x, at, e + t * apart, nv, step, KV and t & 1, True, lowest)
                                take = (v > best) | (v != v)
                                best, where = select(take, v, best), select(take, counts(x, code + t), where)
                        else:
                            for t in range(kv):
                                v = strided(x, at, e + t * apart, nv, step, KV and t & 1, False, lowest)
                                take = (v > best) | (v != v) | (where < zero) & legal(x, e + t * apart, nv, step)
                                best, where = select(take, v, best), select(take, counts(x, code + t), where)
            where = select(where < zero, zero, where)
            here = row * mv + p
            if mv >= lanes:
                store(y, here, best)
                mask = every
            else:
                store_first(y, here, best, mv)
                mask = lanes_between(x, 0, mv)
            if WIDE:
                store_narrow(as_ints(tap), here, where, mask)
            else:
                store_narrow(tap, here, where, mask)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
