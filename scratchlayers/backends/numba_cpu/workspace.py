"""Where does a kernel put what it needs only while it runs? In one buffer per Python thread, used again and again."""

from __future__ import annotations

import threading

import torch

from .pages import paged

KEPT = 64 * 2**20  # bytes a thread keeps between calls; more is given back at once
LINE = 64  # bytes of a cache line: every part begins on one
_local = threading.local()


def scratch(nbytes: int) -> torch.Tensor:
    """Return at least ``nbytes`` of uninitialised memory, this thread's until it asks again.

    The caller keeps the tensor until the kernel that uses its address has returned.
    """
    buffer = getattr(_local, "buffer", None)
    if buffer is not None and buffer.numel() >= nbytes:
        return buffer
    kept = nbytes <= KEPT
    if kept:
        buffer = _local.buffer = None  # given back first, so that the two are never there at once
    buffer = paged(torch.empty(nbytes, dtype=torch.uint8))
    if kept:
        _local.buffer = buffer
    return buffer


def rounded(nbytes: int) -> int:
    """Return ``nbytes`` rounded up to whole cache lines, and to an odd number of them: no two rows share their sets."""
    lines = -(-nbytes // LINE)
    return (lines | 1) * LINE
