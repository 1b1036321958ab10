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
from .masks import lanes_between, load_where, store_where
from .pages import paged
from .simd import length, splat
from .spans import span_sums
from .strided import strided
from .team import run
from .windows import BEFORE, DILATION, FREE, HEADER, STEPS, STRIDE, Plan, by_input, by_output, following, joined, place

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
    n1, n2, nv = g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    kv = KV or g[11]
    step, apart, lanes, zero = S or g[STRIDE], 1 if KV else g[DILATION], length(x), splat(x, 0.0)
    d0, d1, d2 = g[STEPS], g[STEPS + 1], g[STEPS + 2]
    plane_size = g[0] * n1 * n2 * nv
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (m0 + o1), HEADER + 3 * (m0 + m1 + o2)
        divisor = splat(x, by[o0] * by[m0 + o1] * by[m0 + m1 + o2])
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            total = zero
            for t0 in range(g[a0 + 1], g[a0 + 2]):
                for t1 in range(g[a1 + 1], g[a1 + 2]):
                    for t2 in range(g[a2 + 1], g[a2 + 2]):
                        source = ((g[a0] + t0 * d0) * n1 + g[a1] + t1 * d1) * n2 + g[a2] + t2 * d2
                        at = plane * plane_size + source * nv
                        if inside:
                            for t in range(kv):
                                total = total + strided(x, at, e + t * apart, nv, step, KV and t & 1, True, zero)
                        else:
                            for t in range(kv):
                                total = total + strided(x, at, e + t * apart, nv, step, KV and t & 1, False, zero)
            mask = lanes_between(x, 0, mv)
            across = load_where(by, m0 + m1 + m2 + p, mask, splat(x, 1.0))
            store_where(y, row * mv + p, total / (divisor * across), mask)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
