"""Which elements does tap t read? The answer as strided slices, clipped to what lies inside the input."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

WIDER = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64}


def wide(x: Tensor) -> Tensor:
    """Return ``x`` in a dtype that sums may be accumulated in."""
    return x.to(WIDER.get(x.dtype, x.dtype))


def reach(axis: int, tap: int, grid) -> tuple[slice, slice]:
    """(outputs, inputs): the positions of one axis at which a tap reads inside the input, and what it reads there."""
    stride, size = grid.stride[axis], grid.input_size[axis]
    offset = tap * grid.dilation[axis] - grid.before[axis]
    low = max(0, -(offset // stride))
    high = max(low, min(grid.output_size[axis], (size - 1 - offset) // stride + 1))
    start = low * stride + offset
    return slice(low, high), slice(start, start + (high - low - 1) * stride + 1 if high > low else start, stride)


def reaches(grid):
    """(tap, outputs, inputs) for every tap, as index tuples over all spatial axes."""
    for tap in product(*map(range, grid.kernel_size)):
        outputs, inputs = zip(*(reach(axis, t, grid) for axis, t in enumerate(tap)), strict=True)
        yield tap, (..., *outputs), (..., *inputs)


def along(axis: int, rank: int, where: slice) -> tuple:
    """Return the index that takes ``where`` on one spatial axis and everything else."""
    return (..., where, *(slice(None),) * (rank - axis - 1))


def columns(x: Tensor, grid) -> Tensor:
    """(N, C, *kernel, *output): x[n, c, p, t] as a view of the zero-padded input."""
    x = _extended(x, grid)
    lead, strides = x.stride()[:2], x.stride()[2:]
    step = [s * g for s, g in zip(strides, grid.stride, strict=True)]
    tap = [s * d for s, d in zip(strides, grid.dilation, strict=True)]
    return x.as_strided((*x.shape[:2], *grid.kernel_size, *grid.output_size), (*lead, *tap, *step))


def _extended(x: Tensor, grid) -> Tensor:
    """Return the input with as many zeros around it as the windows reach."""
    last = [
        (m - 1) * s + (k - 1) * d - b
        for m, s, k, d, b in zip(
            grid.output_size, grid.stride, grid.kernel_size, grid.dilation, grid.before, strict=True
        )
    ]
    if not any(grid.before) and all(i < n for i, n in zip(last, grid.input_size, strict=True)):
        return x
    size = [b + max(n, i + 1) for b, n, i in zip(grid.before, grid.input_size, last, strict=True)]
    y = x.new_zeros((*x.shape[:2], *size))
    y[(..., *(slice(b, b + n) for b, n in zip(grid.before, grid.input_size, strict=True)))] = x
    return y


def summed(cols: Tensor, grid) -> Tensor:
    """(N, C, *input): every element of ``columns`` added to the input element it was read from."""
    x = cols.new_zeros((*cols.shape[:2], *grid.input_size))
    for tap, outputs, inputs in reaches(grid):
        x[inputs] += cols[(slice(None), slice(None), *tap)][outputs]
    return x
