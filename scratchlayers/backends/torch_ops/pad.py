"""Padding by looking up, axis by axis, what each padded position copies."""

from __future__ import annotations

import torch
from torch import Tensor

from .views import wide


def pad(x: Tensor, frame) -> Tensor:
    """y[n,c,i] = x[n,c,sources[i]], 0 where a source is −1."""
    y = x
    for axis, sources in enumerate(frame.sources):
        if sources != tuple(range(frame.input_size[axis])):
            y = _look_up(y, axis, sources, frame.rank)
    return y.clone() if y is x else y


def _look_up(x: Tensor, axis: int, sources: tuple[int, ...], rank: int) -> Tensor:
    shape = list(x.shape)
    shape[2 + axis] = len(sources)
    y = x.new_zeros(shape)
    filled = _filled(sources)
    if filled.start < filled.stop:
        where = torch.tensor(sources[filled], device=x.device)
        y[_along(axis, rank, filled)] = x.index_select(2 + axis, where)
    return y


def pad_adjoint(gy: Tensor, frame) -> Tensor:
    """gx = the transpose of ``pad``."""
    gx = wide(gy)
    for axis, sources in enumerate(frame.sources):
        filled = _filled(sources)
        shape = list(gx.shape)
        shape[2 + axis] = frame.input_size[axis]
        where = torch.tensor(sources[filled], device=gy.device, dtype=torch.int64)
        part = gx[_along(axis, frame.rank, filled)]
        gx = gx.new_zeros(shape).index_add_(2 + axis, where, part)
    return gx.to(gy.dtype)


def _filled(sources: tuple[int, ...]) -> slice:
    """Where an axis copies something: one stretch, since only its two ends can be beyond the input."""
    copied = [i for i, source in enumerate(sources) if source >= 0]
    return slice(copied[0], copied[-1] + 1) if copied else slice(0, 0)


def _along(axis: int, rank: int, where: slice) -> tuple:
    """Return the index that takes ``where`` on one spatial axis and all of the others."""
    return (..., where, *(slice(None),) * (rank - axis - 1))
