"""Tensors beside which reading or writing ends the process: how a test sees that a kernel keeps within its operands."""

import ctypes
import mmap

import torch

NOBODY = 0  # PROT_NONE of mprotect


class Fenced:
    """Memory between two pages that nobody may touch."""

    def __init__(self, nbytes):
        pages = -(-nbytes // mmap.PAGESIZE) + 2
        self.map = mmap.mmap(-1, pages * mmap.PAGESIZE)
        self.bytes = torch.frombuffer(self.map, dtype=torch.uint8)
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for page in (0, pages - 1):
            start = self.bytes.data_ptr() + page * mmap.PAGESIZE
            assert protect(ctypes.c_void_p(start), ctypes.c_size_t(mmap.PAGESIZE), NOBODY) == 0

    def tensor(self, x, at_end):
        """Return a copy of x that begins, or ends, at a fence."""
        start = len(self.map) - mmap.PAGESIZE - x.nbytes if at_end else mmap.PAGESIZE
        copy = self.bytes[start : start + x.nbytes].view(x.dtype).as_strided(x.shape, x.stride())
        return copy.copy_(x)
