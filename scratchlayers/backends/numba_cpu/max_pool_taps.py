"""Which input element does a chosen tap name? Its value (``gather``) and its flat position (``tap_index``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid, Sizes
from .jit import Bytes, Longs, Real, inner, kernel
from .layout import alike, dense
from .masks import as_ints
from .pages import maker
from .team import Job, filling
from .windows import BEFORE, DILATION, HEADER, STEPS, STRIDE, K, M, N, by_output, following, place

WIDE = 0


def gather(x: Tensor, tap: Tensor, grid: Grid) -> Tensor:
    """y[n,c,p] = x[n,c,p,tap[n,c,p]], 0 where that lies outside the input."""
    x, tap, last = alike(x, tap)
    return _gathering(x.shape, x.dtype, grid, last)(x, tap)


@lru_cache(maxsize=1024)
def _gathering(shape: Sizes, dtype: torch.dtype, grid: Grid, last: bool) -> Callable[[Tensor, Tensor], Tensor]:
    plan = by_output(shape, dtype.itemsize, grid, last)
    new = maker(plan.shape, dtype, last)
    code = gathered.compiled(dtype, WIDE=int(tap_dtype(grid) is torch.int32))
    job = Job(code, plan.rows, plan.work, 3, plan.table)

    def run(x: Tensor, tap: Tensor) -> Tensor:
        y = new()
        job.run(x.data_ptr(), tap.data_ptr(), y.data_ptr())
        return y

    return run


def tap_index(tap: Tensor, grid: Grid) -> Tensor:
    """index[n,c,p]: the flat position over ``grid.input_size`` of the element that tap[n,c,p] reads."""
    tap, last = dense(tap)
    return _locating(tap.shape, grid, last)(tap)


@lru_cache(maxsize=1024)
def _locating(shape: Sizes, grid: Grid, last: bool) -> Callable[[Tensor], Tensor]:
    plan, new = by_output((*shape[:2], *grid.input_size), 8, grid, last), maker(shape, torch.int64, last)
    code = located.compiled(torch.int64, WIDE=int(tap_dtype(grid) is torch.int32))
    job = Job(code, plan.rows, plan.work, 2, plan.table, _offsets(plan.table, last), int(last))
    return filling(job, new)


def _offsets(g: np.ndarray, last: bool) -> np.ndarray:
    """Return how far from where its window begins each tap is, counted over the input."""
    t0, t1, t2, tv = np.indices(g[K : K + 4]).reshape(4, -1)
    rows = (t0 * g[STEPS] * g[N + 1] + t1 * g[STEPS + 1]) * g[N + 2] + t2 * g[STEPS + 2]
    offsets: np.ndarray = rows if last else rows * g[N + 3] + tv * g[DILATION]
    return offsets


@inner
def read_at(g, o0, o1, o2, p, code):
    """Return where on the four axes the window at (o0, o1, o2, p) reads its tap number ``code``."""
    m0, m1 = g[4], g[5]
    rest, tv = code // g[11], code % g[11]
    rest, t2 = rest // g[10], rest % g[10]
    t0, t1 = rest // g[9], rest % g[9]
    i0 = g[HEADER + 3 * o0] + t0 * g[STEPS]
    i1 = g[HEADER + 3 * (m0 + o1)] + t1 * g[STEPS + 1]
    i2 = g[HEADER + 3 * (m0 + m1 + o2)] + t2 * g[STEPS + 2]
    return i0, i1, i2, p * g[STRIDE] - g[BEFORE] + tv * g[DILATION]


@kernel
def gathered(lo, hi, thread, x: Real, tap: Bytes, y: Real, g: Longs):
    """y[p] = x at the tap that tap[p] names, for the rows lo to hi of y; ``g`` is the table of ``by_output``."""
    n0, n1, n2, nv = g[0], g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        for p in range(mv):
            at = row * mv + p
            i0, i1, i2, i = read_at(g, o0, o1, o2, p, as_ints(tap)[at] if WIDE else tap[at])
            if 0 <= i0 < n0 and 0 <= i1 < n1 and 0 <= i2 < n2 and 0 <= i < nv:
                y[at] = x[(((plane * n0 + i0) * n1 + i1) * n2 + i2) * nv + i]
            else:
                y[at] = 0
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)


@kernel
def located(lo, hi, thread, tap: Bytes, index: Longs, g: Longs, offsets: Longs, channels_last):
    """index[p] = the flat position in its plane of the tap that tap[p] names, for the rows lo to hi of index."""
    m0, m1, m2, mv = g[M], g[M + 1], g[M + 2], g[M + 3]
    _, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        i0, i1, i2, i = read_at(g, o0, o1, o2, 0, 0)
        first, step = (i0 * g[N + 1] + i1) * g[N + 2] + i2, 0
        if not channels_last:
            first, step = first * g[N + 3] + i, g[STRIDE]
        for p in range(mv):
            at = row * mv + p
            index[at] = first + p * step + offsets[as_ints(tap)[at] if WIDE else tap[at]]
        _, o0, o1, o2 = following(0, o0, o1, o2, m0, m1, m2)
