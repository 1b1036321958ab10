"""What is a convolution, and what are its gradients? One sum of products at every position, and its transpose.

Forward, a window of the padded input is multiplied by a filter and summed. Backward, the same loop runs over the same
windows: what was read is now added to. All three are gradients of one trilinear form,

    T(x, w, g) = Σ_{n,o,p,c,t}  x_pad[n, c, p·stride + t·dilation] · w[o, c, t] · g[n, o, p]

    y = ∂T/∂g        gx = ∂T/∂x at g = gy        gw = ∂T/∂w at g = gy

(As everywhere in deep learning the filter is not flipped, so that this is cross-correlation: Goodfellow, Bengio and
Courville, "Deep Learning", 2016, equation 9.6. LeCun et al., "Gradient-based learning applied to document
recognition", 1998, trained such layers first.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...geometry import Grid, Ints, Padding, Window
from .arithmetic import rounded_once
from .padding import pad, pad_adjoint
from .windows import surroundings, windows


def conv_single_step(window: np.ndarray, w: np.ndarray, b: Any = 0) -> Any:
    """One output of a convolution.

        Σ_{c,t} window[c, t] · w[c, t] + b

    ``window`` and the filter ``w`` are both (C, *kernel), ``b`` is a number. Returns a number.

    >>> int(conv_single_step(np.array([[1, 2, 3]]), np.array([[1, 0, -1]]), b=10))
    8
    """
    return np.sum(window * w) + b


def conv_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> np.ndarray:
    """Put every filter at every position of every image.

        y[n, o, p] = Σ_{c,t} x_pad[n, c, p·stride + t·dilation] · w[o, c, t] + b[o]

    ``x`` is (N, C, *input), ``w`` (O, C / groups, *kernel), ``b`` (O,) or None; filter o sees the C / groups channels
    of its own group. ``padding`` counts zeros (an int, one for each axis, or pairs (before, after)) or is "valid",
    "same" or "full". Returns (N, O, *output), output = ⌊(input + before + after − (kernel − 1)·dilation − 1) / stride⌋
    + 1, in the dtype that the arrays promote to. ValueError where the shapes do not fit each other.

    >>> x, edge = np.array([[[0.0, 0.0, 1.0, 1.0, 1.0]]]), np.array([[[-1.0, 1.0]]])
    >>> conv_forward(x, edge)
    array([[[0., 1., 0., 0.]]])
    >>> conv_forward(x, edge, np.array([0.5]), stride=2, padding=1)
    array([[[0.5, 1.5, 0.5]]])
    """
    grid = _grid(x, w, groups, stride, padding, dilation)
    dtype = np.result_type(x, w) if b is None else np.result_type(x, w, b)
    return conv(x.astype(dtype, copy=False), w, b, grid, groups)


def conv_backward(
    gy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients (gx, gw, gb) of a loss L with respect to what ``conv_forward`` was given.

        gx_pad[n, c, p·stride + t·dilation] += w[o, c, t] · gy[n, o, p]      for all n, o, p, c, t; then cropped to gx
        gw[o, c, t] = Σ_{n,p} x_pad[n, c, p·stride + t·dilation] · gy[n, o, p]
        gb[o]       = Σ_{n,p} gy[n, o, p]

    ``gy`` = ∂L/∂y is (N, O, *output); all else is as in the forward call. gx, gw and gb have the shapes of ``x``, ``w``
    and ``b``, in the dtype that the arrays promote to. Of complex arrays x and w are conjugated, as torch does.
    ValueError where the shapes do not fit.

    >>> x, w = np.array([[[1.0, 2.0, 3.0]]]), np.array([[[10.0, 100.0]]])
    >>> gx, gw, gb = conv_backward(np.array([[[1.0, 2.0]]]), x, w)
    >>> gx
    array([[[ 10., 120., 200.]]])
    >>> gw, gb
    (array([[[5., 8.]]]), array([3.]))
    """
    grid = _grid(x, w, groups, stride, padding, dilation)
    expected = (len(x), len(w), *grid.output_size)
    if gy.shape != expected:
        raise ValueError(f"gy must have the shape of the output, {expected}, got {gy.shape}")
    dtype = np.result_type(gy, x, w)
    gy, x = gy.astype(dtype, copy=False), x.astype(dtype, copy=False)
    gx = conv_input_grad(gy, w.conj(), grid, groups)
    gw = conv_weight_grad(x.conj(), gy, grid, groups)
    return gx, gw, _bias_grad(gy)


@rounded_once
def conv(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, grid: Grid, groups: int) -> np.ndarray:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t]."""
    x_pad = pad(x, surroundings(grid))
    y = np.zeros((len(x), len(w), *grid.output_size), x.dtype)
    for p, window in windows(grid):
        for n, o in np.ndindex(len(x), len(w)):
            seen = x_pad[n, _channels(o, w, groups), *window]
            y[n, o, *p] = conv_single_step(seen, w[o], 0 if b is None else b[o])
    return y


@rounded_once
def conv_input_grad(gy: np.ndarray, w: np.ndarray, grid: Grid, groups: int, b: np.ndarray | None = None) -> np.ndarray:
    """gx[n,c,p,t] += gy[n,o,p] · w[o,c,t]: each output's gradient goes back to all that it was computed from.

    A transposed convolution is this, run forwards; its bias ``b`` is added to every element of a channel.
    """
    frame = surroundings(grid)
    gx_pad = np.zeros((len(gy), groups * w.shape[1], *frame.output_size), gy.dtype)
    for p, window in windows(grid):
        for n, o in np.ndindex(gy.shape[:2]):
            gx_pad[n, _channels(o, w, groups), *window] += gy[n, o, *p] * w[o]
    gx = pad_adjoint(gx_pad, frame)
    return gx if b is None else gx + b.reshape(-1, *(1,) * grid.rank)


@rounded_once
def conv_weight_grad(x: np.ndarray, gy: np.ndarray, grid: Grid, groups: int) -> np.ndarray:
    """gw[o,c,t] += x[n,c,p,t] · gy[n,o,p]: a filter collects every window that it saw, weighted."""
    x_pad = pad(x, surroundings(grid))
    gw = np.zeros((gy.shape[1], x.shape[1] // groups, *grid.kernel_size), x.dtype)
    for p, window in windows(grid):
        for n, o in np.ndindex(gy.shape[:2]):
            gw[o] += x_pad[n, _channels(o, gw, groups), *window] * gy[n, o, *p]
    return gw


@rounded_once
def _bias_grad(gy: np.ndarray) -> np.ndarray:
    return gy.sum(axis=(0, *range(2, gy.ndim)))


def _channels(o: int, w: np.ndarray, groups: int) -> slice:
    """The input channels that filter o sees: filters and channels are dealt to the groups in order."""
    filters, channels = len(w) // groups, w.shape[1]
    group = o // filters
    return slice(group * channels, (group + 1) * channels)


def _grid(x: np.ndarray, w: np.ndarray, groups: int, stride: Ints, padding: Padding, dilation: Ints) -> Grid:
    """Lay the filters over the input, having checked that they fit it."""
    if x.ndim != w.ndim or x.shape[1] != groups * w.shape[1] or len(w) % groups:
        raise ValueError(
            f"x {x.shape} must be (N, C, *input) and w {w.shape} (O, C / groups, *kernel), with as many spatial axes, "
            f"and groups = {groups} must divide C and O"
        )
    return Window.parse(x.ndim - 2, w.shape[2:], stride, padding, dilation).over(x.shape[2:])
