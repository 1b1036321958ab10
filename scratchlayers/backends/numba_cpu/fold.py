"""Columns back to images: every element collects what was read from it, and is written once.

As in pooling backward (see ``collect``), but that each tap of a window has a gradient of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from ...geometry import Grid, Sizes
from .collect import put_phases
from .jit import Longs, Real, inner, kernel
from .layout import HALF
from .masks import all_lanes, lanes_between, load_where
from .pad import clear
from .pages import maker
from .simd import at, length, prefetch, splat
from .team import Job, filling
from .windows import (
    AHEAD,
    BEFORE,
    DILATION,
    FIRST,
    FREE,
    HEADER,
    STRIDE,
    UNITS,
    K,
    M,
    N,
    by_input,
    following,
    onward,
    place,
    readers,
)

KV, S = 0, 0
NEAR = 2**17  # elements


def fold(gy: Tensor, grid: Grid) -> Tensor:
    """gx = the transpose of ``unfold``: every gy[n, c · T + t, p] is added to x[n,c,p,t]."""
    if gy.dtype in HALF:
        return fold(gy.float(), grid).to(gy.dtype)
    gy = gy.resolve_neg().contiguous()
    return _ready(gy.shape, gy.dtype, grid)(gy)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, grid: Grid) -> Callable[[Tensor], Tensor]:
    windows = (shape[0], shape[1] // prod(grid.kernel_size), *grid.output_size)
    plan = by_input(windows, dtype.itemsize, grid, False)
    constants = plan.constants if plan.constants["S"] else {"KV": 0, "S": 0}
    new, code = maker(plan.shape, dtype), folded.compiled(dtype, **constants)
    job = Job(code, plan.rows, max(prod(shape), prod(plan.shape)), 2, plan.table)
    return filling(job, new)


@inner
def phase(gy, base, apart, ahead, u, mv, table, f, kv, s, inside):
    """What was read from the elements (u, u + 1, ...) · s + f − before by a row of windows; kv is KV.

    ``base`` is where the row of the first tap begins, and the next tap's is ``apart`` elements on; ``ahead`` is how
    far it is to what will be read next.
    """
    taps, first, offset, along, below = (kv - f + s - 1) // s, f, 0, s, 1
    if kv == 0:
        along, below = table[1], table[2]
        taps, first, offset = table[3 + 3 * f], table[4 + 3 * f], table[5 + 3 * f]
    total = splat(gy, 0.0)
    for j in range(taps):
        p = u - offset - j * below
        mask = all_lanes(gy) if inside else lanes_between(gy, -p, mv - p)
        here = base + (first + j * along) * apart + p
        prefetch(gy, here + ahead)
        total = total + load_where(gy, here, mask, splat(gy, 0.0))
    return total


@inner
def tap_by_tap(gy, base, apart, mv, gx, to, nv, g):
    """Add what a row of windows read to its elements, for strides that no vector weaves."""
    for t in range(g[K + 3]):
        start = t * g[DILATION] - g[BEFORE]
        low = max(-(start // g[STRIDE]), 0)
        high = min(-((start - nv) // g[STRIDE]), mv)
        for p in range(low, high):
            gx[to + start + p * g[STRIDE]] += gy[base + t * apart + p]


@kernel
def folded(lo, hi, thread, gy: Real, gx: Real, g: Longs):
    """gx[i] = Σ gy[t, p] over all taps t and windows p that read i: the rows lo to hi.

    ``g`` is the table of :func:`~.windows.by_input`; KV and S are the plan's constants.
    """
    n0, n1, n2, nv, m0, m1, m2, mv = g[N], g[N + 1], g[N + 2], g[N + 3], g[M], g[M + 1], g[M + 2], g[M + 3]
    lanes, zero, units, rows = length(gy), splat(gy, 0.0), g[UNITS], m0 * m1 * m2
    others, table = g[K] * g[K + 1] * g[K + 2] * g[K + 3] - 1, at(g, HEADER + 3 * (n0 + n1 + n2))
    ahead = (others + 1) * rows * mv  # the same place in the next plane, while that fits into a cache
    ahead = ahead if ahead <= NEAR else AHEAD
    plane, i0, i1, i2 = place(lo, n0, n1, n2)
    for row in range(lo, hi):
        origin, number, lines, on = readers(g, plane, i0, i1, i2)
        if S == 0:
            clear(gx, row * nv, nv)
        for j in range(-(-units // lanes) if S else 1):
            u = g[FIRST] + min(j * lanes, max(units - lanes, 0))
            inside = g[FREE] <= u and u <= g[FREE + 1]
            a, b, c, d = zero, zero, zero, zero
            line, code, j1, j2 = origin, number, 0, 0
            for _ in range(lines):
                base = ((plane * others + code) * rows + line) * mv
                if S == 0:
                    tap_by_tap(gy, base, rows * mv, mv, gx, row * nv, nv, g)
                for f in range(S):
                    if inside:
                        v = phase(gy, base, rows * mv, ahead, u, mv, table, f, KV, S, True)
                    else:
                        v = phase(gy, base, rows * mv, ahead, u, mv, table, f, KV, S, False)
                    if f == 0:
                        a = a + v
                    elif f == 1:
                        b = b + v
                    elif f == 2:
                        c = c + v
                    else:
                        d = d + v
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            put_phases(gx, row * nv, u * S - g[BEFORE], nv, S, a, b, c, d, hi * nv)
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
