"""Convolution as matrix products: the filters times the columns that every output position reads (im2col).

With W (O, C·T) the filters, X (C·T, P) the columns of an image and Y (O, P) its output, Y = W X, and the weight
gradient is Σ_n Yᵍ Xᵀ. The input gradient is a convolution of Yᵍ with the filters turned round; with a stride, or where
the output is much the smaller, Wᵀ Yᵍ, every column added back to what it was read from, is less work.
(Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from .views import WIDER, Part, parts, reach, wide, windows

_FEW = 64  # output positions, up to which all images of a batch share one matrix
_LITTLE = 2**14  # elements of columns, up to which fewer steps beat fewer elements


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid, groups: int) -> Tensor:
    """Y = W X + b."""
    if x.dtype in WIDER:
        return conv(wide(x), wide(w), None if b is None else wide(b), grid, groups).to(x.dtype)
    sizes = _sizes(grid, groups, x.shape, w.shape)
    filters = w.reshape(*sizes.filters)
    bias = None if b is None else b.reshape(*sizes.bias)
    if sizes.parts is None:
        return _convolved(x, filters, bias, grid, sizes)
    y = x.new_empty(sizes.output)
    for part in sizes.parts:
        images, target = x[part.images], part.of(y)
        target.copy_(_convolved(images, filters, bias, part.grid, _sizes(part.grid, groups, images.shape, w.shape)))
    return y


def conv_input_grad(gy: Tensor, w: Tensor, grid, groups: int, b: Tensor | None = None) -> Tensor:
    """Xᵍ: every gy[n,o,p] · w[o,c,t] added to the x[n,c,p,t] it came from."""
    if gy.dtype in WIDER:
        return conv_input_grad(wide(gy), wide(w), grid, groups, None if b is None else wide(b)).to(gy.dtype)
    if _is_convolution(grid, gy.shape[0] * gy.shape[1]):
        return conv(gy, _turned(w, groups), b, _mirrored(grid), groups)
    channels = groups * w.shape[1]
    filters = w.reshape(groups, w.shape[0] // groups, prod(w.shape[1:])).mT
    gx = gy.new_zeros(gy.shape[0], channels, *grid.input_size)
    for part in parts(gy.shape[0], channels, grid):
        _add_back(gx[part.images], _spread(part.of(gy), filters), part.grid)
    return gx if b is None else gx.add_(b.reshape(-1, *(1,) * grid.rank))


def conv_weight_grad(x: Tensor, gy: Tensor, grid, groups: int) -> Tensor:
    """Wᵍ = Σ_n Yᵍ Xᵀ."""
    if x.dtype in WIDER:
        return conv_weight_grad(wide(x), wide(gy), grid, groups).to(x.dtype)
    shape = (gy.shape[1], x.shape[1] // groups, *grid.kernel_size)
    pieces = parts(x.shape[0], x.shape[1], grid)
    if len(pieces) == 1:
        return _weight_grad(x, gy, grid, groups, shape)
    return sum(_weight_grad(x[part.images], part.of(gy), part.grid, groups, shape) for part in pieces)


class _Sizes(NamedTuple):
    """The shapes of the matrices of a convolution, whether its images share one, and its parts, None for one."""

    filters: tuple[int, int, int]
    bias: tuple[int, int, int]
    columns: tuple[int, int, int]
    output: tuple[int, ...]
    together: bool
    parts: tuple[Part, ...] | None


@lru_cache(maxsize=4096)
def _sizes(grid, groups: int, x: torch.Size, w: torch.Size) -> _Sizes:
    rows, out, positions = prod(w[1:]), w[0] // groups, prod(grid.output_size)
    pieces = parts(x[0], x[1], grid)
    together = x[0] == 1 or positions <= _FEW
    return _Sizes(
        filters=(groups, out, rows),
        bias=(groups, out, 1),
        columns=(groups, rows, x[0] * positions) if together else (x[0] * groups, rows, positions),
        output=(x[0], w[0], *grid.output_size),
        together=together,
        parts=None if len(pieces) == 1 else pieces,
    )


def _convolved(x: Tensor, filters: Tensor, bias: Tensor | None, grid, sizes: _Sizes) -> Tensor:
    """Y of some images: one matrix product for each, or one for all where an image has few positions."""
    view = windows(x, grid)
    if not sizes.together or x.shape[0] == 1:
        return _product(filters, view.reshape(*sizes.columns), bias).reshape(*sizes.output)
    images, *output = sizes.output
    y = _product(filters, _batch_last(view, grid).reshape(*sizes.columns), bias)
    return y.reshape(output[0], images, *output[1:]).transpose(0, 1)


def _batch_last(view: Tensor, grid) -> Tensor:
    """(C, *kernel, N, *output) of (N, C, *kernel, *output)."""
    return view.movedim(0, 1 + grid.rank)


def _product(filters: Tensor, cols: Tensor, bias: Tensor | None = None) -> Tensor:
    """(G, m, k) for each image times (N · G, k, l), plus (G, m, 1)."""
    groups = filters.shape[0]
    images = cols.shape[0] // groups
    if images != 1:
        filters = filters.expand(images, *filters.shape).reshape(cols.shape[0], *filters.shape[1:])
    if bias is None:
        return torch.bmm(filters, cols)
    if images != 1 and groups != 1:
        bias = bias.expand(images, *bias.shape).reshape(cols.shape[0], *bias.shape[1:])
    return torch.baddbmm(bias, filters, cols)


def _weight_grad(x: Tensor, gy: Tensor, grid, groups: int, shape: tuple[int, ...]) -> Tensor:
    """(G, O / G, N · P) times (N · P, C / G · T)."""
    view = windows(x, grid)
    if x.shape[0] != 1:
        view, gy = _batch_last(view, grid), gy.transpose(0, 1)
    each = x.shape[0] * prod(grid.output_size)
    cols = view.reshape(groups, prod(shape[1:]), each)
    return torch.bmm(gy.reshape(groups, shape[0] // groups, each), cols.mT).reshape(shape)


def _spread(gy: Tensor, filters: Tensor) -> Tensor:
    """(N, G · C / G · T, P): the filters times the gradient of each output, one matrix product as in the forward."""
    images, positions = gy.shape[0], prod(gy.shape[2:])
    groups, rows, each = filters.shape
    if positions > _FEW:
        return _product(filters, gy.reshape(images * groups, each, positions)).reshape(images, groups * rows, positions)
    together = torch.bmm(filters, gy.transpose(0, 1).reshape(groups, each, images * positions))
    return together.reshape(groups * rows, images, positions).transpose(0, 1)


def _turned(w: Tensor, groups: int) -> Tensor:
    """(C, O / G, *kernel): the filters with inputs and outputs exchanged and every axis reversed."""
    if groups == 1:
        turned = w.transpose(0, 1)
    else:
        o, c, *kernel = w.shape
        turned = w.reshape(groups, o // groups, c, *kernel).transpose(1, 2)
        turned = turned.reshape(groups * c, o // groups, *kernel)
    return turned.flip(*range(2, w.dim()))


@lru_cache(maxsize=4096)
def _is_convolution(grid, maps: int) -> bool:
    """Whether the input gradient is best computed as a convolution: not among zeros, not for few outputs of much."""
    if max(grid.stride) > 1:
        return False
    size = prod(grid.input_size)
    return size <= 2 * prod(grid.output_size) or maps * size * prod(grid.kernel_size) <= _LITTLE


@lru_cache(maxsize=4096)
def _mirrored(grid):
    """Return the grid that reads, for every input element, the outputs that read it (stride 1)."""
    before = tuple((k - 1) * d - b for k, d, b in zip(grid.kernel_size, grid.dilation, grid.before, strict=True))
    return grid._replace(input_size=grid.output_size, output_size=grid.input_size, before=before)


def _add_back(gx: Tensor, cols: Tensor, grid) -> None:
    """Add every element of the columns to the input element it was read from."""
    cols = cols.reshape(*gx.shape[:2], *grid.kernel_size, *grid.output_size)
    for tap in product(*map(range, grid.kernel_size)):
        target, source = gx, cols[(slice(None), slice(None), *tap)]
        for axis, t in enumerate(tap):
            outputs, inputs = reach(axis, t, grid)
            target, source = target[inputs], source[outputs]
        target += source
