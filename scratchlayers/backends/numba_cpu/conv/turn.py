"""From pixels to planes and back: what no kernel computes of channels_last tensors as they lie is turned for it.

An image is a matrix, of pixels by channels or of channels by pixels; it is turned by squares of a vector's lanes. The
last square of a row or a column goes back to where it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor

from ....geometry import Sizes
from ..choose import Problem, Ready
from ..jit import Real, kernel
from ..layout import strides
from ..pages import maker
from ..simd import at, length
from ..target import lanes
from ..team import Job, filling
from .transpose import transpose_first

BAND = 64  # rows that a task turns: enough of a line of what it writes


def between_planes(run: Ready, problem: Problem, back: bool) -> Ready:
    """Return what computes a convolution, or ``back`` its input gradient, by what takes and returns planes."""
    if not problem.last:
        return run
    source, target = (problem.y_size, problem.x_size) if back else (problem.x_size, problem.y_size)
    before, after = planes(source, problem.dtype), pixels(target, problem.dtype)
    return lambda x, w, b: after(run(before(x), w, b))


def between_pixels(run: Ready, problem: Problem, back: bool) -> Ready:
    """Return what computes a convolution, or ``back`` its input gradient, by what takes and returns pixels."""
    if problem.last or prod(problem.grid.input_size) == 1:
        return run
    source, target = (problem.y_size, problem.x_size) if back else (problem.x_size, problem.y_size)
    before, after = pixels(source, problem.dtype), planes(target, problem.dtype)
    return lambda x, w, b: after(run(before(x), w, b))


def from_planes(run: Ready, problem: Problem) -> Ready:
    """Return what computes a weight gradient by what takes planes."""
    if not problem.last and not problem.gy_last:
        return run
    of_x, of_gy = planes(problem.x_size, problem.dtype), planes(problem.y_size, problem.dtype)
    return lambda x, gy: run(of_x(x) if problem.last else x, of_gy(gy) if problem.gy_last else gy)


def planes(shape: Sizes, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return what makes a channels_last tensor of this shape contiguous; of few channels torch does."""
    return _turning(shape, dtype, prod(shape[2:]), shape[1], last=False)


def pixels(shape: Sizes, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return what makes a contiguous tensor of this shape channels_last."""
    return _turning(shape, dtype, shape[1], prod(shape[2:]), last=True)


def _turning(shape: Sizes, dtype: torch.dtype, rows: int, columns: int, last: bool) -> Callable[[Tensor], Tensor]:
    new, steps = maker(shape, dtype, last), strides(shape, last)
    if min(rows, columns) == 1:  # both are the same
        return lambda x: x.as_strided(shape, steps)
    if not last and columns < lanes(dtype.itemsize):
        return lambda x: new().copy_(x)
    bands = -(-rows // BAND)
    job = Job(turned.compiled(dtype), shape[0] * bands, 4 * prod(shape), 2, bands, rows, columns)
    return filling(job, new)


@kernel
def turned(lo, hi, thread, x: Real, y: Real, bands, rows, columns):
    """y[image, j, i] = x[image, i, j] for some rows i of each of the bands lo to hi, counted through all images."""
    full = length(x)
    for task in range(lo, hi):
        image, first = task // bands, task % bands * BAND
        source, target, last = at(x, image * rows * columns), at(y, image * rows * columns), min(first + BAND, rows)
        if rows < full or columns < full:
            for i in range(first, last):
                for j in range(columns):
                    target[j * rows + i] = source[i * columns + j]
            continue
        for j in range(0, columns, full):
            k = min(j, columns - full)
            for i in range(first, last, full):
                r = min(i, rows - full)  # perhaps in the band before, where as much is written
                transpose_first(at(source, r * columns + k), columns, at(target, k * rows + r), rows, full, full)
