"""Which elements does tap t read? Strided views of the input, and slices of it, one axis at a time."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

WIDER = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64}
_AT_A_TIME = 2**22  # elements of windows made at a time: few enough for a cache, enough to keep the cores busy


def wide(x: Tensor) -> Tensor:
    """Return ``x`` in a dtype that sums may be accumulated in."""
    return x.to(WIDER[x.dtype]) if x.dtype in WIDER else x


def windows(x: Tensor, grid, fill: float = 0) -> Tensor:
    """(N, C, *kernel, *output): x[n, c, p, t], a view of the input with ``fill`` around it."""
    view = _view(grid, x.shape, x.stride())
    if view.border is not None:
        x = view.border.around(x, fill)
    return x.as_strided(view.size, view.strides)


class _Border(NamedTuple):
    """How the stretch of every axis that windows reach is cut out of the input, filled where it hangs over.

    What is cut out, ``source`` (None for all of the input), lies in the result of ``size`` as the view ``inner``.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    source: tuple | None
    inner: tuple[tuple[int, ...], int]

    def around(self, x: Tensor, fill: float) -> Tensor:
        y = x.new_full(self.size, fill) if fill else x.new_zeros(*self.size)
        size, offset = self.inner
        y.as_strided(size, self.strides, offset).copy_(x if self.source is None else x[self.source])
        return y


class _View(NamedTuple):
    """The windows of an input as a strided view: a tap is a dilation apart, an output position a stride."""

    border: _Border | None
    size: tuple[int, ...]
    strides: tuple[int, ...]


@lru_cache(maxsize=4096)
def _view(grid, shape: torch.Size, strides: tuple[int, ...]) -> _View:
    border = _border(grid, shape[:2])
    strides = strides if border is None else border.strides
    taps = (s * d for s, d in zip(strides[2:], grid.dilation, strict=True))
    steps = (s * g for s, g in zip(strides[2:], grid.stride, strict=True))
    return _View(border, (*shape[:2], *grid.kernel_size, *grid.output_size), (*strides[:2], *taps, *steps))


def _border(grid, lead: torch.Size) -> _Border | None:
    """Return None where no window hangs over the input and the first starts at its first element."""
    reach = [max((m - 1) * s + (k - 1) * d + 1, 0) for _, m, k, s, d, *_ in zip(*grid, strict=True)]
    if not any(grid.before) and all(r <= n for r, n in zip(reach, grid.input_size, strict=True)):
        return None
    cuts = [_cut(*axis) for axis in zip(grid.input_size, reach, grid.before, strict=True)]
    size = (*lead, *reach)
    strides = tuple(prod(size[axis + 1 :]) for axis in range(len(size)))
    inner = tuple(stop - start for start, stop, _ in cuts)
    offset = sum(at * s for (*_, at), s in zip(cuts, strides[2:], strict=True))
    source = (..., *(slice(start, stop) for start, stop, _ in cuts))
    return _Border(size, strides, None if inner == grid.input_size else source, ((*lead, *inner), offset))


def _cut(size: int, reach: int, before: int) -> tuple[int, int, int]:
    """(start, stop, where it goes): the part of an axis inside a stretch that begins ``before`` elements ahead."""
    start = max(-before, 0)
    stop = max(min(size, reach - before), start)
    return start, stop, start + before if start < stop else 0


class Part(NamedTuple):
    """Some images, and the output rows (positions of the first spatial axis) that a smaller grid makes of them."""

    images: slice
    rows: slice
    grid: Any

    def of(self, gy: Tensor) -> Tensor:
        """Return the part's share of a tensor laid out like the output."""
        return gy[self.images, :, self.rows]


@lru_cache(maxsize=4096)
def parts(images: int, channels: int, grid) -> tuple[Part, ...]:
    """Split the batch so that the windows of a part stay small, and an image too large by itself into output rows."""
    if images == 0 or (max(grid.kernel_size) == 1 and max(grid.stride) == 1):
        return (Part(slice(None), slice(None), grid),)  # nothing to copy
    row = channels * prod(grid.kernel_size) * prod(grid.output_size[1:])
    height = grid.output_size[0]
    if row * height <= _AT_A_TIME:
        step = max(_AT_A_TIME // max(row * height, 1), 1)
        return tuple(Part(slice(n, n + step), slice(None), grid) for n in range(0, images, step))
    step = max(_AT_A_TIME // row, 1)
    rows = [(start, min(start + step, height)) for start in range(0, height, step)]
    return tuple(Part(slice(n, n + 1), slice(*r), _rows_of(grid, *r)) for n in range(images) for r in rows)


def _rows_of(grid, start: int, stop: int):
    """Return the grid of some output rows: they read as if the padding before them had shrunk."""
    before = (grid.before[0] - start * grid.stride[0], *grid.before[1:])
    return grid._replace(output_size=(stop - start, *grid.output_size[1:]), before=before)


def reach(axis: int, tap: int, grid) -> tuple[tuple, tuple]:
    """(outputs, inputs): where a tap reads inside the input on one axis, and what it reads there, as indices."""
    stride, size = grid.stride[axis], grid.input_size[axis]
    offset = tap * grid.dilation[axis] - grid.before[axis]
    low = max(0, -(offset // stride))
    high = max(low, min(grid.output_size[axis], (size - 1 - offset) // stride + 1))
    start = low * stride + offset
    stop = start + max((high - low - 1) * stride + 1, 0)
    behind = (slice(None),) * (grid.rank - axis - 1)
    return (..., slice(low, high), *behind), (..., slice(start, stop, stride), *behind)
