"""Power-average pooling: the p-norm of each window, made of an average pooling and powers."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod
from typing import Any

import torch
import torch.nn.functional as _torch
from torch import Tensor

from ..geometry import Ints
from .border import refuse
from .pool import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from .traced import traceable

_LP = {1: _torch.lp_pool1d, 2: _torch.lp_pool2d, 3: _torch.lp_pool3d}
_AVG: dict[int, Callable[..., Any]] = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}
_MAX: dict[int, Callable[..., Any]] = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """(N, C, L) to (N, C, L'). See :func:`lp_pool2d`."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-norm of each window: ``torch.nn.functional.lp_pool2d``, hand-written.

    y = sign(m) · (K · |m|)^(1/p) with m the mean of x^p over the K elements of a window: (Σ x^p)^(1/p) where that is
    defined. Infinite p is a maximum of |x|, −∞ a minimum. Zero sums have an undefined gradient, as in torch.

    Args:
        input: (N, C, H, W) or (C, H, W), float.
        norm_type: p.
        kernel_size: the window, an int or one per axis.
        stride: the step from window to window, None for the window's own size.
        ceil_mode: whether a last window may hang over the end.

    Returns:
        (N, C, H', W'), sized as by :func:`max_pool2d`.

    Raises:
        What torch's function raises for the same arguments.

    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`lp_pool2d`."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


@traceable(_LP)
def _lp_pool(rank: int, input: Tensor, p: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    try:
        taps = _taps(rank, kernel_size)
        if isinstance(p, (int, float)) and abs(p) == inf:
            y: Tensor = _MAX[rank](input.abs() if p > 0 else -input.abs(), kernel_size, stride, 0, 1, ceil_mode)
            return y if p > 0 else -y
        mean: Tensor = _AVG[rank](input.pow(p), kernel_size, stride, 0, ceil_mode)
        return (torch.sign(mean) * torch.relu(torch.abs(mean))).mul(taps).pow(1.0 / p)
    except (ValueError, TypeError, AttributeError, RuntimeError, ZeroDivisionError) as ours:
        refuse(ours, False, _LP[rank], input, p, kernel_size, stride, ceil_mode)


def _taps(rank: int, kernel_size: Any) -> Any:
    """Return what torch multiplies the mean by."""
    if rank == 1 or not isinstance(kernel_size, (list, tuple)):
        return kernel_size**rank
    if len(kernel_size) != rank:
        raise ValueError(f"kernel_size must be an int or {rank} of them, got {kernel_size!r}")
    return prod(kernel_size)
