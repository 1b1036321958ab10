"""Pooling one axis after the other: k + k steps for a k × k window instead of k · k.

Going from the last axis to the first keeps the order of taps: the first maximum in row-major order is the first row
that holds the maximum, and in it the first place; likewise the last NaN.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from ...contract import tap_dtype
from .views import along, reach, wide


def max_pool(x: Tensor, grid) -> tuple[Tensor, Tensor]:
    """(y, tap): the largest element of each window and the tap it was found at."""
    y, tap = x, torch.zeros((1,) * x.dim(), dtype=tap_dtype(grid), device=x.device)
    taps_per_step = 1
    for axis in reversed(range(grid.rank)):
        y, tap = _max_along(axis, y, tap, taps_per_step, grid)
        taps_per_step *= grid.kernel_size[axis]
    return y, tap


def _max_along(axis: int, x: Tensor, tap: Tensor, taps_per_step: int, grid) -> tuple[Tensor, Tensor]:
    """Reduce one axis of values and of the taps chosen on the axes behind it."""
    shape = list(x.shape)
    shape[2 + axis] = grid.output_size[axis]
    tap = tap.expand(x.shape)
    y = x.new_full(shape, _lowest(x.dtype))
    chosen = tap.new_zeros(shape)
    untouched = torch.ones(grid.output_size[axis], dtype=torch.bool, device=x.device)
    untouched = untouched.reshape(-1, *(1,) * (grid.rank - axis - 1))
    for step in range(grid.kernel_size[axis]):
        outputs, inputs = (along(axis, grid.rank, where) for where in reach(axis, step, grid))
        value, best = x[inputs], y[outputs]
        better = (value > best) | untouched[outputs]
        if value.is_floating_point():
            better |= value.isnan()
        torch.where(better, value, best, out=y[outputs])
        torch.where(better, tap[inputs] + step * taps_per_step, chosen[outputs], out=chosen[outputs])
        untouched[outputs] = False
    return y, chosen


def _lowest(dtype: torch.dtype) -> float:
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


def tap_index(tap: Tensor, grid) -> Tensor:
    """Return the flat position over ``grid.input_size`` that each tap reads."""
    return _located(tap, grid)[0]


def _located(tap: Tensor, grid) -> tuple[Tensor, Tensor]:
    """(flat position, whether it lies inside the input) of each tap."""
    tap = tap.to(torch.int64)
    flat, inside = torch.zeros_like(tap), torch.ones_like(tap, dtype=torch.bool)
    for axis, (n, m, k, s, d, b) in enumerate(zip(*grid[:-1], strict=True)):
        step = tap // prod(grid.kernel_size[axis + 1 :]) % k
        start = (torch.arange(m, device=tap.device) * s - b).reshape(-1, *(1,) * (grid.rank - axis - 1))
        at = start + step * d
        flat = flat * n + at
        inside &= (at >= 0) & (at < n)
    return flat, inside


def gather(x: Tensor, tap: Tensor, grid) -> Tensor:
    """y[n,c,p] = x[n,c,p,tap[n,c,p]]."""
    flat, inside = _located(tap, grid)
    y = x.reshape(*x.shape[:2], -1).gather(2, flat.where(inside, 0).flatten(2))
    return y.reshape(tap.shape).where(inside, 0)


def scatter(gy: Tensor, tap: Tensor, grid) -> Tensor:
    """Gx = the transpose of ``gather``."""
    flat, inside = _located(tap, grid)
    gx = wide(gy).new_zeros(*gy.shape[:2], prod(grid.input_size))
    gx.scatter_add_(2, flat.where(inside, 0).flatten(2), wide(gy).where(inside, 0).flatten(2))
    return gx.reshape(*gy.shape[:2], *grid.input_size).to(gy.dtype)


def avg_pool(x: Tensor, divisors, grid) -> Tensor:
    """Y = the sum of each window, divided."""
    y = wide(x)
    for axis in range(grid.rank):
        y = _sum_along(axis, y, grid)
    mode = None if y.is_floating_point() else "trunc"
    return torch.div(y, _outer(divisors, y), rounding_mode=mode).to(x.dtype)


def avg_pool_adjoint(gy: Tensor, divisors, grid) -> Tensor:
    """Gx = the transpose of ``avg_pool``."""
    gx = wide(gy)
    gx = gx / _outer(divisors, gx)
    for axis in range(grid.rank):
        gx = _spread_along(axis, gx, grid)
    return gx.to(gy.dtype)


def _sum_along(axis: int, x: Tensor, grid) -> Tensor:
    shape = list(x.shape)
    shape[2 + axis] = grid.output_size[axis]
    y = x.new_zeros(shape)
    for step in range(grid.kernel_size[axis]):
        outputs, inputs = (along(axis, grid.rank, where) for where in reach(axis, step, grid))
        y[outputs] += x[inputs]
    return y


def _spread_along(axis: int, gy: Tensor, grid) -> Tensor:
    shape = list(gy.shape)
    shape[2 + axis] = grid.input_size[axis]
    gx = gy.new_zeros(shape)
    for step in range(grid.kernel_size[axis]):
        outputs, inputs = (along(axis, grid.rank, where) for where in reach(axis, step, grid))
        gx[inputs] += gy[outputs]
    return gx


def _outer(divisors, like: Tensor) -> Tensor:
    """Return the product over the axes of the divisors of every output position."""
    product = like.new_ones(())
    for counts in divisors:
        product = product.unsqueeze(-1) * like.new_tensor(counts)
    return product
