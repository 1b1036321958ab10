"""What should a kernel answer? torch.nn.functional's operators and their autograd, in double precision on the CPU.

An input is first given exactly the border its windows reach, so that torch can be asked about every grid, also those
its own arguments cannot express.
"""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..contract import NAMES, tap_dtype
from ..geometry import Grid
from .case import Border, Case


def reference(kernel: str, case: Case | Border, inputs: dict[str, Any]) -> tuple[Tensor, ...]:
    """Return a kernel's results in the dtype of its input, by torch."""
    tensors = {name: a for name, a in inputs.items() if isinstance(a, Tensor)}
    dtype = next(iter(tensors.values())).dtype
    exact = {name: a if name in ("tap", "index") else _exact(a) for name, a in tensors.items()}
    with torch.enable_grad():
        results = _REFERENCES[kernel](case, **{**inputs, **exact})
    if kernel == "tap_index":
        return (results,)
    first, *rest = results if isinstance(results, tuple) else (results,)
    return (_rounded(first.detach(), dtype), *rest)


def _exact(x: Tensor) -> Tensor:
    return x.detach().cpu().resolve_conj().resolve_neg().to(torch.complex128 if x.is_complex() else torch.float64)


def _rounded(y: Tensor, dtype: torch.dtype) -> Tensor:
    if dtype.is_floating_point or dtype.is_complex:
        return y.to(dtype)
    lowest = torch.tensor(0 if dtype is torch.bool else torch.iinfo(dtype).min, dtype=dtype)
    return torch.where(y.isneginf(), lowest, y.nan_to_num(neginf=0).trunc().to(dtype))


def conv(case, x, w, b, grid, groups):
    """F.conv*d."""
    op = getattr(F, f"conv{grid.rank}d")
    return op(_reached(x, grid), w, b, grid.stride, 0, grid.dilation, groups)


def conv_input_grad(case, gy, w, grid, groups, b):
    """F.conv_transpose*d, which begins ``before`` elements ahead of the input."""
    op = getattr(F, f"conv_transpose{grid.rank}d")
    gx = op(gy, w, None, grid.stride, 0, 0, groups, grid.dilation)
    starts = zip(grid.input_size, grid.before, gx.shape[2:], strict=True)
    gx = F.pad(gx, _torchs([(-before, n + before - size) for n, before, size in starts]))
    return gx if b is None else gx + b.reshape(-1, *(1,) * grid.rank)


