"""How does a tensor lie in memory? Kernels read two ways: contiguous, and dense with the channels last."""

from __future__ import annotations

import torch
from torch import Tensor

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
HALF = frozenset({torch.bfloat16, torch.float16})


def dense(x: Tensor) -> tuple[Tensor, bool]:
    """Return the same numbers in one of the two ways, and whether that is channels last.

    A tensor of one pixel may be read in both: its strides tell which is meant.
    """
    if x.is_neg() or x.is_conj():
        x = x.resolve_neg().resolve_conj()
    contiguous = x.is_contiguous()
    if contiguous and x.stride()[-1] == 1:
        return x, False
    form = CHANNELS_LAST.get(x.dim())
    if form is not None and x.is_contiguous(memory_format=form):
        return x, True
    return x if contiguous else x.contiguous(), False


def alike(x: Tensor, tap: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Return two tensors of one shape in the way of the first, and whether that is channels last."""
    x, last = dense(x)
    return x, tap.contiguous(memory_format=CHANNELS_LAST[x.dim()] if last else torch.contiguous_format), last


def strides(shape: tuple[int, ...], last: bool) -> tuple[int, ...]:
    """Return the strides of a dense tensor."""
    order = [1, *range(len(shape) - 1, 1, -1), 0] if last else range(len(shape) - 1, -1, -1)
    steps, step = [0] * len(shape), 1
    for axis in order:
        steps[axis] = step
        step *= max(shape[axis], 1)
    return tuple(steps)
