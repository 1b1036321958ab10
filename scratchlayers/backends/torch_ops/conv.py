"""Convolution as matrix products: the filters times the columns that every output position reads (im2col).

With W (O, C·T) the filters, X (C·T, P) the columns of an image and Y (O, P) its output:
Y = W X, its input gradient Xᵍ = Wᵀ Yᵍ summed back over the windows, its weight gradient Wᵍ = Σ_n Yᵍ Xᵀ.
(Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from .views import columns, summed, wide

_AT_A_TIME = 2**20  # elements of columns: few enough to stay in a cache, enough to keep the cores busy


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid, groups: int) -> Tensor:
    """Y = W X + b."""
    dtype, (x, w) = x.dtype, (wide(x), wide(w))
    filters = _filters(w, groups)
    bias = None if b is None else wide(b).reshape(1, groups, -1, 1)
    parts = []
    for images in _batches(x.shape[0], w, groups, grid):
        y = _product(filters, _columns(x[images], groups, grid))
        parts.append(y if bias is None else y.add_(bias))
    return _joined(parts).reshape(x.shape[0], w.shape[0], *grid.output_size).to(dtype)


def conv_input_grad(gy: Tensor, w: Tensor, grid, groups: int) -> Tensor:
    """Xᵍ = Wᵀ Yᵍ, summed back over the windows."""
    dtype, (gy, w) = gy.dtype, (wide(gy), wide(w))
    filters = _filters(w, groups).mT
    shape = (groups * w.shape[1], *grid.kernel_size, *grid.output_size)
    parts = []
    for images in _batches(gy.shape[0], w, groups, grid):
        cols = _product(filters, _rows(gy[images], groups))
        parts.append(summed(cols.reshape(cols.shape[0], *shape), grid))
    return _joined(parts).to(dtype)


def conv_weight_grad(x: Tensor, gy: Tensor, grid, groups: int) -> Tensor:
    """Wᵍ = Σ_n Yᵍ Xᵀ."""
    dtype, (x, gy) = x.dtype, (wide(x), wide(gy))
    gw = gy.new_zeros(gy.shape[1], x.shape[1] // groups, *grid.kernel_size)
    for images in _batches(x.shape[0], gw, groups, grid):
        part = _product(_rows(gy[images], groups), _columns(x[images], groups, grid).mT)
        gw += part.sum(0).reshape(gw.shape)
    return gw.to(dtype)


def _batches(images: int, w: Tensor, groups: int, grid) -> Iterator[slice]:
    """Split the batch so that the columns of a part stay small."""
    each = groups * prod(w.shape[1:]) * prod(grid.output_size)
    step = max(_AT_A_TIME // max(each, 1), 1)
    if images <= step:
        return iter([slice(None)])
    return (slice(start, start + step) for start in range(0, images, step))


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """(N, G, m, k) times (N, G, k, l), either's N possibly 1."""
    n, g = max(a.shape[0], b.shape[0], key=lambda size: size != 1), a.shape[1]
    a, b = (m.expand(n, *m.shape[1:]).reshape(n * g, *m.shape[2:]) for m in (a, b))
    return torch.bmm(a, b).reshape(n, g, a.shape[1], b.shape[2])


def _filters(w: Tensor, groups: int) -> Tensor:
    """(1, G, O / G, C / G · T)."""
    return w.reshape(1, groups, w.shape[0] // groups, prod(w.shape[1:]))


def _columns(x: Tensor, groups: int, grid) -> Tensor:
    """(N, G, C / G · T, P)."""
    rows = x.shape[1] // groups * prod(grid.kernel_size)
    return columns(x, grid).reshape(x.shape[0], groups, rows, prod(grid.output_size))


def _rows(gy: Tensor, groups: int) -> Tensor:
    """(N, G, O / G, P)."""
    return gy.reshape(gy.shape[0], groups, gy.shape[1] // groups, prod(gy.shape[2:]))
