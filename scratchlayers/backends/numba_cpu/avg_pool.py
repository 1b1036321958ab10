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
from .masks import all_lanes, lanes_between, load_apart, load_where, store_apart, store_where
from .simd import evens, fma, interleaved_high, interleaved_low, load, odds, splat, store
from .target import lanes
from .team import run
from .windows import BACK, BEFORE, FIRST, FREE, HEADER, STRIDE, UNITS, Plan, following, place

KV, S, LANES = 0, 0, 0
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
    constants = {"KV": k if k in UNROLLED else 0, "S": s if s <= 2 else 0, "LANES": lanes(dtype.itemsize)}
    return summed.compiled(dtype, **constants), plan, _along_axes(shape, dtype, divisors, last)


@lru_cache(maxsize=1024)
def _adjoint_plan(
    shape: torch.Size, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> tuple[int, Plan, Any]:
    plan = windows.by_input(shape, dtype.itemsize, grid, last)
    s = plan.axes[3].s
    code = spread_out.compiled(dtype, S=s if s <= 2 else 0, LANES=lanes(dtype.itemsize))
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
    step, before = S or g[STRIDE], g[BEFORE]
    zero, every = splat(x, 0.0), all_lanes(x)
    plane_size = g[0] * n1 * n2 * nv
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (m0 + o1), HEADER + 3 * (m0 + m1 + o2)
        divisor = splat(x, by[o0] * by[m0 + o1] * by[m0 + m1 + o2])
        for start in range(0, mv, LANES):
            p = min(start, max(mv - LANES, 0))
            inside = g[FREE] <= p and p <= g[FREE + 1]
            total = zero
            for i0 in range(g[a0] + g[a0 + 1], g[a0] + g[a0 + 2]):
                for i1 in range(g[a1] + g[a1 + 1], g[a1] + g[a1 + 2]):
                    for i2 in range(g[a2] + g[a2 + 1], g[a2] + g[a2 + 2]):
                        at = plane * plane_size + ((i0 * n1 + i1) * n2 + i2) * nv + p * step - before
                        if inside:
                            for t in range(kv):
                                if S == 2 and t & 1:
                                    v = odds(load(x, at + t - 1), load(x, at + t - 1 + LANES))
                                elif S == 2:
                                    v = evens(load(x, at + t), load(x, at + t + LANES))
                                elif S == 1:
                                    v = load(x, at + t)
                                else:
                                    v = load_apart(x, at + t, step, every, zero)
                                total = total + v
                        else:
                            for t in range(kv):
                                e = p * step - before + t
                                mask = lanes_between(x, -(e // step), -((e - nv) // step))
                                if S == 1:
                                    total = total + load_where(x, at + t, mask, zero)
                                else:
                                    total = total + load_apart(x, at + t, step, mask, zero)
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
    along, below, first, offset = g[tables], g[tables + 1], g[tables + 2 + 2 * f], g[tables + 3 + 2 * f]
    every, zero = all_lanes(gy), splat(gy, 0.0)
    total = zero
    for p0 in range(g[a0 + 2], g[a0 + 2] - g[a0] * g[BACK], -g[BACK]):
        for p1 in range(g[a1 + 2], g[a1 + 2] - g[a1] * g[BACK + 1], -g[BACK + 1]):
            for p2 in range(g[a2 + 2], g[a2 + 2] - g[a2] * g[BACK + 2], -g[BACK + 2]):
                row = (((plane * m0 + p0) * m1 + p1) * m2 + p2) * mv
                part = zero
                p = u - offset
                for _ in range(first, g[11], along):
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
    step = S or g[STRIDE]
    plane, i0, i1, i2 = place(lo, n0, n1, n2)
    for row in range(lo, hi):
        for start in range(0, g[UNITS], LANES):
            u = g[FIRST] + min(start, max(g[UNITS] - LANES, 0))
            i = u * step - g[BEFORE]
            inside = g[FREE] <= u and u <= g[FREE + 1]
            here = row * nv + i
            if S == 1:
                total = phase(gy, share, g, plane, i0, i1, i2, u, 0, inside)
                store_where(gx, here, total, lanes_between(gx, -i, nv - i))
            elif S == 2:
                a = phase(gy, share, g, plane, i0, i1, i2, u, 0, inside)
                b = phase(gy, share, g, plane, i0, i1, i2, u, 1, inside)
                low, high = interleaved_low(a, b), interleaved_high(a, b)
                if i >= 0 and i + 2 * LANES <= nv:
                    store(gx, here, low)
                    store(gx, here + LANES, high)
                else:
                    store_where(gx, here, low, lanes_between(gx, -i, nv - i))
                    store_where(gx, here + LANES, high, lanes_between(gx, -i - LANES, nv - i - LANES))
            else:
                for f in range(step):
                    total = phase(gy, share, g, plane, i0, i1, i2, u, f, inside)
                    mask = lanes_between(gx, -((i + f) // step), -((i + f - nv) // step))
                    store_apart(gx, here + f, step, total, mask)
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
