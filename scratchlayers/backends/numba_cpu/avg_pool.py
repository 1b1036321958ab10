"""Average pooling: the sum of each window, divided; many windows at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...geometry import Grid, Sizes
from .collect import collected
from .dense import HALF, dense
from .jit import Longs, Real, kernel
from .pages import paged
from .simd import length, load, load_first, prefetch, splat, store, store_first
from .spans import span_sums
from .strided import strided
from .team import run
from .windows import (
    AHEAD,
    BEFORE,
    DILATION,
    FREE,
    STRIDE,
    K,
    M,
    N,
    Plan,
    by_input,
    by_output,
    following,
    joined,
    place,
    reach,
)

KV, S = 0, 0


def avg_pool(x: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """y = the sum of each window, divided."""
    if x.dtype in HALF:
        return avg_pool(x.float(), divisors, grid).to(x.dtype)
    x, last = dense(x)
    code, plan, by, _ = _plan(x.shape, x.dtype, grid, divisors, last)
    y = paged(torch.empty_strided(plan.shape, plan.strides, dtype=x.dtype))
    if plan.rows:
        run(code, plan.rows, plan.work, x.data_ptr(), y.data_ptr(), by, plan.address)
    return y


def avg_pool_adjoint(gy: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """gx = the transpose of ``avg_pool``: every element gets its share of each window that it is in."""
    if gy.dtype in HALF:
        return avg_pool_adjoint(gy.float(), divisors, grid).to(gy.dtype)
    gy, last = dense(gy)
    code, plan, shares, _ = _adjoint_plan(gy.shape, gy.dtype, grid, divisors, last)
    gx = paged(torch.empty_strided(plan.shape, plan.strides, dtype=gy.dtype))
    if plan.rows:
        run(code, plan.rows, plan.work, gy.data_ptr(), 0, shares, gx.data_ptr(), plan.address)
    return gx


@lru_cache(maxsize=1024)
def _plan(
    shape: torch.Size, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> tuple[int, Plan, int, Any]:
    """(code, tables of the windows, address of the divisors, these)."""
    plan, by = by_output(shape, dtype.itemsize, grid, last), _along_axes(shape, dtype, grid, divisors, last)
    code = span_sums.compiled(dtype) if plan.spans else summed.compiled(dtype, **plan.constants)
    return code, plan, by.ctypes.data, by


@lru_cache(maxsize=1024)
def _adjoint_plan(
    shape: torch.Size, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> tuple[int, Plan, int, Any]:
    """(code, tables of the windows, address of one over the divisors, these)."""
    plan, shares = by_input(shape, dtype.itemsize, grid, last), 1 / _along_axes(shape, dtype, grid, divisors, last)
    return collected.compiled(dtype, **plan.constants, CHOSEN=0), plan, shares.ctypes.data, shares


def _along_axes(shape: Sizes, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool) -> np.ndarray:
    """Return the divisors of the four axes of :mod:`~.windows`, one axis after the other."""
    tables = list(divisors)
    for _ in range(joined(grid, last)):
        (whole,) = tables.pop()
        tables[-1] = tuple(whole * count for count in tables[-1])
    tables = [*tables, (1,) * shape[1]] if last else tables
    tables = [*[(1,)] * (4 - len(tables)), *tables]
    return np.concatenate(tables, dtype=str(dtype).removeprefix("torch."))


@kernel
def summed(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """y[p] = Σ_t x[p · stride + t − before] / Π_axis by[p], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`, ``by`` the divisors at each position of the four axes. KV and
    S are the plan's constants.
    """
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    kv, step, apart = KV or g[K + 3], S or g[STRIDE], 1 if KV else g[DILATION]
    lanes, zero = length(x), splat(x, 0.0)
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, b0, e0, s0, b1, e1, s1, b2, e2, s2 = reach(g, plane, o0, o1, o2)
        divisor = splat(x, by[o0] * by[m0 + o1] * by[m0 + m1 + o2])
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            total = zero
            for t0 in range(b0, e0):
                for t1 in range(b1, e1):
                    for t2 in range(b2, e2):
                        at = origin + t0 * s0 + t1 * s1 + t2 * s2
                        if inside:
                            for line in range(max(S, 1)):
                                prefetch(x, at + e + AHEAD + line * lanes)
                            for t in range(kv):
                                total = total + strided(x, at, e + t * apart, nv, step, KV and t & 1, True, zero)
                        else:
                            for t in range(kv):
                                total = total + strided(x, at, e + t * apart, nv, step, KV and t & 1, False, zero)
            if mv >= lanes:
                store(y, row * mv + p, total / (divisor * load(by, m0 + m1 + m2 + p)))
            else:
                across = load_first(by, m0 + m1 + m2, mv)
                store_first(y, row * mv, total / (divisor * across), mv)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
