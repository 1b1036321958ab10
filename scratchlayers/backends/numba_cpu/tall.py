"""Average pooling over windows of many rows: the rows are added up first, all along, and then each window's part.

Of channels_last images that is all: along the rows are channels, and every one of them is a window's part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .jit import Longs, Real, inner, kernel
from .pages import maker
from .simd import at, length, load, load_first, prefetch, splat, store, store_first, total
from .spans import span_sum
from .target import lanes
from .team import Job
from .windows import AHEAD, BEFORE, DILATION, STRIDE, K, M, N, Plan, following, onward, place, reach
from .workspace import rounded, scratch

LONGEST = 2**13  # elements of a row that are kept in the caches
MANY = 16  # rows, fewer of which are added up faster by ``summed``, a vector of the result after the other


def suits(plan: Plan, itemsize: int) -> bool:
    """Whether windows are far apart, and adding up whole rows takes fewer vectors than every window's part of each."""
    nv, mv, kv = (int(plan.table[i + 3]) for i in (N, M, K))
    tall = int(np.prod(plan.table[K : K + 3])) > 1
    apart = not plan.constants["S"] and plan.table[DILATION] == 1
    return apart and tall and nv <= LONGEST and nv <= mv * -(-kv // lanes(itemsize)) * lanes(itemsize)


def is_sum_of_rows(plan: Plan) -> bool:
    """Whether a row of the result is a sum of rows, of MANY, divided."""
    along = [int(plan.table[i + 3]) for i in (N, M, K)]
    many = np.prod(plan.table[K : K + 3]) >= MANY
    still = plan.table[STRIDE] == 1 and not plan.table[BEFORE]
    return many and still and along[0] == along[1] and along[2] == 1


def averaging(plan: Plan, by: np.ndarray, dtype: torch.dtype, last: bool) -> Callable[[Tensor], Tensor]:
    """Return what averages the windows of a plan, which are long and tall."""
    share = rounded(int(plan.table[N + 3]) * dtype.itemsize)
    job = Job(tall_sums.compiled(dtype), plan.rows, plan.work, 3, by, plan.table, share // dtype.itemsize)
    new = maker(plan.shape, dtype, last)

    def run(x: Tensor) -> Tensor:
        y, memory = new(), scratch(job.threads() * share)
        job.run(x.data_ptr(), y.data_ptr(), memory.data_ptr())
        return y

    return run


@inner
def add_rows(x, nv, origin, lines, on, sums):
    """sums[i] = Σ x[row, i] over the rows of a walk: four vectors at a time, then one, then what is left."""
    width = length(x)
    for i in range(0, nv // (4 * width) * (4 * width), 4 * width):
        a, b, c, d = splat(x, 0.0), splat(x, 0.0), splat(x, 0.0), splat(x, 0.0)
        line, code, j1, j2 = origin, 0, 0, 0
        for _ in range(lines):
            here = line * nv + i
            for k in range(4):
                prefetch(x, here + k * width + AHEAD)
            a, b = a + load(x, here), b + load(x, here + width)
            c, d = c + load(x, here + 2 * width), d + load(x, here + 3 * width)
            line, code, j1, j2 = onward(line, code, j1, j2, on)
        store(sums, i, a)
        store(sums, i + width, b)
        store(sums, i + 2 * width, c)
        store(sums, i + 3 * width, d)
    for i in range(nv // (4 * width) * (4 * width), nv, width):
        a = splat(x, 0.0)
        line, code, j1, j2 = origin, 0, 0, 0
        for _ in range(lines):
            prefetch(x, line * nv + i + AHEAD)
            a = a + load_first(x, line * nv + i, nv - i)
            line, code, j1, j2 = onward(line, code, j1, j2, on)
        store_first(sums, i, a, nv - i)


@kernel
def tall_sums(lo, hi, thread, x: Real, y: Real, memory: Real, by: Real, g: Longs, share):
    """y[p] = Σ_t x[p · stride + t − before] / by[p], for the rows lo to hi of y: see ``summed``.

    A thread's memory is as long as a row of x.
    """
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    rows, sums = m0 * m1 * m2, at(memory, thread * share)
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, _, lines, on = reach(g, plane, o0, o1, o2)
        add_rows(x, nv, origin, lines, on, sums)
        divisor = by[row - plane * rows]
        for p in range(mv):
            start = p * g[STRIDE] - g[BEFORE]
            first = max(start, 0)
            count = max(min(start + g[K + 3], nv) - first, 0)
            y[row * mv + p] = total(span_sum(sums, first, count)) / (divisor * by[rows + p])
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)


@kernel
def row_sums(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """As ``tall_sums``, where a row of y is a sum of rows of x."""
    m0, m1, m2, n = g[M], g[M + 1], g[M + 2], g[N + 3]
    rows, lanes = m0 * m1 * m2, length(x)
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, _, lines, on = reach(g, plane, o0, o1, o2)
        sums, divisor = at(y, row * n), splat(x, by[row - plane * rows])
        add_rows(x, n, origin, lines, on, sums)
        for i in range(0, n, lanes):
            value = load_first(sums, i, n - i) / (divisor * load_first(by, rows + i, n - i))
            store_first(sums, i, value, n - i)
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
