"""What is the mean of each window? Backward, every element of a window gets an equal share of the gradient.

How many elements a window counts is a table, ``divisors``, with one row for each axis: a window that hangs over the
border may count fewer than it has taps (LeCun et al., "Gradient-based learning applied to document recognition", 1998,
pooled by average).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...geometry import Grid, Sizes
from .arithmetic import rounded_once
from .padding import pad, pad_adjoint
from .windows import Place, surroundings, windows


def distribute_value(value: Any, shape: tuple[int, ...], divisor: int | None = None) -> np.ndarray:
    """Spread a value evenly: what the mean of a window passes back.

        share[t] = value / divisor

    So ∂ mean(window) / ∂ window[t] = 1 / divisor. ``value`` is a number, ``shape`` that of the window, ``divisor`` the
    number of its elements unless given. Returns an array of that shape, whose sum is ``value`` if no divisor is given.

    >>> distribute_value(2.0, (2, 2))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return np.full(shape, value / (prod(shape) if divisor is None else divisor))


@rounded_once
def avg_pool(x: np.ndarray, divisors: tuple[Sizes, ...], grid: Grid) -> np.ndarray:
    """y[n,c,p] = Σ_t x[n,c,p,t] / Π_axis divisors[axis][p_axis]; integers truncate towards 0."""
    x_pad = pad(x, surroundings(grid))
    y = np.zeros((*x.shape[:2], *grid.output_size), x.dtype)
    for p, window in windows(grid):
        for n, c in np.ndindex(x.shape[:2]):
            y[n, c, *p] = _quotient(np.sum(x_pad[n, c, *window]), _divisor(p, divisors))
    return y


@rounded_once
def avg_pool_adjoint(gy: np.ndarray, divisors: tuple[Sizes, ...], grid: Grid) -> np.ndarray:
    """gx[n,c,p,t] += gy[n,c,p] / Π_axis divisors[axis][p_axis]."""
    frame = surroundings(grid)
    gx_pad = np.zeros((*gy.shape[:2], *frame.output_size), np.result_type(gy, np.float64))
    for p, window in windows(grid):
        for n, c in np.ndindex(gy.shape[:2]):
            gx_pad[n, c, *window] += distribute_value(gy[n, c, *p], grid.kernel_size, _divisor(p, divisors))
    return pad_adjoint(gx_pad, frame)


def _divisor(p: Place, divisors: tuple[Sizes, ...]) -> int:
    return prod(counts[i] for counts, i in zip(divisors, p, strict=True))


def _quotient(total: Any, divisor: int) -> Any:
    if np.issubdtype(total.dtype, np.integer):
        return (total - np.fmod(total, divisor)) // divisor
    return total / divisor
