"""Windows as columns: a copy of the strided view, and its transpose one axis after the other."""

from __future__ import annotations

from math import prod

from torch import Tensor

from .views import reach, wide, windows


def unfold(x: Tensor, grid) -> Tensor:
    """y = the windows of the input, those of one channel as the rows below one another."""
    n, c = x.shape[:2]
    view = windows(x, grid)
    return view.new_empty(view.shape).copy_(view).reshape(n, c * prod(grid.kernel_size), prod(grid.output_size))


def fold(gy: Tensor, grid) -> Tensor:
    """gx = the transpose of ``unfold``: what every element of a column is, added to where it was read."""
    n, c = len(gy), gy.shape[1] // prod(grid.kernel_size)
    gx = wide(gy).reshape(n, c, *grid.kernel_size, *grid.output_size)
    for axis in reversed(range(grid.rank)):
        gx = _added(axis, gx, grid)
    return gx.to(gy.dtype)


def _added(axis: int, x: Tensor, grid) -> Tensor:
    """Replace the taps and the output positions of one axis by its input positions."""
    taps = x.unbind(2 + axis)
    shape = list(taps[0].shape)
    shape[axis - grid.rank] = grid.input_size[axis]
    y = x.new_zeros(shape)
    for tap, values in enumerate(taps):
        outputs, inputs = reach(axis, tap, grid)
        y[inputs] += values[outputs]
    return y
