"""Average pooling, one axis after the other: k + k additions for a k × k window instead of k · k."""

from __future__ import annotations

import torch
from torch import Tensor

from .views import reach, wide


def avg_pool(x: Tensor, divisors, grid) -> Tensor:
    """y = the sum of each window, divided."""
    y = wide(x)
    for axis in range(grid.rank):
        y = _added(axis, y, grid.output_size, [reach(axis, tap, grid) for tap in range(grid.kernel_size[axis])])
    return _divided(y, divisors).to(x.dtype)


def avg_pool_adjoint(gy: Tensor, divisors, grid) -> Tensor:
    """gx = the transpose of ``avg_pool``: what every window has got, given to each of its elements."""
    gx = _divided(wide(gy), divisors)
    for axis in range(grid.rank):
        back = [reach(axis, tap, grid)[::-1] for tap in range(grid.kernel_size[axis])]
        gx = _added(axis, gx, grid.input_size, back)
    return gx.to(gy.dtype)


def _added(axis: int, x: Tensor, sizes: tuple[int, ...], moves) -> Tensor:
    """Resize one axis: every (target, source) of the moves adds those elements of ``x`` to the result."""
    shape = list(x.shape)
    shape[2 + axis] = sizes[axis]
    y = x.new_zeros(shape)
    for target, source in moves:
        y[target] += x[source]
    return y


def _divided(x: Tensor, divisors) -> Tensor:
    """Divide every output position by the product of its axes' divisors."""
    divisor = torch.ones((), dtype=x.dtype, device=x.device)
    for counts in divisors:
        alike = counts.count(counts[0]) == len(counts)
        row = counts[0] if alike else torch.tensor(counts, dtype=x.dtype, device=x.device)
        divisor = divisor.unsqueeze(-1) * row
    return torch.div(x, divisor, rounding_mode=None if x.is_floating_point() else "trunc")
