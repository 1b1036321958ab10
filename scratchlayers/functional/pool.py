"""Max and average pooling over windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Grid, Ints, Padding, Sizes, Window, divisors, whole
from ..ops.function import autocast_may_be_on
from ..ops.pool import MaxPool, TapIndex, avg_pool
from .autocast import cast
from .border import FLOATS, INTEGERS, batched, check, exportable, is_extension, refuse, remembered, spatial
from .traced import traceable

# not torch.nn.functional's, which look these up when they run, and under scratchlayers.patch() find ours
_MAX = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}
_INDEXED: dict[int, Callable[..., Any]] = {
    1: torch.max_pool1d_with_indices,
    2: _torch.max_pool2d_with_indices,
    3: _torch.max_pool3d_with_indices,
}
_AVG = {1: _torch.avg_pool1d, 2: _torch.avg_pool2d, 3: _torch.avg_pool3d}


def max_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """(N, C, L) to (N, C, L'). See :func:`max_pool2d`."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Keep the largest element of each window: ``torch.nn.functional.max_pool2d``, hand-written.

    The first largest element wins a tie and gets the gradient; NaN wins over all. For backward one small integer an
    output is kept, not the input.

    Args:
        input: (N, C, H, W) or (C, H, W), float or integer.
        kernel_size: the window, an int or one per axis.
        stride: the step from window to window, None for the window's own size.
        padding: elements around the input that no window chooses, at most half a window; beyond torch also "same",
            "full", and each side for itself, ((top, bottom), (left, right)).
        dilation: the distance between a window's taps.
        ceil_mode: whether a last window may hang over the end, if it starts inside the input or the left padding.
        return_indices: whether to return also where each maximum was, as flat positions over H · W (int64).

    Returns:
        (N, C, H', W') with H' = ⌊(H + top + bottom − dilation · (KH − 1) − 1) / stride⌋ + 1, ⌈ ⌉ with ``ceil_mode``;
        with ``return_indices`` a pair of such.

    Raises:
        What torch's operator raises for the same arguments; ValueError for a padding that only we have.

    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`max_pool2d`."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool1d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(1, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool2d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(2, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """:func:`max_pool3d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(3, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """(N, C, L) to (N, C, L'). See :func:`avg_pool2d`."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Average each window: ``torch.nn.functional.avg_pool2d``, hand-written.

    Args:
        input: (N, C, H, W) or (C, H, W), float or int64.
        kernel_size: the window, an int or one per axis.
        stride: the step from window to window, None for the window's own size.
        padding: zeros around the input, at most half a window; beyond torch also "same", "full", and each side for
            itself, ((top, bottom), (left, right)).
        ceil_mode: whether a last window may hang over the end, if it starts inside the input or the left padding.
        count_include_pad: whether the padding counts among the elements averaged. What hangs over never does.
        divisor_override: divide by this instead of the number of elements; not 0.

    Returns:
        (N, C, H', W'), sized as by :func:`max_pool2d`.

    Raises:
        What torch's operator raises for the same arguments; ValueError for a padding that only we have.

    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`avg_pool2d`."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _torchs(rank: int, *words: Any) -> Any:
    *window, return_indices = words
    return (_INDEXED if return_indices else _MAX)[rank](*window)


@traceable(lambda rank, *words: _torchs(rank, *exportable(words, 3)))
def _max_pool(rank: int, input: Tensor, *words: Any) -> Tensor | tuple[Tensor, Tensor]:
    *window, return_indices = words
    if return_indices:
        return _with_indices(rank, input, *window)
    y, *_ = _chosen(rank, input, FLOATS if rank == 1 else FLOATS | INTEGERS, words)
    return y


@traceable(lambda rank, *window: _torchs(rank, *exportable(window, 3), True))
def _with_indices(rank: int, input: Tensor, *window: Any) -> tuple[Tensor, Tensor]:
    y, tap, grid, kernels = _chosen(rank, input, FLOATS | INTEGERS, (*window, True))
    index = TapIndex.call(tap, grid, kernels)
    return y, index if index.dim() == y.dim() else index.squeeze(0)


def _chosen(
    rank: int, input: Tensor, dtypes: frozenset[torch.dtype], words: tuple[Any, ...]
) -> tuple[Tensor, Tensor, Grid, Any]:
    """(y, the tap of each window, batched, the grid, the kernels)."""
    *window, return_indices = words
    try:
        if autocast_may_be_on() and not return_indices:
            input = cast(f"max_pool{rank}d", input)
        grid = _plan(rank, input.shape, *window)
        check(input, dtypes)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, is_extension(window[2]), _torchs, rank, input, *words)
    x = batched(input, rank)
    kernels = library.kernels(x, rank)
    y, tap = MaxPool.call(x, grid, kernels)
    return y if x is input else y.squeeze(0), tap, grid, kernels


@traceable(lambda rank, *words: _AVG[rank](*exportable(words, 3)))
def _avg_pool(
    rank: int,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
    *override: int | None,
) -> Tensor:
    try:
        if autocast_may_be_on():
            input = cast(f"avg_pool{rank}d", input)
        grid = _plan(rank, input.shape, kernel_size, stride, padding, 1, ceil_mode)
        counts = _divisors(
            grid, count_include_pad, *(d if d is None else whole(d, "divisor_override") for d in override)
        )
        check(input, FLOATS | {torch.int64})
    except (ValueError, TypeError, AttributeError) as ours:
        words = (kernel_size, stride, padding, ceil_mode, count_include_pad, *override)
        refuse(ours, is_extension(padding), _AVG[rank], input, *words)
    # unlike all others of the family, torch's avg_pool3d knows no channels_last
    x = batched(input.contiguous() if rank == 3 else input, rank)
    y = avg_pool(x, counts, grid, library.kernels(x, rank))
    return y if input.dim() == x.dim() else y.squeeze(0)


@remembered
def _plan(
    rank: int,
    shape: torch.Size,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Padding,
    dilation: Ints,
    ceil_mode: bool,
) -> Grid:
    size = spatial(shape, rank)
    if not isinstance(ceil_mode, bool):
        raise TypeError(f"ceil_mode must be a bool, got {ceil_mode!r}")
    if 0 in shape[-rank - 1 :]:
        raise ValueError(f"pooling needs at least one element of every axis but the batch, got shape {tuple(shape)}")
    window = Window.parse(rank, kernel_size, stride, padding, dilation, ceil_mode)
    for (before, after), extent, k in zip(window.sides(size), window.extent, window.kernel_size, strict=True):
        most = extent - 1 if is_extension(padding) else k // 2
        if max(before, after) > most:
            raise ValueError(f"a window of {extent} elements takes a padding of at most {most}, got {(before, after)}")
    return window.over(size)


@remembered
def _divisors(grid: Grid, count_include_pad: bool, override: int | None = None) -> tuple[Sizes, ...]:
    if not isinstance(count_include_pad, bool):
        raise TypeError(f"count_include_pad must be a bool, got {count_include_pad!r}")
    if override is None:
        return divisors(grid, count_include_pad)
    if override == 0:
        raise ValueError("divisor_override must not be 0")
    first, *others = grid.output_size
    return ((override,) * first, *((1,) * m for m in others))
