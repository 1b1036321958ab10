"""What is pooling? One number for each window of each channel: its largest element, or its mean."""

from __future__ import annotations

import numpy as np

from ...geometry import Grid, Ints, Padding, Window, divisors
from .average_pooling import avg_pool, avg_pool_adjoint
from .max_pooling import max_pool, scatter


def pool_forward(
    x: np.ndarray,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    mode: str = "max",
    *,
    dilation: Ints = 1,
) -> np.ndarray:
    """Summarise every window of every channel by one number.

        "max":      y[n, c, p] = max_t  x[n, c, p·stride + t·dilation − padding]        over the taps inside the input
        "average":  y[n, c, p] = 1 / (number of taps) · Σ_t x_pad[n, c, p·stride + t·dilation]      padding counted as 0

    ``x`` is (N, C, *input); ``stride`` is the kernel's size unless given. Returns (N, C, *output) of ``x``'s dtype,
    means of integers as float64. ValueError for another mode or a window that does not fit.

    >>> x = np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]])
    >>> pool_forward(x, 2)
    array([[[[4., 8.]]]])
    >>> pool_forward(x, 2, mode="average")
    array([[[[2.5, 6.5]]]])
    """
    grid = _grid(x, kernel_size, stride, padding, dilation, mode)
    if mode == "max":
        return max_pool(x, grid)[0]
    return avg_pool(_inexact(x), divisors(grid, count_include_pad=True), grid)


def pool_backward(
    gy: np.ndarray,
    x: np.ndarray,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    mode: str = "max",
    *,
    dilation: Ints = 1,
) -> np.ndarray:
    """Return the gradient gx of a loss with respect to the ``x`` that ``pool_forward`` was given.

        "max":      gx[window at p] += mask(window at p) · gy[n, c, p]        see ``create_mask_from_window``
        "average":  gx[window at p] += gy[n, c, p] / (number of taps)         see ``distribute_value``

    ``gy`` is (N, C, *output); all else is as in the forward call. Returns an array of ``x``'s shape.
    ValueError where the shapes do not fit.

    >>> x = np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]])
    >>> pool_backward(np.array([[[[1.0, -1.0]]]]), x, 2)
    array([[[[ 0.,  0.,  0.,  0.],
             [ 0.,  1.,  0., -1.]]]])
    >>> pool_backward(np.array([[[[1.0, -1.0]]]]), x, 2, mode="average")
    array([[[[ 0.25,  0.25, -0.25, -0.25],
             [ 0.25,  0.25, -0.25, -0.25]]]])
    """
    grid = _grid(x, kernel_size, stride, padding, dilation, mode)
    expected = (*x.shape[:2], *grid.output_size)
    if gy.shape != expected:
        raise ValueError(f"gy must have the shape of the output, {expected}, got {gy.shape}")
    if mode == "max":
        return scatter(gy, max_pool(x, grid)[1], grid)
    return avg_pool_adjoint(_inexact(gy), divisors(grid, count_include_pad=True), grid)


def _grid(x: np.ndarray, kernel_size: Ints, stride: Ints | None, padding: Padding, dilation: Ints, mode: str) -> Grid:
    if mode not in ("max", "average"):
        raise ValueError(f"mode must be 'max' or 'average', got {mode!r}")
    return Window.parse(x.ndim - 2, kernel_size, stride, padding, dilation).over(x.shape[2:])


def _inexact(x: np.ndarray) -> np.ndarray:
    return x if np.issubdtype(x.dtype, np.inexact) else x.astype(np.float64)
