"""Convolution in torch's sense, that is cross-correlation.

y[n,o,p] = b[o] + Σ_{c,t} x[n, c, p·stride + t·dilation − before] · w[o,c,t], x being 0 outside the input.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as _torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.jit import TracerWarning  # type: ignore[attr-defined]  # torch does not list it

from .. import library
from ..geometry import Frame, Grid, Ints, Padding, Sizes, Window, per_axis, whole
from ..ops.conv import Conv
from ..ops.function import autocast_may_be_on
from ..ops.padded_conv import PaddedConv
from .autocast import cast
from .border import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    batched,
    check,
    is_extension,
    is_nothing,
    product_of_nothing,
    refuse,
    remembered,
    spatial,
)
from .pad import framed, pad
from .traced import traceable

_OPERATORS: dict[int, Callable[..., Tensor]] = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_PAD = _torch.pad
_DTYPES = FLOATS | INTEGERS | COMPLEX


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, L) with filters (O, C / groups, K) to (N, O, L'). See :func:`conv2d`."""
    return conv_nd(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Slide filters over images: ``torch.nn.functional.conv2d``, hand-written.

    Args:
        input: (N, C, H, W) or (C, H, W), of any float, complex or integer dtype that torch's operator takes.
        weight: (O, C / groups, KH, KW), of the same dtype.
        bias: (O,), or None.
        stride: the step from window to window, an int or one per axis.
        padding: zeros around the input: an int, one per axis, "valid" or "same"; beyond torch also "full" (every
            window that reads one element), "same" with a stride (TensorFlow's rule, ceil(H / stride) windows), and
            each side for itself, ((top, bottom), (left, right)).
        dilation: the distance between a filter's taps.
        groups: into how many independent blocks the channels are cut.

    Returns:
        (N, O, H', W') with H' = ⌊(H + top + bottom − dilation · (KH − 1) − 1) / stride⌋ + 1, unbatched if the input is.

    Raises:
        What torch's operator raises for the same arguments; ValueError for a padding that only we have.

    """
    return conv_nd(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, D, H, W) with filters (O, C / groups, KD, KH, KW) to (N, O, D', H', W'). See :func:`conv2d`."""
    return conv_nd(3, input, weight, bias, stride, padding, dilation, groups)


def _torchs(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Ints,
    padding: Padding,
    dilation: Ints,
    groups: int,
    padding_mode: str = "zeros",
) -> Tensor:
    """Convolve by torch's operators, before which a padding that they lack is made."""
    if padding_mode != "zeros" or is_extension(padding, stride):
        sides = _sides(rank, _numbers(input.shape), _numbers(weight.shape), stride, padding, dilation)
        input, padding = _PAD(input, sides, "constant" if padding_mode == "zeros" else padding_mode), 0
    return _OPERATORS[rank](input, weight, bias, stride, padding, dilation, groups)


@traceable(_torchs)
def conv_nd(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Ints,
    padding: Padding,
    dilation: Ints,
    groups: int,
    padding_mode: str = "zeros",
) -> Tensor:
    """Convolve over ``rank`` spatial axes, the border filled as a module's ``padding_mode`` says."""
    x, w, b, inside, sides, frame, grid = input, weight, bias, padding, None, None, None
    try:
        if autocast_may_be_on():
            x, w, b = cast(f"conv{rank}d", x, w, b)
        shape, filters = x.shape, w.shape
        if padding_mode != "zeros":
            sides, inside = _planned_sides(rank, shape, filters, stride, padding, dilation), 0
            frame = framed(x, sides, padding_mode)
            shape = _padded(shape, frame)
        grid = _plan(rank, shape, filters, None if b is None else b.shape, stride, inside, dilation, groups)
        check(x, _DTYPES, w, b)
    except (ValueError, TypeError, AttributeError) as ours:
        x = x if sides is None else pad(x, sides, padding_mode)  # which says what is wrong with itself
        if grid is None or not is_nothing(x, w, b) or (b is not None and b.dtype != x.dtype):
            refuse(ours, is_extension(inside, stride), _OPERATORS[rank], x, w, b, stride, inside, dilation, groups)
        channels = w.shape[0] if w.shape[1] else 0
        return product_of_nothing(x, w, b, (*x.shape[: -rank - 1], channels, *grid.output_size))
    images = batched(x, rank)
    kernels = library.kernels(x, rank)
    y: Tensor
    if frame is None:
        y = Conv.call(images, w, b, grid, groups, kernels)
    else:
        y = PaddedConv.call(images, w, b, frame, padding_mode == "circular", grid, groups, kernels)
    if not filters[1]:
        y = y[:, :0]  # torch's answer to no channels is no channels
    return y if images is x else y.squeeze(0)


def _padded(shape: torch.Size, frame: Frame | None) -> torch.Size:
    return shape if frame is None else torch.Size((*shape[: -frame.rank], *frame.output_size))


@remembered
def _plan(
    rank: int,
    shape: torch.Size,
    weight: torch.Size,
    bias: torch.Size | None,
    stride: Ints,
    padding: Padding,
    dilation: Ints,
    groups: int,
) -> Grid:
    """Check the shapes and lay the window over the input."""
    size = spatial(shape, rank)
    stride, groups = per_axis(rank, stride, "stride"), whole(groups, "groups")
    channels = shape[-rank - 1]
    if len(weight) != rank + 2 or groups < 1 or weight[0] < groups or weight[0] % groups:
        raise ValueError(
            f"the weight must be (O, C / groups, *kernel) with O divisible by {groups}, got {tuple(weight)}"
        )
    if channels != weight[1] * groups:
        raise ValueError(f"{groups} groups of {weight[1]} input channels meet an input of {channels} channels")
    if bias is not None and tuple(bias) != (weight[0],):
        raise ValueError(f"the bias must have shape ({weight[0]},), got {tuple(bias)}")
    if 0 in size and 0 not in shape[:-rank]:
        raise ValueError(f"a convolution needs at least one element of every spatial axis, got {tuple(shape)}")
    return Window.parse(rank, tuple(weight[2:]), stride, padding, dilation).over(size)


def _sides(rank: int, shape: Sizes, weight: Sizes, stride: Ints, padding: Padding, dilation: Ints) -> tuple[int, ...]:
    """Return the padding in the order of ``pad``: last axis first, both sides of each."""
    window = Window.parse(rank, tuple(weight[2:]), stride, padding, dilation)
    size = tuple(shape[-rank:]) if len(shape) > rank else (1,) * rank  # too few axes: for ``pad`` to say
    return tuple(p for side in reversed(window.sides(size)) for p in side)


_planned_sides = remembered(_sides)


def _numbers(shape: torch.Size) -> Sizes:
    """Return the sizes that TorchScript's tracing shows as tensors: a padding is a constant of what it writes."""
    if is_compiling():  # torch.export, which has symbols for them
        return tuple(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TracerWarning)
        return tuple(map(int, shape))
