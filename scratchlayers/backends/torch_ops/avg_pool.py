"""Average pooling, one axis after the other: k + k additions for a k × k window instead of k · k."""

from __future__ import annotations

import torch
from torch import Tensor

from .views import reach, wide


def avg_pool(x: Tensor, divisors, grid) -> Tensor:
    """y = the sum of each window, divided."""
    y = wide(x)
    for axis in range(grid.rank):
        y = _summed(axis, y, grid)
    return _divided(y, divisors).to(x.dtype)


def avg_pool_adjoint(gy: Tensor, divisors, grid) -> Tensor:
    """gx = the transpose of ``avg_pool``."""
    gx = _divided(wide(gy), divisors)
    for axis in range(grid.rank):
        gx = _spread(axis, gx, grid)
    return gx.to(gy.dtype)


def _summed(axis: int, x: Tensor, grid) -> Tensor:
    """Add up the windows of one axis."""
    y = x.new_zeros(_resized(x, axis, grid.output_size))
    for tap in range(grid.kernel_size[axis]):
        outputs, inputs = reach(axis, tap, grid)
        y[outputs] += x[inputs]
    return y


def _spread(axis: int, gy: Tensor, grid) -> Tensor:
    """Give every element of the windows of one axis what their sum has got."""
    gx = gy.new_zeros(_resized(gy, axis, grid.input_size))
    for tap in range(grid.kernel_size[axis]):
        outputs, inputs = reach(axis, tap, grid)
        gx[inputs] += gy[outputs]
    return gx


def _resized(x: Tensor, axis: int, sizes: tuple[int, ...]) -> list[int]:
    shape = list(x.shape)
    shape[2 + axis] = sizes[axis]
    return shape


def _divided(x: Tensor, divisors) -> Tensor:
    """Divide every output position by the product of its axes' divisors."""
    divisor = torch.ones((), dtype=x.dtype, device=x.device)
    for counts in divisors:
        divisor = divisor.unsqueeze(-1) * torch.tensor(counts, dtype=x.dtype, device=x.device)
    return torch.div(x, divisor, rounding_mode=None if x.is_floating_point() else "trunc")
