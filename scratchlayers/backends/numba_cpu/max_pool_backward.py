"""Max pooling backward: each input element adds up the gradients of the windows that chose it.

Every element looks at the few windows that read it, so that each is written once, by one thread, in one order.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid
from . import windows
from .dense import HALF, alike
from .jit import Bytes, Longs, Real, inner, kernel
from .masks import all_lanes, as_ints, counts, lanes_between, load_where, load_wide, store_apart, store_where
from .simd import length, select, splat
from .strided import legal, store_both
from .team import run
from .windows import BACK, BEFORE, FIRST, FREE, HEADER, STEPS, STRIDE, UNITS, Plan, following, place

S, WIDE = 0, 0


def scatter(gy: Tensor, tap: Tensor, grid: Grid) -> Tensor:
    """gx = the transpose of ``gather``: every gy[n,c,p] is added to the element that its tap chose."""
    if gy.dtype in HALF:
        return scatter(gy.float(), tap, grid).to(gy.dtype)
    gy, tap, last = alike(gy, tap)
    code, plan = _plan(gy.shape, gy.dtype, grid, last)
    gx = torch.empty_strided(plan.shape, plan.strides, dtype=gy.dtype)
    if plan.rows:
        run(code, plan.rows, plan.work, gy.data_ptr(), tap.data_ptr(), gx.data_ptr(), plan.address)
    return gx


@lru_cache(maxsize=1024)
def _plan(shape: torch.Size, dtype: torch.dtype, grid: Grid, last: bool) -> tuple[int, Plan]:
    plan = windows.by_input(shape, dtype.itemsize, grid, last)
    constants = {"S": plan.axes[3].s if plan.axes[3].s <= 2 else 0, "WIDE": int(tap_dtype(grid) is torch.int32)}
    return collected.compiled(dtype, **constants), plan


@inner
def chosen(gy, tap, wide, row, p, mask, code):
    """gy[row + p], ... in the lanes of a mask where the tap is the one asked for, else 0."""
    none = splat(gy, 0.0)
    like = counts(gy, 0)
    seen = load_wide(as_ints(tap), row + p, mask, like) if wide else load_wide(tap, row + p, mask, like)
    return select((seen == counts(gy, code)) & mask, load_where(gy, row + p, mask, none), none)


@inner
def phase(gy, tap, wide, g, plane, i0, i1, i2, u, f, inside):
    """The sum of the gradients that reach the elements u · stride + f − before of a row, and those of the next u."""
    n0, n1, n2 = g[0], g[1], g[2]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    k1, k2, kv = g[9], g[10], g[11]
    a0, a1, a2 = HEADER + 3 * i0, HEADER + 3 * (n0 + i1), HEADER + 3 * (n0 + n1 + i2)
    tables = HEADER + 3 * (n0 + n1 + n2)
    along, below = g[tables + 1], g[tables + 2]
    taps, first, offset = g[tables + 3 + 3 * f], g[tables + 4 + 3 * f], g[tables + 5 + 3 * f]
    every, total = all_lanes(gy), splat(gy, 0.0)
    for j0 in range(g[a0]):
        for j1 in range(g[a1]):
            for j2 in range(g[a2]):
                t0, p0 = g[a0 + 1] + j0 * g[STEPS], g[a0 + 2] - j0 * g[BACK]
                t1, p1 = g[a1 + 1] + j1 * g[STEPS + 1], g[a1 + 2] - j1 * g[BACK + 1]
                t2, p2 = g[a2 + 1] + j2 * g[STEPS + 2], g[a2 + 2] - j2 * g[BACK + 2]
                row = (((plane * m0 + p0) * m1 + p1) * m2 + p2) * mv
                code, p = ((t0 * k1 + t1) * k2 + t2) * kv + first, u - offset
                for _ in range(taps):
                    mask = every if inside else lanes_between(gy, -p, mv - p)
                    total = total + chosen(gy, tap, wide, row, p, mask, code)
                    code, p = code + along, p - below
    return total


@kernel
def collected(lo, hi, thread, gy: Real, tap: Bytes, gx: Real, g: Longs):
    """gx[i] = Σ gy[p] over the windows p that read i and whose tap chose it, for the rows lo to hi of gx.

    ``g`` is the table of :func:`~.windows.by_input`. S is the stride along a row if that is 1 or 2, else 0; WIDE says
    whether a tap takes 32 bits.
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
                total = phase(gy, tap, WIDE, g, plane, i0, i1, i2, u, 0, inside)
                store_where(gx, row * nv + i, total, lanes_between(gx, -i, nv - i))
            elif S == 2:
                a = phase(gy, tap, WIDE, g, plane, i0, i1, i2, u, 0, inside)
                b = phase(gy, tap, WIDE, g, plane, i0, i1, i2, u, 1, inside)
                store_both(gx, row * nv, i, nv, a, b)
            else:
                for f in range(step):
                    total = phase(gy, tap, WIDE, g, plane, i0, i1, i2, u, f, inside)
                    store_apart(gx, row * nv + i + f, step, total, legal(gx, i + f, nv, step))
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
