"""Windows as columns: each tap of each channel is a row of the result, made of strided rows of the input."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from ...geometry import Grid, Sizes
from .jit import Real, inner, kernel
from .pad import clear
from .pages import maker
from .simd import length, splat, store, store_first
from .strided import strided
from .team import Job, filling

S = 0
# Data is moved, whatever it means: as elements of so many bytes
_MOVED = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def unfold(x: Tensor, grid: Grid) -> Tensor:
    """y[n, c · T + t, p] = x[n,c,p,t], p counted in row-major order."""
    x = x.resolve_neg().contiguous()
    return _ready(x.shape, x.dtype, grid)(x)


@lru_cache(maxsize=1024)
def _ready(shape: Sizes, dtype: torch.dtype, grid: Grid) -> Callable[[Tensor], Tensor]:
    size = (shape[0], shape[1] * prod(grid.kernel_size), prod(grid.output_size))
    step = grid.stride[-1]
    code = unfolded.compiled(_MOVED[dtype.itemsize], S=step if step <= 4 else 0)
    rows = size[0] * size[1] if prod(size) else 0
    new, job = maker(size, dtype), Job(code, rows, prod(size), 2, *_over_three_axes(grid))
    return filling(job, new)


def _over_three_axes(grid: Grid) -> tuple[int, ...]:
    """Return the six fields of a grid."""
    missing = 3 - grid.rank
    fields = zip((1, 1, 1, 1, 1, 0), grid[:-1], strict=True)
    return tuple(number for usual, field in fields for number in ((usual,) * missing + field))


@inner
def copy_strided(x, row, n, first, step, y, to, count):
    """y[to + p] = x[row + first + p · step], 0 where that is outside the row of n, ``count`` of them."""
    lanes, zero = length(x), splat(x, 0)
    span = lanes * step  # all that whole vectors read of the row
    for j in range(-(-count // lanes)):
        p = min(j * lanes, max(count - lanes, 0))
        e = first + p * step
        if e >= 0 and e + span <= n:
            v = strided(x, row, e, n, step, 0, True, zero)
        else:
            v = strided(x, row, e, n, step, 0, False, zero)
        if count >= lanes:
            store(y, to + p, v)
        else:
            store_first(y, to, v, count)


@kernel
def unfolded(lo, hi, thread, x: Real, y: Real, n0, n1, n2, m0, m1, m2, k0, k1, k2, s0, s1, s2, d0, d1, d2, b0, b1, b2):
    """Make the rows lo to hi of y, each of which is one tap of one channel. S is the stride along a row, if small."""
    step = S or s2
    for task in range(lo, hi):
        plane, t0, t1, t2 = task // (k0 * k1 * k2), task // (k1 * k2) % k0, task // k2 % k1, task % k2
        for o in range(m0 * m1):
            i0, i1 = o // m1 * s0 + t0 * d0 - b0, o % m1 * s1 + t1 * d1 - b1
            to = (task * m0 * m1 + o) * m2
            if i0 < 0 or i0 >= n0 or i1 < 0 or i1 >= n1:
                clear(y, to, m2)
            else:
                copy_strided(x, ((plane * n0 + i0) * n1 + i1) * n2, n2, t2 * d2 - b2, step, y, to, m2)
