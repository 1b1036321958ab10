"""How is memory got for a large result? In large pages, where the system has them for those who ask.

A fresh array is mapped page by page as it is first written, and a page of 4 KiB costs more time than filling it does:
over 50 MiB that is 20 ms and more beside 2 ms. Linux maps 2 MiB at once in memory that was marked with ``madvise``
(its default asks for that mark; torch sets it only under ``THP_MEM_ALLOC_ENABLE=1``). Elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

LARGE = 8 * 2**20  # bytes; smaller results come from memory that the process has mapped already
PAGE = 2 * 2**20
_HUGE_PAGES = 14  # MADV_HUGEPAGE of Linux's <sys/mman.h>


def empty(
    shape: Sequence[int], dtype: torch.dtype, memory_format: torch.memory_format = torch.contiguous_format
) -> Tensor:
    """Return ``torch.empty(shape, dtype=dtype)``, in large pages if it is large."""
    result = torch.empty(shape, dtype=dtype, memory_format=memory_format)
    if result.nbytes >= LARGE:
        first = -(-result.data_ptr() // PAGE) * PAGE
        last = (result.data_ptr() + result.nbytes) // PAGE * PAGE
        _advise()(first, last - first, _HUGE_PAGES)
    return result


@cache
def _advise() -> Callable[[int, int, int], int]:
    """Return the system's madvise, or what does nothing."""
    try:
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, TypeError):
        return lambda address, length, advice: 0
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return advise
