"""What if every window were a column? Then a convolution is one matrix product: w (O, C · T) times the columns.

im2col, as Chellapilla, Puri and Simard ("High performance convolutional neural networks for document processing", 2006)
write it; its transpose, col2im, adds each element of a column back to the place that it was read from.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...geometry import Grid
from .arithmetic import rounded_once
from .padding import pad, pad_adjoint
from .windows import surroundings, windows


def unfold(x: np.ndarray, grid: Grid) -> np.ndarray:
    """y[n, c · T + t, p] = x[n,c,p,t], 0 where that lies outside the input."""
    n, c = x.shape[:2]
    taps = prod(grid.kernel_size)
    x_pad = pad(x, surroundings(grid))
    y = np.zeros((n, c, taps, prod(grid.output_size)), x.dtype)
    for column, (_, window) in enumerate(windows(grid)):
        y[..., column] = x_pad[:, :, *window].reshape(n, c, taps)
    return y.reshape(n, c * taps, -1) if y.size else np.zeros((n, c * taps, y.shape[-1]), x.dtype)


@rounded_once
def fold(gy: np.ndarray, grid: Grid) -> np.ndarray:
    """gx[n,c,p,t] += gy[n, c · T + t, p]: what k windows read collects k gradients."""
    n, c = len(gy), gy.shape[1] // prod(grid.kernel_size)
    frame = surroundings(grid)
    gx_pad = np.zeros((n, c, *frame.output_size), gy.dtype)
    for column, (_, window) in enumerate(windows(grid)):
        gx_pad[:, :, *window] += gy[..., column].reshape(n, c, *grid.kernel_size)
    return pad_adjoint(gx_pad, frame)
