"""Average pooling: the sum of each window, divided; many windows at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce

import numpy as np
import torch
from torch import Tensor

from ...geometry import Grid, Sizes
from .collect import collected
from .jit import Longs, Real, kernel
from .layout import HALF, dense
from .pages import maker
from .simd import length, load, load_first, prefetch, splat, store, store_first
from .spans import row_means, row_shares, span_sums
from .strided import strided
from .tall import averaging, is_sum_of_rows, row_sums, suits
from .team import Job, filling
from .windows import (
    AHEAD,
    BEFORE,
    DILATION,
    END,
    FREE,
    SPILL,
    STRIDE,
    K,
    M,
    N,
    by_input,
    by_output,
    following,
    joined,
    onward,
    place,
    reach,
)

KV, S = 0, 0


def avg_pool(x: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """y = the sum of each window, divided."""
    if x.dtype in HALF:
        return avg_pool(x.float(), divisors, grid).to(x.dtype)
    x, last = dense(x)
    return _ready(x.shape, x.dtype, grid, divisors, last)(x)


def avg_pool_adjoint(gy: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
    """gx = the transpose of ``avg_pool``: every element gets its share of each window that it is in."""
    if gy.dtype in HALF:
        return avg_pool_adjoint(gy.float(), divisors, grid).to(gy.dtype)
    gy, last = dense(gy)
    return _adjoint_ready(gy.shape, gy.dtype, grid, divisors, last)(gy)


@lru_cache(maxsize=1024)
def _ready(
    shape: Sizes, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> Callable[[Tensor], Tensor]:
    plan, by = by_output(shape, dtype.itemsize, grid, last), _divisors(shape, dtype, grid, divisors, last)
    if plan.whole:
        code = row_means.compiled(dtype)
    elif is_sum_of_rows(plan):
        code = row_sums.compiled(dtype)
    elif suits(plan, dtype.itemsize):
        return averaging(plan, by, dtype, last)
    else:
        code = span_sums.compiled(dtype) if plan.spans else summed.compiled(dtype, **plan.constants)
    new, job = maker(plan.shape, dtype, last), Job(code, plan.rows, plan.work, 2, by, plan.table)
    return filling(job, new)


@lru_cache(maxsize=1024)
def _adjoint_ready(
    shape: Sizes, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool
) -> Callable[[Tensor], Tensor]:
    plan, shares = by_input(shape, dtype.itemsize, grid, last), 1 / _divisors(shape, dtype, grid, divisors, last)
    new = maker(plan.shape, dtype, last)
    if plan.whole:
        job = Job(row_shares.compiled(dtype), plan.rows, plan.work, 2, shares, plan.table)
    else:
        code = collected.compiled(dtype, **plan.constants, CHOSEN=0)
        job = Job(code, plan.rows, plan.work, 2, 0, shares, plan.table)
    return filling(job, new)


def _divisors(shape: Sizes, dtype: torch.dtype, grid: Grid, divisors: tuple[Sizes, ...], last: bool) -> np.ndarray:
    """Return the divisor of each row of a plane, and then of each position along a row."""
    tables = [np.array(counts, str(dtype).removeprefix("torch.")) for counts in divisors]
    for _ in range(joined(grid, last)):
        tables[-2:] = [tables[-2] * tables[-1]]
    along = np.ones(shape[1], tables[0].dtype) if last else tables.pop()
    rows = reduce(np.multiply.outer, tables, np.ones((), along.dtype))
    return np.concatenate([rows.ravel(), along])


@kernel
def summed(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """y[p] = Σ_t x[p · stride + t − before] / by[p], for the rows lo to hi of y.

    ``g`` is the table of :func:`~.windows.by_output`, ``by`` the divisors of the rows of a plane and then those of the
    positions in a row. KV and S are the plan's constants.
    """
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    kv, step, apart = KV or g[K + 3], S or g[STRIDE], 1 if KV else g[DILATION]
    lanes, zero = length(x), splat(x, 0.0)
    rows = m0 * m1 * m2
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, first, lines, on = reach(g, plane, o0, o1, o2)
        divisor = splat(x, by[row - plane * rows])
        for j in range(-(-mv // lanes)):
            p = min(j * lanes, max(mv - lanes, 0))
            e, inside = p * step - g[BEFORE], g[FREE] <= p and p <= g[FREE + 1]
            total = zero
            line, code, j1, j2 = origin, first, 0, 0
            for _ in range(lines):
                at = line * nv
                if inside or 0 < g[SPILL] <= g[END] - at:
                    for ahead in range(max(S, 1)):
                        prefetch(x, at + e + AHEAD + ahead * lanes)
                    for t in range(kv):
                        total = total + strided(x, at, e + t * apart, nv, step, t % S if KV and S else 0, True, zero)
                else:
                    for t in range(kv):
                        total = total + strided(x, at, e + t * apart, nv, step, t % S if KV and S else 0, False, zero)
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            if mv >= lanes:
                store(y, row * mv + p, total / (divisor * load(by, rows + p)))
            else:
                across = load_first(by, rows, mv)
                store_first(y, row * mv, total / (divisor * across), mv)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
