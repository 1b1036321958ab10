"""Windows as columns of a matrix, and back: im2col and col2im."""

from __future__ import annotations

from math import prod

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Grid, Ints, Sizes, Window, per_axis
from ..ops import fold as ops
from .border import FLOATS, batched, check, refuse, remembered, spatial
from .traced import traceable

_UNFOLD, _FOLD = _torch.unfold, _torch.fold
_DTYPES = FLOATS | {torch.complex64, torch.complex128, torch.bool}


@traceable(_UNFOLD)
def unfold(input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Tensor:
    """Lay every window of an image into a column: ``torch.nn.functional.unfold``, hand-written.

    Args:
        input: (N, C, H, W) or (C, H, W), float, complex or bool.
        kernel_size: the window (KH, KW), an int or two.
        dilation: the distance between a window's taps.
        padding: zeros around the input.
        stride: the step from window to window.

    Returns:
        (N, C · KH · KW, L), unbatched if the input is: row (c · KH + i) · KW + j holds tap (i, j) of channel c, and the
        L columns are the windows, row by row.

    Raises:
        What torch's operator raises for the same arguments.

    """
    words = (kernel_size, dilation, padding, stride)
    try:
        grid = _unfold_plan(input.shape, *words)
        check(input, _DTYPES)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _UNFOLD, input, *words)
    x = batched(input, 2)
    y = ops.unfold(x, grid, library.kernels(x, 2))
    return y if x is input else y.squeeze(0)


@traceable(_FOLD)
def fold(
    input: Tensor,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Tensor:
    """Add columns up to the image whose windows they are: ``torch.nn.functional.fold``, hand-written.

    The transpose of :func:`unfold`, not its inverse: what k windows share becomes the sum of k elements.

    Args:
        input: (N, C · KH · KW, L) or (C · KH · KW, L), float, complex or bool.
        output_size: (H, W) of the image, an int or two.
        kernel_size: the window (KH, KW), an int or two.
        dilation: the distance between a window's taps.
        padding: zeros around the image, which are left out.
        stride: the step from window to window.

    Returns:
        (N, C, H, W), unbatched if the input is.

    Raises:
        What torch's operator raises for the same arguments.

    """
    words = (output_size, kernel_size, dilation, padding, stride)
    try:
        grid = _fold_plan(input.shape, *words)
        check(input, _DTYPES)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _FOLD, input, *words)
    y = batched(input, 1)
    x = ops.fold(y, grid, library.kernels(y, 2))
    return x if y is input else x.squeeze(0)


@remembered
def _unfold_plan(shape: torch.Size, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Grid:
    size = spatial(shape, 2)
    if 0 in shape[-3:]:
        raise ValueError(f"unfolding needs at least one element of every axis but the batch, got shape {tuple(shape)}")
    return _window(kernel_size, dilation, padding, stride).over(size)


@remembered
def _fold_plan(
    shape: torch.Size, output_size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> Grid:
    (length,) = spatial(shape, 1)
    grid = _window(kernel_size, dilation, padding, stride).over(_pair(output_size, "output_size"))
    taps, windows = prod(grid.kernel_size), prod(grid.output_size)
    if shape[-2] == 0 or shape[-2] % taps or length != windows:
        raise ValueError(f"columns of {windows} windows are (C · {taps}, {windows}), got {tuple(shape[-2:])}")
    return grid


def _window(kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Window:
    before, after = _pair(padding, "padding", least=0)
    sides = ((before, before), (after, after))
    return Window(_pair(kernel_size, "kernel_size"), _pair(stride, "stride"), _pair(dilation, "dilation"), sides)


def _pair(value: Ints, name: str, least: int = 1) -> Sizes:
    """Return two ints; of a sequence of one, unlike all others of the family, these two operators make none."""
    if isinstance(value, (list, tuple)) and len(value) != 2:
        raise ValueError(f"{name} must be an int or two, got {value!r}")
    return per_axis(2, value, name, least)
