"""The gradients of a convolution by name: ``torch.nn.grad``, hand-written, and differentiable themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import grad as _torch

from .. import library
from ..geometry import Grid, Ints, Window, whole
from ..ops.conv import InputGrad, WeightGrad
from .border import FLOATS, check, refuse, remembered
from .traced import traceable

_INPUT = {1: _torch.conv1d_input, 2: _torch.conv2d_input, 3: _torch.conv3d_input}
_WEIGHT = {1: _torch.conv1d_weight, 2: _torch.conv2d_weight, 3: _torch.conv3d_weight}


def conv1d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, O, L') with filters (O, C / groups, K) to ``input_size`` (N, C, L). See :func:`conv2d_input`."""
    return _input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, L) and (N, O, L') to ``weight_size`` (O, C / groups, K). See :func:`conv2d_weight`."""
    return _weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of ``conv2d`` for its input: ``torch.nn.grad.conv2d_input``, hand-written.

    Args:
        input_size: (N, C, H, W), the shape of the input, which a strided output does not tell.
        weight: (O, C / groups, KH, KW), float.
        grad_output: (N, O, H', W'), of the same dtype.
        stride: the step from window to window.
        padding: zeros around the input.
        dilation: the distance between a filter's taps.
        groups: into how many independent blocks the channels are cut.

    Returns:
        (N, C, H, W).

    Raises:
        What torch's function raises for the same arguments.

    """
    return _input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Return the gradient of ``conv2d`` for its weight: ``torch.nn.grad.conv2d_weight``, hand-written.

    Args:
        input: (N, C, H, W), float.
        weight_size: (O, C / groups, KH, KW), the shape of the weight.
        grad_output: (N, O, H', W'), of the same dtype.
        stride: the step from window to window.
        padding: zeros around the input.
        dilation: the distance between a filter's taps.
        groups: into how many independent blocks the channels are cut.

    Returns:
        (O, C / groups, KH, KW).

    Raises:
        What torch's function raises for the same arguments.

    """
    return _weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, O, D', H', W') to ``input_size`` (N, C, D, H, W). See :func:`conv2d_input`."""
    return _input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, D, H, W) and (N, O, D', H', W') to ``weight_size``. See :func:`conv2d_weight`."""
    return _weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)


@traceable(_INPUT)
def _input(rank: int, input_size: Sequence[int], weight: Tensor, grad_output: Tensor, *words: Ints) -> Tensor:
    try:
        grid = _plan(rank, tuple(input_size), weight.shape, grad_output.shape, *words)
        check(grad_output, FLOATS, weight)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _INPUT[rank], input_size, weight, grad_output, *words)
    kernels = library.kernels(grad_output, rank)
    gx: Tensor = InputGrad.call(grad_output, weight, None, grid, words[-1], kernels)
    return gx


@traceable(_WEIGHT)
def _weight(rank: int, input: Tensor, weight_size: Sequence[int], grad_output: Tensor, *words: Ints) -> Tensor:
    try:
        grid = _plan(rank, input.shape, tuple(weight_size), grad_output.shape, *words)
        check(grad_output, FLOATS, input)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _WEIGHT[rank], input, weight_size, grad_output, *words)
    kernels = library.kernels(grad_output, rank)
    gw: Tensor = WeightGrad.call(input, grad_output, grid, words[-1], kernels)
    return gw


@remembered
def _plan(
    rank: int,
    x: tuple[int, ...],
    w: tuple[int, ...],
    gy: torch.Size,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> Grid:
    """Lay the window over the input, and check that all three shapes are those of one convolution."""
    if {len(x), len(w)} != {rank + 2} or isinstance(padding, str):
        raise ValueError(f"the gradients of conv{rank}d are of tensors with {rank + 2} axes, padded by numbers")
    grid = Window.parse(rank, tuple(w[2:]), stride, padding, dilation).over(tuple(x[2:]))
    groups = whole(groups, "groups")
    if groups < 1 or x[1] != w[1] * groups or w[0] % groups or tuple(gy) != (x[0], w[0], *grid.output_size):
        raise ValueError(f"no convolution in {groups} groups takes {x} by {w} to {tuple(gy)}")
    return grid
