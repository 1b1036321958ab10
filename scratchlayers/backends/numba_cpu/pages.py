"""How is memory got for a large result? In large pages, where the system has them for those who ask.

A fresh array is mapped page by page as it is first written, and a page of 4 KiB costs more time than filling it does:
over 50 MiB that is 20 ms and more beside 2 ms. Linux maps 2 MiB at once in memory that was marked with ``madvise``
(its default asks for that mark; torch sets it only under ``THP_MEM_ALLOC_ENABLE=1``). Elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, partial
from math import prod

import torch
from torch import Tensor

from ...geometry import Sizes
from .layout import strides

LARGE = 2**20  # bytes; of less, the mark costs what it saves
PAGE = 2 * 2**20
_HUGE_PAGES = 14  # MADV_HUGEPAGE of Linux's <sys/mman.h>


def maker(shape: Sizes, dtype: torch.dtype, last: bool = False) -> Callable[[], Tensor]:
    """Return what makes uninitialised tensors, contiguous or channels ``last``, in large pages if they are large."""
    make: Callable[[], Tensor] = partial(torch.empty, *shape, dtype=dtype)
    if last:
        make = partial(torch.empty_strided, shape, strides(shape, True), dtype=dtype)
    return make if prod(shape) * dtype.itemsize < LARGE else lambda: paged(make())


def paged(fresh: Tensor) -> Tensor:
    """Ask for large pages behind a dense tensor that nothing has written to yet, if it is large; and return it."""
    if fresh.nbytes >= LARGE:
        first = -(-fresh.data_ptr() // PAGE) * PAGE
        last = (fresh.data_ptr() + fresh.nbytes) // PAGE * PAGE
        _advise()(first, last - first, _HUGE_PAGES)
    return fresh


@cache
def _advise() -> Callable[[int, int, int], int]:
    """Return the system's madvise, or what does nothing."""
    try:
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, TypeError):
        return lambda address, length, advice: 0
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return advise
