"""Average pooling: the sum of each window, divided; a vector of windows at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...geometry import Grid, Sizes
from . import windows
from .dense import HALF, dense
from .jit import Longs, Real, inner, kernel
from .masks import all_lanes, lanes_between, load_where, store_apart, store_where
from .simd import fma, length, splat
from .strided import legal, store_both, strided
from .team import run
from .windows import BACK, BEFORE, FIRST, FREE, HEADER, STRIDE, UNITS, Plan, following, place

KV, S = 0, 0
UNROLLED = (1, 2, 3)


def avg_pool(x: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """y = the sum of each window, divided."""
    if x.dtype in HALF:
        return avg_pool(x.float(), divisors, grid).to(x.dtype)
    x, last = dense(x)
    code, plan, by = _plan(x.shape, x.dtype, grid, divisors, last)
    y = torch.empty_strided(plan.shape, plan.strides, dtype=x.dtype)
    if plan.rows:
        run(code, plan.rows, plan.work, x.data_ptr(), y.data_ptr(), by.ctypes.data, plan.address)
    return y


def avg_pool_adjoint(gy: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """gx = the transpose of ``avg_pool``: every element gets its share of each window that it is in."""
    if gy.dtype in HALF:
        return avg_pool_adjoint(gy.float(), divisors, grid).to(gy.dtype)
    gy, last = dense(gy)
    code, plan, shares = _adjoint_plan(gy.shape, gy.dtype, grid, divisors, last)
    gx = torch.empty_strided(plan.shape, plan.strides, dtype=gy.dtype)
    if plan.rows:
        run(code, plan.rows, plan.work, gy.data_ptr(), gx.data_ptr(), shares.ctypes.data, plan.address)
    return gx


@lru_cache(maxsize=1024)
def _plan(
    shape: torch.Size, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> tuple[int, Plan, Any]:
    plan = windows.by_output(shape, dtype.itemsize, grid, last)
    *_, k, s, _, _ = plan.axes[3]
    constants = {"KV": k if k in UNROLLED else 0, "S": s if s <= 2 else 0}
    return summed.compiled(dtype, **constants), plan, _along_axes(shape, dtype, divisors, last)


@lru_cache(maxsize=1024)
def _adjoint_plan(
    shape: torch.Size, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> tuple[int, Plan, Any]:
    plan = windows.by_input(shape, dtype.itemsize, grid, last)
    s = plan.axes[3].s
    code = spread_out.compiled(dtype, S=s if s <= 2 else 0)
    return code, plan, 1 / _along_axes(shape, dtype, divisors, last)


def _along_axes(shape: Sizes, dtype: torch.dtype, divisors: tuple[Sizes, ...], last: bool) -> np.ndarray:
    """Return the divisors of the four axes of :mod:`~.windows`, one axis after the other."""
    inner = [(1,) * shape[1]] if last else []
    tables = [*[(1,)] * (4 - len(divisors) - len(inner)), *divisors, *inner]
    return np.concatenate(tables, dtype=str(dtype).removeprefix("torch."))


@kernel
def summed(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """y[p] = Σ_t x[p · stride + t − before] / Π_axis by[p], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`, ``by`` the divisors at each position of the four axes. KV is the
    window's size along a row where it is known, else 0; S likewise the stride along a row.
    """
    n1, n2, nv = g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    kv = KV or g[11]
    step, lanes, zero = S or g[STRIDE], length(x), splat(x, 0.0)
    plane_size = g[0] * n1 * n2 * nv
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (m0 + o1), HEADER + 3 * (m0 + m1 + o2)
        divisor = splat(x, by[o0] * by[m0 + o1] * by[m0 + m1 + o2])
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            total = zero
            for i0 in range(g[a0] + g[a0 + 1], g[a0] + g[a0 + 2]):
                for i1 in range(g[a1] + g[a1 + 1], g[a1] + g[a1 + 2]):
                    for i2 in range(g[a2] + g[a2 + 1], g[a2] + g[a2 + 2]):
                        at = plane * plane_size + ((i0 * n1 + i1) * n2 + i2) * nv
                        if inside:
                            for t in range(kv):
                                total = total + strided(x, at, e + t, nv, step, KV and t & 1, True, zero)
                        else:
                            for t in range(kv):
                                total = total + strided(x, at, e + t, nv, step, KV and t & 1, False, zero)
            mask = lanes_between(x, 0, mv)
            across = load_where(by, m0 + m1 + m2 + p, mask, splat(x, 1.0))
            store_where(y, row * mv + p, total / (divisor * across), mask)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)


@inner
def phase(gy, share, g, plane, i0, i1, i2, u, f, inside):
    """The sum of the shares that reach the elements u · stride + f − before of a row, and those of the next u."""
    n0, n1, n2 = g[0], g[1], g[2]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    a0, a1, a2 = HEADER + 3 * i0, HEADER + 3 * (n0 + i1), HEADER + 3 * (n0 + n1 + i2)
    tables = HEADER + 3 * (n0 + n1 + n2)
    below, taps, offset = g[tables + 2], g[tables + 3 + 3 * f], g[tables + 5 + 3 * f]
    every, zero = all_lanes(gy), splat(gy, 0.0)
    total = zero
    for j0 in range(g[a0]):
        for j1 in range(g[a1]):
            for j2 in range(g[a2]):
                p0, p1 = g[a0 + 2] - j0 * g[BACK], g[a1 + 2] - j1 * g[BACK + 1]
                p2 = g[a2 + 2] - j2 * g[BACK + 2]
                row = (((plane * m0 + p0) * m1 + p1) * m2 + p2) * mv
                part = zero
                p = u - offset
                for _ in range(taps):
                    mask = every if inside else lanes_between(gy, -p, mv - p)
                    across = load_where(share, m0 + m1 + m2 + p, mask, zero)
                    part = fma(load_where(gy, row + p, mask, zero), across, part)
                    p -= below
                total = fma(part, splat(gy, share[p0] * share[m0 + p1] * share[m0 + m1 + p2]), total)
    return total


@kernel
def spread_out(lo, hi, thread, gy: Real, gx: Real, share: Real, g: Longs):
    """gx[i] = Σ gy[p] · Π_axis share[p] over the windows p that read i, for the rows lo to hi of gx.

    ``g`` is the table of :func:`~.windows.by_input`, ``share`` one over the divisors at each position of the four axes.
    S is the stride along a row if that is 1 or 2, else 0.
    """
    n0, n1, n2, nv = g[0], g[1], g[2], g[3]
    step, lanes = S or g[STRIDE], length(gy)
    plane, i0, i1, i2 = place(lo, n0, n1, n2)
    for row in range(lo, hi):
        for j in range(-(-g[UNITS] // lanes)):
            u = g[FIRST] + min(j * lanes, max(g[UNITS] - lanes, 0))
            i = u * step - g[BEFORE]
            inside = g[FREE] <= u and u <= g[FREE + 1]
            if S == 1:
                total = phase(gy, share, g, plane, i0, i1, i2, u, 0, inside)
                store_where(gx, row * nv + i, total, lanes_between(gx, -i, nv - i))
            elif S == 2:
                a = phase(gy, share, g, plane, i0, i1, i2, u, 0, inside)
                b = phase(gy, share, g, plane, i0, i1, i2, u, 1, inside)
                store_both(gx, row * nv, i, nv, a, b)
            else:
                for f in range(step):
                    total = phase(gy, share, g, plane, i0, i1, i2, u, f, inside)
                    store_apart(gx, row * nv + i + f, step, total, legal(gx, i + f, nv, step))
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
