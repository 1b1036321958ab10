"""Elements named by their flat positions: ``take`` reads them, ``put`` writes or adds to them, plane by plane."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from ...geometry import Sizes
from .jit import Longs, Real, kernel
from .layout import HALF, dense
from .pad import clear
from .pages import maker
from .team import Job

LAST = 0


def take(x: Tensor, index: Tensor, size: Sizes) -> Tensor:
    """y[n,c,p] = x[n,c,i], i = index[n,c,p]."""
    return _taking(index.shape, x.dtype, prod(size))(_plain(x), _plain(index))


def put(gy: Tensor, index: Tensor, size: Sizes, last: bool = False) -> Tensor:
    """gx[n,c,i] = the sum of the gy[n,c,p] with i = index[n,c,p], or the last of them."""
    if gy.dtype in HALF and not last:
        return put(gy.float(), index, size).to(gy.dtype)
    return _putting(index.shape, gy.dtype, tuple(size), last)(_plain(gy), _plain(index))


def _plain(x: Tensor) -> Tensor:
    return dense(x)[0].contiguous()


@lru_cache(maxsize=1024)
def _taking(shape: Sizes, dtype: torch.dtype, count: int) -> Callable[[Tensor, Tensor], Tensor]:
    planes, places = prod(shape[:2]), prod(shape[2:])
    job = Job(taken.compiled(dtype), planes, 2 * planes * places, 4, places, count)
    return _checked(job, maker(shape, dtype, False), count)


@lru_cache(maxsize=1024)
def _putting(shape: Sizes, dtype: torch.dtype, size: Sizes, last: bool) -> Callable[[Tensor, Tensor], Tensor]:
    planes, places, count = prod(shape[:2]), prod(shape[2:]), prod(size)
    job = Job(given.compiled(dtype, LAST=int(last)), planes, planes * (2 * places + count), 4, places, count)
    return _checked(job, maker((*shape[:2], *size), dtype, False), count)


def _checked(job: Job, new: Callable[[], Tensor], count: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what runs a job of (x, index, y, bad), and raises where an index is not below ``count``."""

    def run(x: Tensor, index: Tensor) -> Tensor:
        y, bad = new(), ctypes.c_int64(0)
        job.run(x.data_ptr(), index.data_ptr(), y.data_ptr(), ctypes.addressof(bad))
        if bad.value:
            low, high = index.aminmax()
            raise IndexError(f"indices must lie in [0, {count}), got {int(low)} to {int(high)}")
        return y

    return run


@kernel
def taken(lo, hi, thread, x: Real, index: Longs, y: Real, bad: Longs, places, count):
    """y[p] = x[index[p]] in the planes lo to hi; bad[0] = 1 if an index is outside."""
    for plane in range(lo, hi):
        for at in range(plane * places, (plane + 1) * places):
            i = index[at]
            if 0 <= i < count:
                y[at] = x[plane * count + i]
            else:
                bad[0] = 1


@kernel
def given(lo, hi, thread, gy: Real, index: Longs, gx: Real, bad: Longs, places, count):
    """gx[index[p]] += gy[p], or with LAST = gy[p], in the planes lo to hi; bad[0] = 1 if an index is outside."""
    for plane in range(lo, hi):
        clear(gx, plane * count, count)
        for at in range(plane * places, (plane + 1) * places):
            i = index[at]
            if 0 <= i < count:
                gx[plane * count + i] = gy[at] if LAST else gx[plane * count + i] + gy[at]
            else:
                bad[0] = 1
