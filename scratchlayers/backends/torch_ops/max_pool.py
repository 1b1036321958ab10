"""Max pooling: which tap of each window is the largest, and the way to it and back."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from ...contract import tap_dtype
from .views import parts, wide, windows


def max_pool(x: Tensor, grid) -> tuple[Tensor, Tensor]:
    """(y, tap): the largest element of each window and the tap it was found at."""
    pieces = parts(x.shape[0], x.shape[1], grid)
    if len(pieces) == 1:
        return _largest(x, grid)
    shape = (*x.shape[:2], *grid.output_size)
    y, tap = x.new_empty(shape), x.new_empty(shape, dtype=tap_dtype(grid))
    for part in pieces:
        for whole, piece in zip((y, tap), _largest(x[part.images], part.grid), strict=True):
            part.of(whole).copy_(piece)
    return y, tap


def _largest(x: Tensor, grid) -> tuple[Tensor, Tensor]:
    lowest = float("-inf") if x.is_floating_point() else torch.iinfo(x.dtype).min
    taps = _taps_first(windows(x, grid, lowest), grid)
    y, tap = taps.max(0)
    if x.is_floating_point() and not x.is_meta and (nan := y.isnan()).any():
        last = taps.shape[0] - 1 - taps.isnan().flip(0).to(torch.uint8).argmax(0)
        tap = last.where(nan, tap)
    if _hangs_over(grid):
        tap = _first_inside(grid, x.device).where(y == lowest, tap)
    return y, tap.to(tap_dtype(grid))


def _taps_first(view: Tensor, grid) -> Tensor:
    """(T, N, C, *output) of (N, C, *kernel, *output)."""
    rank = grid.rank
    order = (*range(2, 2 + rank), 0, 1, *range(2 + rank, 2 + 2 * rank))
    return view.permute(order).reshape(prod(grid.kernel_size), *view.shape[:2], *grid.output_size)


def _first_inside(grid, device: torch.device) -> Tensor:
    """Return the first tap inside the input for every output position, 0 where a window has none."""
    tap, inside = torch.zeros((), dtype=torch.int64, device=device), torch.ones((), dtype=torch.bool, device=device)
    for axis, (n, k, d) in enumerate(zip(grid.input_size, grid.kernel_size, grid.dilation, strict=True)):
        start = _starts(axis, grid, device)
        first = ((-start).clamp(min=0) + d - 1) // d
        inside = inside.unsqueeze(-1) & (first < k) & (start + first * d < n)
        tap = tap.unsqueeze(-1) * k + first
    return tap.where(inside, 0)


def gather(x: Tensor, tap: Tensor, grid) -> Tensor:
    """y[n,c,p] = x[n,c,p,tap[n,c,p]]."""
    index, inside = tap_index(tap, grid), _inside(tap, grid)
    if inside is not None:
        index = index.where(inside, 0)
    y = take(x, index, grid.input_size)
    return y if inside is None else y.where(inside, 0)


def scatter(gy: Tensor, tap: Tensor, grid) -> Tensor:
    """gx = the transpose of ``gather``."""
    index, inside = tap_index(tap, grid), _inside(tap, grid)
    if inside is not None:
        index, gy = index.where(inside, 0), gy.where(inside, 0)
    return put(gy, index, grid.input_size)


def tap_index(tap: Tensor, grid) -> Tensor:
    """Return the flat position over ``grid.input_size`` that each tap reads: where its window starts, plus its step."""
    start = step = torch.zeros((), dtype=torch.int64, device=tap.device)
    for axis, n in enumerate(grid.input_size):
        start = start.unsqueeze(-1) * n + _starts(axis, grid, tap.device)
        step = step.unsqueeze(-1) * n + _steps(axis, grid, tap.device)
    return step.flatten()[tap.to(torch.int64)] + start


def _inside(tap: Tensor, grid) -> Tensor | None:
    """Whether each tap reads inside the input; None where no window can do otherwise."""
    if not _hangs_over(grid):
        return None
    inside, rest = torch.ones_like(tap, dtype=torch.bool), tap.to(torch.int64)
    for axis in reversed(range(grid.rank)):
        k = grid.kernel_size[axis]
        start = _starts(axis, grid, tap.device).reshape(-1, *(1,) * (grid.rank - axis - 1))
        at = start + rest % k * grid.dilation[axis]
        inside &= (at >= 0) & (at < grid.input_size[axis])
        rest = rest // k
    return inside


def _hangs_over(grid) -> bool:
    axes = zip(grid.input_size, grid.output_size, grid.kernel_size, grid.stride, grid.dilation, strict=True)
    return any(grid.before) or any((m - 1) * s + (k - 1) * d >= n for n, m, k, s, d in axes)


def _starts(axis: int, grid, device: torch.device) -> Tensor:
    """Return the input index of the first tap at each output position of an axis."""
    return torch.arange(grid.output_size[axis], device=device) * grid.stride[axis] - grid.before[axis]


def _steps(axis: int, grid, device: torch.device) -> Tensor:
    """Return the distance of each tap of an axis from the first."""
    return torch.arange(grid.kernel_size[axis], device=device) * grid.dilation[axis]


def take(x: Tensor, index: Tensor, size) -> Tensor:
    """y[n,c,p] = x[n,c] at the flat position index[n,c,p]."""
    return x.reshape(*x.shape[:2], prod(size)).gather(2, index.flatten(2)).reshape(index.shape)


def put(gy: Tensor, index: Tensor, size, last: bool = False) -> Tensor:
    """gx = the transpose of ``take``, in which with ``last`` only the last of several from one place counts."""
    source = wide(gy.where(_lasts(index, prod(size)), 0) if last else gy)
    gx = source.new_zeros(*gy.shape[:2], prod(size)).scatter_add_(2, index.flatten(2), source.flatten(2))
    return gx.reshape(*gy.shape[:2], *size).to(gy.dtype)


def _lasts(index: Tensor, count: int) -> Tensor:
    """Return True where no later index of the same plane names the same of ``count`` places."""
    places = index.flatten(2)
    order = torch.arange(places.shape[2], device=index.device).expand_as(places)
    last = order.new_zeros(*index.shape[:2], count).scatter_reduce_(2, places, order, "amax")
    return (last.gather(2, places) == order).reshape(index.shape)
