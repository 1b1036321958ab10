"""Who writes or reads where it must not? Tensors with a page beside them that nobody may touch, and canaries."""

from __future__ import annotations

import ctypes
import mmap

import torch

PAGE = mmap.PAGESIZE
_protect = ctypes.CDLL(None, use_errno=True).mprotect
_protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def at_the_end(x: torch.Tensor) -> torch.Tensor:
    """Return a copy of a dense tensor, in its layout, whose last byte is the last before a forbidden page."""
    return _guarded(x, end=True)


def at_the_start(x: torch.Tensor) -> torch.Tensor:
    """Return a copy of a dense tensor, in its layout, whose first byte is the first after a forbidden page."""
    return _guarded(x, end=False)


def _guarded(x: torch.Tensor, end: bool) -> torch.Tensor:
    pages = -(-max(x.nbytes, 1) // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)  # as long as the tensor lives
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (0, pages + 1):
        if _protect(address + page * PAGE, PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    start = (pages + 1) * PAGE - x.nbytes if end else PAGE
    if not x.numel():
        return x.clone()
    flat = torch.frombuffer(memory, dtype=x.dtype, count=x.numel(), offset=start)
    return flat.as_strided(x.shape, x.stride()).copy_(x)
