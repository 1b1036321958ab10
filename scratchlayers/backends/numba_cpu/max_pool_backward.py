"""Max pooling backward: each gradient goes to the element that its window chose. Three ways, by the windows' overlap.

Windows that are blocks of the input: each fills its block. A few taps: every element collects what the windows that
read it give. Many taps: every window gives to its element, one after the other, a task being a plane of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import numpy as np
import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid, Sizes
from .collect import collected, put_phases
from .jit import Bytes, Longs, Real, inner, kernel
from .layout import HALF, alike
from .masks import all_lanes, counts, lanes_between, load_where, load_wide
from .pad import clear
from .pages import maker
from .simd import at, length, select, splat
from .team import Job
from .windows import (
    BEFORE,
    DILATION,
    END,
    HEADER,
    LONGEST,
    STEPS,
    STRIDE,
    K,
    M,
    N,
    by_input,
    by_output,
    following,
)

MANY = 9  # taps beyond which collecting costs more than giving one by one
PLANES = 16  # enough to share between threads
HIGH, S = 0, 0


def scatter(gy: Tensor, tap: Tensor, grid: Grid) -> Tensor:
    """gx = the transpose of ``gather``: every gy[n,c,p] is added to the element that its tap chose."""
    if gy.dtype in HALF:
        return scatter(gy.float(), tap, grid).to(gy.dtype)
    gy, tap, last = alike(gy, tap)
    return _ready(gy.shape, gy.dtype, grid, last)(gy, tap)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, grid: Grid, last: bool) -> Callable[[Tensor, Tensor], Tensor]:
    job, new = _job(shape, dtype, grid, last), maker((*shape[:2], *grid.input_size), dtype, last)

    def run(gy: Tensor, tap: Tensor) -> Tensor:
        gx = new()
        job.run(gy.data_ptr(), gx.data_ptr(), tap.data_ptr())
        return gx

    return run


def _job(shape: Sizes, dtype: torch.dtype, grid: Grid, last: bool) -> Job:
    plan, taps = by_input(shape, dtype.itemsize, grid, last), tap_dtype(grid)
    planes = shape[0] if last else shape[0] * shape[1]
    if plan.high:
        code = given_to_blocks.compiled(dtype, HIGH=plan.high, S=plan.constants["S"])
        return Job(code, plan.rows // plan.high, plan.work, 3, plan.table)
    if plan.rows and prod(grid.kernel_size) > MANY and planes >= PLANES and taps is torch.uint8:
        there = by_output((*shape[:2], *grid.input_size), dtype.itemsize, grid, last).table
        table = np.concatenate([there, _places(there)])
        return Job(given_one_by_one.compiled(dtype), planes, plan.work, 3, table)
    code = collected.compiled(dtype, **plan.constants, CHOSEN=1, WIDE=int(taps is torch.int32))
    return Job(code, plan.rows, plan.work, 3, 0, plan.table)


def _places(there: np.ndarray) -> np.ndarray:
    """Return how far from its window's start each tap of 8 bits reads: on four axes and in all; no tap, far outside."""
    _, n1, n2, nv = there[N : N + 4]
    taps = np.arange(256)
    digits = np.stack(np.unravel_index(taps % prod(there[K : K + 4]), there[K : K + 4]), axis=1)
    steps = digits * [*there[STEPS : STEPS + 3], there[DILATION]]
    steps[prod(there[K : K + 4]) :, 3] = -LONGEST
    flat = ((steps[:, 0] * n1 + steps[:, 1]) * n2 + steps[:, 2]) * nv + steps[:, 3]
    return np.stack([*steps.T, flat]).astype(np.int64).ravel()


@kernel
def given_to_blocks(lo, hi, thread, gy: Real, gx: Real, tap: Bytes, g: Longs):
    """gx[i] = gy[p] where p chose i, else 0: for the rows lo to hi of gy.

    Row r's windows cut the HIGH rows of gx from r · HIGH on into blocks S wide. ``g`` is the table of
    :func:`~.windows.by_input`.
    """
    mv, nv, lanes, zero = g[M + 3], g[M + 3] * S, length(gy), splat(gy, 0.0)
    total, end = g[END], hi * HIGH * nv
    for row in range(lo, hi):
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            base = row * mv + p
            mask = all_lanes(gy) if mv >= lanes or base + lanes <= total else lanes_between(gy, 0, mv)
            value, chosen = load_where(gy, base, mask, zero), load_wide(tap, base, mask, counts(gy, 0))
            for t in range(HIGH):
                a, b = picked(gy, value, chosen, t * S), picked(gy, value, chosen, t * S + 1)
                c, d = picked(gy, value, chosen, t * S + 2), picked(gy, value, chosen, t * S + 3)
                put_phases(gx, (row * HIGH + t) * nv, p * S, nv, S, a, b, c, d, end)


@inner
def picked(gy, value, chosen, tap):
    """The values whose window chose this tap, else 0."""
    return select(chosen == counts(gy, tap), value, splat(gy, 0.0))


@kernel
def given_one_by_one(lo, hi, thread, gy: Real, gx: Real, tap: Bytes, g: Longs):
    """gx[i] = Σ gy[p] over the windows p that chose i, in their order: the planes lo to hi.

    ``g`` is the table of :func:`~.windows.by_output`, and behind it that of ``_places``.
    """
    n0, n1, n2, nv, m0, m1, m2, mv = g[N], g[N + 1], g[N + 2], g[N + 3], g[M], g[M + 1], g[M + 2], g[M + 3]
    k0, k1, k2, step, before = g[K], g[K + 1], g[K + 2], g[STRIDE], g[BEFORE]
    places, size = at(g, HEADER + 3 * (m0 + m1 + m2)), n0 * n1 * n2 * nv
    along, flat = at(places, 768), at(places, 1024)
    plane, o0, o1, o2 = lo, 0, 0, 0
    for row in range(lo * m0 * m1 * m2, hi * m0 * m1 * m2):
        if o0 + o1 + o2 == 0:
            clear(gx, plane * size, size)
        a0, a1, a2 = at(g, HEADER + 3 * o0), at(g, HEADER + 3 * (m0 + o1)), at(g, HEADER + 3 * (m0 + m1 + o2))
        i0, i1, i2 = a0[0], a1[0], a2[0]
        start = plane * size + ((i0 * n1 + i1) * n2 + i2) * nv
        whole = a0[1] + a1[1] + a2[1] == 0 and a0[2] == k0 and a1[2] == k1 and a2[2] == k2
        e = -before
        if whole:
            for r in range(row * mv, row * mv + mv):
                t = tap[r]
                if 0 <= e + along[t] < nv:
                    gx[start + e + flat[t]] += gy[r]
                e += step
        else:
            for r in range(row * mv, row * mv + mv):
                t = tap[r]
                j0, j1, j2, i = i0 + places[t], i1 + places[256 + t], i2 + places[512 + t], e + along[t]
                if (0 <= j0 < n0) & (0 <= j1 < n1) & (0 <= j2 < n2) & (0 <= i < nv):
                    gx[start + e + flat[t]] += gy[r]
                e += step
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