def conv_weight_grad(case, x, gy, grid, groups):
    """The pull-back of gy through F.conv*d to its weight."""
    w = x.new_zeros(gy.shape[1], x.shape[1] // groups, *grid.kernel_size, requires_grad=True)
    return _pulled_back(conv(case, x, w, None, grid, groups), w, gy)


def pad(case, x, frame, value=0):
    """F.pad."""
    return F.pad(x, _torchs(case.sides), mode=case.mode, value=value)


def pad_adjoint(case, gy, frame):
    """The pull-back of gy through F.pad."""
    x = gy.new_zeros(case.input, requires_grad=True)
    return _pulled_back(pad(case, x, frame), x, gy)


def max_pool(case, x, grid):
    """(y, tap); where a window has no tap inside the input, the lowest value and tap 0."""
    # torch's own border is −inf too, so the input's −inf is raised above it to win the tie
    framed = _reached(x.clamp(min=torch.finfo(x.dtype).min), grid, float("-inf"))
    op = getattr(F, f"max_pool{grid.rank}d")
    _, flat = op(framed, grid.kernel_size, grid.stride, 0, grid.dilation, return_indices=True)
    tap, size = torch.zeros_like(flat), framed.shape[2:]
    for axis, (k, s, d) in enumerate(zip(grid.kernel_size, grid.stride, grid.dilation, strict=True)):
        start = torch.arange(flat.shape[2 + axis]).reshape(-1, *(1,) * (grid.rank - axis - 1)) * s
        tap = tap * k + (flat // prod(size[axis + 1 :]) % size[axis] - start) // d
    y = _reached(x, grid, float("-inf")).flatten(2).gather(2, flat.flatten(2)).reshape(flat.shape)
    return y, tap.where(_inside(grid), 0).to(tap_dtype(grid))


def gather(case, x, tap, grid):
    """Tensor.gather at the position that each tap reads."""
    flat, within = _located(tap, grid)
    return x.flatten(2).gather(2, flat.flatten(2)).reshape(tap.shape).where(within, 0)


def scatter(case, gy, tap, grid):
    """The pull-back of gy through ``gather``."""
    x = gy.new_zeros(case.input, requires_grad=True)
    return _pulled_back(gather(case, x, tap, grid), x, gy)


def tap_index(case, tap, grid):
    """Return the flat position that each tap reads."""
    return _located(tap, grid)[0]


def take(case, x, index, size):
    """Tensor.gather."""
    return x.flatten(2).gather(2, index.cpu().flatten(2)).reshape(index.shape)


def put(case, gy, index, size, last=False):
    """The pull-back of gy through ``take``; with ``last``, what a loop that writes leaves behind."""
    if last:
        y, flat, values = gy.new_zeros(*gy.shape[:2], prod(size)), index.cpu().flatten(2), gy.flatten(2)
        for p in range(flat.shape[2]):
            y.scatter_(2, flat[..., p : p + 1], values[..., p : p + 1])
        return y.reshape(case.input)
    x = gy.new_zeros(case.input, requires_grad=True)
    return _pulled_back(take(case, x, index, size), x, gy)


def avg_pool(case, x, divisors, grid):
    """F.avg_pool*d, its divisor replaced by the given ones."""
    op = getattr(F, f"avg_pool{grid.rank}d")
    total = op(_reached(x, grid), grid.kernel_size, grid.stride) * prod(grid.kernel_size)
    for axis, counts in enumerate(divisors):
        total = total / total.new_tensor(counts).reshape(-1, *(1,) * (grid.rank - axis - 1))
    return total


def avg_pool_adjoint(case, gy, divisors, grid):
    """The pull-back of gy through ``avg_pool``."""
    x = gy.new_zeros(case.input, requires_grad=True)
    return _pulled_back(avg_pool(case, x, divisors, grid), x, gy)


def unfold(case, x, grid):
    """Tensor.unfold along every axis, the taps put before the positions."""
    view, rank = _reached(x, grid), grid.rank
    for axis, (k, s, d) in enumerate(zip(*grid[2:5], strict=True)):
        view = view.unfold(2 + axis, (k - 1) * d + 1, s)[..., ::d]
    return view.permute(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank)).reshape(case.columns)


def fold(case, gy, grid):
    """The pull-back of gy through ``unfold``."""
    x = gy.new_zeros(case.input, requires_grad=True)
    return _pulled_back(unfold(case, x, grid), x, gy)


_REFERENCES: dict[str, Any] = {name: globals()[name] for name in NAMES}


def _inside(grid: Grid) -> Tensor:
    """Whether each window has a tap inside the input."""
    op = getattr(F, f"max_pool{grid.rank}d")
    ones = _reached(torch.ones(1, 1, *grid.input_size), grid)
    return op(ones, grid.kernel_size, grid.stride, 0, grid.dilation)[0, 0] > 0


def _reached(x: Tensor, grid: Grid, value: float = 0.0) -> Tensor:
    """Return the input with the border, or cropped to the part, that its windows reach."""
    axes = zip(*grid[:-1], strict=True)
    sides = [(b, (m - 1) * s + (k - 1) * d + 1 - b - n) for n, m, k, s, d, b in axes]
    return F.pad(x, _torchs(sides), value=value)


def _located(tap: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """(flat position in the input, whether it is one) of each tap, by index arithmetic."""
    steps = torch.unravel_index(tap.cpu().long(), grid.kernel_size)
    flat, within = torch.zeros_like(steps[0]), torch.ones_like(steps[0], dtype=torch.bool)
    for axis, (step, n, m, s, d, b) in enumerate(
        zip(steps, grid.input_size, grid.output_size, grid.stride, grid.dilation, grid.before, strict=True)
    ):
        at = step * d + (torch.arange(m) * s - b).reshape(-1, *(1,) * (grid.rank - axis - 1))
        flat, within = flat * n + at, within & (at >= 0) & (at < n)
    return flat.where(within, 0), within


def _pulled_back(y: Tensor, x: Tensor, gy: Tensor) -> Tensor:
    """Return gy's pull-back through a linear map, the map itself transposed and not conjugated."""
    return torch.autograd.grad(y, x, gy.conj())[0].conj()


def _torchs(sides: Any) -> list[int]:
    """F.pad's order: the last axis first."""
    return list(chain.from_iterable(reversed(list(sides))))
