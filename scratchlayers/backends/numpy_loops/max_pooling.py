"""Which element of each window is the largest? Pooling picks it; backward, all of the gradient goes to it alone.

What is kept for backward is the *tap*: the place within its window (numbered in row-major order) that was chosen. Once
the taps are known, pooling is a linear map, ``gather``, and ``scatter`` is its transpose. (Zhou and Chellappa,
"Computation of optical flow using a neural network", 1988, pooled by maximum first.)
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...contract import tap_dtype
from ...geometry import Grid, Sizes
from .arithmetic import rounded_once
from .padding import pad, pad_adjoint
from .tensors import array_dtype
from .windows import surroundings, windows


def create_mask_from_window(window: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    """Mark the element that max pooling chooses.

        mask[t] = 1 if t is the first place of the largest element, else 0

    So ∂ max(window) / ∂ window[t] = mask[t]. A NaN counts as largest of all, and of several NaNs the last is chosen, as
    torch does. ``window`` has any shape; of ``inside``, a bool array of that shape, only the True places compete (all,
    if None). Returns a bool array of that shape, with one True; with none if no place competes.

    >>> create_mask_from_window(np.array([[1, 5], [5, 2]]))
    array([[False,  True],
           [False, False]])
    """
    inside = np.ones(window.shape, bool) if inside is None else inside
    mask = np.zeros(window.shape, bool)
    nans = np.isnan(window) & inside
    if nans.any():
        mask.flat[np.flatnonzero(nans)[-1]] = True
    elif inside.any():
        largest = (window == window[inside].max()) & inside
        mask.flat[np.flatnonzero(largest)[0]] = True
    return mask


def max_pool(x: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(y, tap): the largest x[n,c,p,t] and the tap it was found at; the zeros of the padding do not compete."""
    frame = surroundings(grid)
    x_pad, inside = pad(x, frame), pad(np.ones((1, 1, *grid.input_size), bool), frame)
    shape = (*x.shape[:2], *grid.output_size)
    y, tap = np.full(shape, _lowest(x.dtype)), np.zeros(shape, array_dtype(tap_dtype(grid)))
    for p, window in windows(grid):
        for n, c in np.ndindex(x.shape[:2]):
            seen = x_pad[n, c, *window]
            for t in np.flatnonzero(create_mask_from_window(seen, inside[0, 0, *window])):
                y[n, c, *p], tap[n, c, *p] = seen.flat[t], t
    return y, tap


def gather(x: np.ndarray, tap: np.ndarray, grid: Grid) -> np.ndarray:
    """y[n,c,p] = x[n,c,p,tap[n,c,p]]: take the chosen element of each window; 0 where that is padding."""
    x_pad = pad(x, surroundings(grid))
    y = np.zeros(tap.shape, x.dtype)
    for p, window in windows(grid):
        for n, c in np.ndindex(tap.shape[:2]):
            y[n, c, *p] = x_pad[n, c, *window].flat[tap[n, c, *p]]
    return y


@rounded_once
def scatter(gy: np.ndarray, tap: np.ndarray, grid: Grid) -> np.ndarray:
    """gx[n,c,p,tap[n,c,p]] += gy[n,c,p]: hand each gradient to the chosen element of its window."""
    frame = surroundings(grid)
    gx_pad = np.zeros((*gy.shape[:2], *frame.output_size), gy.dtype)
    for p, window in windows(grid):
        for n, c in np.ndindex(gy.shape[:2]):
            gx_pad[n, c, *window].flat[tap[n, c, *p]] += gy[n, c, *p]
    return pad_adjoint(gx_pad, frame)


def tap_index(tap: np.ndarray, grid: Grid) -> np.ndarray:
    """index[n,c,p]: what each tap gathers from an input whose every element is its own flat position."""
    positions = np.arange(prod(grid.input_size), dtype=np.int64).reshape(grid.input_size)
    return gather(np.broadcast_to(positions, (*tap.shape[:2], *grid.input_size)), tap, grid)


def _lowest(dtype: np.dtype) -> np.generic:
    return dtype.type(-np.inf if np.issubdtype(dtype, np.inexact) else np.iinfo(dtype).min)


def take(x: np.ndarray, index: np.ndarray, size: Sizes) -> np.ndarray:
    """y[n,c,p] = x[n,c] at the flat position index[n,c,p]."""
    y = np.zeros(index.shape, x.dtype)
    for n, c in np.ndindex(index.shape[:2]):
        for p in np.ndindex(index.shape[2:]):
            y[n, c, *p] = x[n, c].flat[index[n, c, *p]]
    return y


@rounded_once
def put(gy: np.ndarray, index: np.ndarray, size: Sizes, last: bool = False) -> np.ndarray:
    """gx[n,c] at the flat position index[n,c,p] += gy[n,c,p], the transpose of ``take``; with ``last`` = gy[n,c,p]."""
    gx = np.zeros((*gy.shape[:2], *size), gy.dtype)
    for n, c in np.ndindex(index.shape[:2]):
        for p in np.ndindex(index.shape[2:]):
            i = index[n, c, *p]
            gx[n, c].flat[i] = gy[n, c, *p] if last else gx[n, c].flat[i] + gy[n, c, *p]
    return gx
