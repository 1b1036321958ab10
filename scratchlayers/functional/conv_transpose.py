"""Transposed convolution: the input gradient of a convolution, read forwards."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Grid, Ints, Padding, is_per_side, per_axis, transposed, whole
from ..ops.conv import InputGrad
from .autocast import cast
from .border import COMPLEX, FLOATS, batched, check, is_nothing, product_of_nothing, refuse, remembered, spatial
from .traced import traceable

_OPERATORS: dict[int, Callable[..., Tensor]] = {
    1: torch.conv_transpose1d,
    2: torch.conv_transpose2d,
    3: torch.conv_transpose3d,
}
_PAD = _torch.pad
_DTYPES = FLOATS | COMPLEX | {torch.int64}


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """(N, C, L) with filters (C, O / groups, K) to (N, O, L'). See :func:`conv_transpose2d`."""
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Paint every input element as a scaled filter: ``torch.nn.functional.conv_transpose2d``, hand-written.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (C, O / groups, KH, KW), of the same dtype.
        bias: (O,), or None.
        stride: the step from painted filter to painted filter.
        padding: how much of the border is cut off; an int, one per axis, or ((top, bottom), (left, right)).
        output_padding: how much is added at the end of each axis, smaller than stride or dilation.
        groups: into how many independent blocks the channels are cut.
        dilation: the distance between a filter's taps.

    Returns:
        (N, O, H', W') with H' = (H − 1) · stride − top − bottom + dilation · (KH − 1) + output_padding + 1.

    Raises:
        What torch's operator raises for the same arguments; ValueError for a padding that only we have.

    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """(N, C, D, H, W) with filters (C, O / groups, KD, KH, KW). See :func:`conv_transpose2d`."""
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _torchs(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Ints,
    padding: Padding,
    output_padding: Ints,
    groups: int,
    dilation: Ints,
) -> Tensor:
    """Convolve by torch's operator; each side for itself is cut off by torch's as well."""
    if not is_per_side(padding):
        return _OPERATORS[rank](input, weight, bias, stride, padding, output_padding, groups, dilation)
    y = _OPERATORS[rank](input, weight, bias, stride, 0, output_padding, groups, dilation)
    return _PAD(y, [-side for sides in reversed(padding) for side in sides])


@traceable(_torchs)
def _conv_transpose(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Ints,
    padding: Padding,
    output_padding: Ints,
    groups: int,
    dilation: Ints,
) -> Tensor:
    words, grid = (stride, padding, output_padding, groups, dilation), None
    try:
        input, weight, bias = cast(f"conv_transpose{rank}d", input, weight, bias)
        grid = _plan(rank, input.shape, weight.shape, None if bias is None else bias.shape, *words)
        check(input, _DTYPES, weight, bias)
    except (ValueError, TypeError, AttributeError) as ours:
        if grid is None or not is_nothing(input, weight, bias):
            refuse(ours, is_per_side(padding), _OPERATORS[rank], input, weight, bias, *words)
        shape = (*input.shape[: -rank - 1], weight.shape[1] * groups, *grid.input_size)
        return product_of_nothing(input, weight, bias, shape)
    x = batched(input, rank)
    y: Tensor = InputGrad.call(x, weight, bias, grid, groups, library.kernels(x, rank))
    return y if x is input else y.squeeze(0)


@remembered
def _plan(
    rank: int,
    shape: torch.Size,
    weight: torch.Size,
    bias: torch.Size | None,
    stride: Ints,
    padding: Padding,
    output_padding: Ints,
    groups: int,
    dilation: Ints,
) -> Grid:
    size = spatial(shape, rank)
    if 0 in size and 0 not in shape[:-rank]:
        raise ValueError(f"a transposed convolution needs at least one element of every axis, got {tuple(shape)}")
    stride, groups = per_axis(rank, stride, "stride"), whole(groups, "groups")
    channels = shape[-rank - 1]
    if len(weight) != rank + 2 or groups < 1 or weight[0] % groups or weight[0] != channels:
        raise ValueError(
            f"the weight must be ({channels}, O / groups, *kernel), got {tuple(weight)} in {groups} groups"
        )
    if 0 in weight[:2]:
        raise ValueError(f"a transposed convolution needs channels, got the weight {tuple(weight)}")
    if bias is not None and tuple(bias) != (weight[1] * groups,):
        raise ValueError(f"the bias must have shape ({weight[1] * groups},), got {tuple(bias)}")
    return transposed(rank, size, tuple(weight[2:]), stride, padding, output_padding, dilation)
