"""Max pooling: which tap of each window is the largest? Value and tap are kept together, many windows at a time."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid
from . import windows
from .dense import HALF, dense
from .jit import Bytes, Longs, Real, inner, kernel
from .masks import all_lanes, as_ints, counts, lanes_between, load_apart, load_where, store_narrow
from .simd import evens, load, odds, select, splat, store_first
from .simd import store as store_all
from .target import lanes
from .team import run
from .windows import BEFORE, DILATION, FREE, HEADER, STEPS, STRIDE, Plan, following, place

KV, S, WIDE, LANES = 0, 0, 0, 0


def max_pool(x: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """(y, tap): the largest element of each window and the tap it was found at."""
    if x.dtype in HALF:
        y, tap = max_pool(x.float(), grid)
        return y.to(x.dtype), tap
    x, last = dense(x)
    code, taps, plan = _plan(x.shape, x.dtype, grid, last)
    y = torch.empty_strided(plan.shape, plan.strides, dtype=x.dtype)
    tap = torch.empty_strided(plan.shape, plan.strides, dtype=taps)
    if plan.rows:
        run(code, plan.rows, plan.work, x.data_ptr(), y.data_ptr(), tap.data_ptr(), plan.address)
    return y, tap


@lru_cache(maxsize=1024)
def _plan(shape: torch.Size, dtype: torch.dtype, grid: Grid, last: bool) -> tuple[int, torch.dtype, Plan]:
    plan, taps = windows.by_output(shape, dtype.itemsize, grid, last), tap_dtype(grid)
    *_, k, s, d, _ = plan.axes[3]
    constants = {
        "KV": k if d == 1 and k in UNROLLED else 0,
        "S": s if s <= 2 else 0,
        "WIDE": int(taps is torch.int32),
        "LANES": lanes(dtype.itemsize),
    }
    return largest.compiled(dtype, **constants), taps, plan


UNROLLED = (1, 2, 3)


@inner
def spread(x, at, step, mask, low):
    """x[at], x[at + step], ... in the lanes of a mask, else ``low``'s."""
    if step == 1:
        return load_where(x, at, mask, low)
    return load_apart(x, at, step, mask, low)


@kernel
def largest(lo, hi, thread, x: Real, y: Real, tap: Bytes, g: Longs):
    """y[p], tap[p] = max over t of x[p · stride + t · dilation − before], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`. KV is the window's size along a row where it is known and not
    dilated, else 0; S likewise the stride along a row; WIDE whether a tap takes 32 bits.
    """
    n1, n2, nv = g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    k1, k2, kv = g[9], g[10], KV or g[11]
    step, apart = S or g[STRIDE], 1 if KV else g[DILATION]
    before, d0, d1, d2 = g[BEFORE], g[STEPS], g[STEPS + 1], g[STEPS + 2]
    free, fits = g[FREE], g[FREE + 1]
    none = splat(x, -float("inf"))
    every = all_lanes(x)
    plane_size = g[0] * n1 * n2 * nv
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (m0 + o1), HEADER + 3 * (m0 + m1 + o2)
        for start in range(0, mv, LANES):
            p = min(start, max(mv - LANES, 0))
            best, where = none, counts(x, -1)
            from_here = plane * plane_size + p * step - before
            inside = free <= p and p <= fits
            for t0 in range(g[a0 + 1], g[a0 + 2]):
                for t1 in range(g[a1 + 1], g[a1 + 2]):
                    for t2 in range(g[a2 + 1], g[a2 + 2]):
                        source = ((g[a0] + t0 * d0) * n1 + g[a1] + t1 * d1) * n2 + g[a2] + t2 * d2
                        at, code = from_here + source * nv, ((t0 * k1 + t1) * k2 + t2) * kv
                        if inside:
                            for t in range(kv):
                                if S == 2 and KV and t & 1:
                                    v = odds(load(x, at + t - 1), load(x, at + t - 1 + LANES))
                                elif S == 2:
                                    v = evens(load(x, at + t * apart), load(x, at + t * apart + LANES))
                                else:
                                    v = spread(x, at + t * apart, step, every, none)
                                take = (v > best) | (v != v) | (where < counts(x, 0))
                                best, where = select(take, v, best), select(take, counts(x, code + t), where)
                        else:
                            for t in range(kv):
                                e = p * step - before + t * apart
                                mask = lanes_between(x, -(e // step), -((e - nv) // step))
                                v = spread(x, at + t * apart, step, mask, none)
                                take = (v > best) | (v != v) | (where < counts(x, 0))
                                take = take & mask
                                best, where = select(take, v, best), select(take, counts(x, code + t), where)
            where = select(where < counts(x, 0), counts(x, 0), where)
            here = row * mv + p
            if mv >= LANES:
                store_all(y, here, best)
                mask = every
            else:
                store_first(y, here, best, mv)
                mask = lanes_between(x, 0, mv)
            if WIDE:
                store_narrow(as_ints(tap), here, where, mask)
            else:
                store_narrow(tap, here, where, mask)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
