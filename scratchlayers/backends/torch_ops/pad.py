"""Padding by slices: a padded axis is a few runs of the input, forwards, backwards or standing still."""

from __future__ import annotations

from torch import Tensor

from .views import wide


def pad(x: Tensor, frame, value: float = 0) -> Tensor:
    """y[n,c,i] = x[n,c,sources[i]], ``value`` where a source is −1."""
    y = x
    for axis, size, runs in _changed(frame):
        y = _copied(y, axis, size, runs, value)
    return y.clone() if y is x else y


def pad_adjoint(gy: Tensor, frame) -> Tensor:
    """gx = the transpose of ``pad``: what was copied gets back the sum of its copies."""
    gx = wide(gy)
    for axis, _, runs in _changed(frame):
        gx = _collected(gx, axis, frame.input_size[axis - 2], runs)
    return gx.clone() if gx is gy else gx.to(gy.dtype)


def _changed(frame):
    """(axis of the tensor, padded size, runs) of every axis that is not just itself."""
    for axis, (size, padded, runs) in enumerate(zip(*frame, strict=True), start=2):
        if runs != ((0, size, 0, 1),) or size != padded:
            yield axis, padded, runs


def _copied(x: Tensor, axis: int, size: int, runs, value: float) -> Tensor:
    y = _resized(x, axis, size, value)
    for run in runs:
        piece = _source(x, axis, run)
        y.narrow(axis, run.start, run.stop - run.start).copy_(piece.flip(axis) if run.step < 0 else piece)
    return y


def _collected(gy: Tensor, axis: int, size: int, runs) -> Tensor:
    gx = _resized(gy, axis, size)
    for run in runs:
        piece = gy.narrow(axis, run.start, run.stop - run.start)
        if run.step == 0:
            piece = piece.sum(axis, keepdim=True, dtype=gy.dtype)
        _source(gx, axis, run).add_(piece.flip(axis) if run.step < 0 else piece)
    return gx


def _source(x: Tensor, axis: int, run) -> Tensor:
    """Return the elements that a run copies, in the input's order; one if it stands still."""
    if run.step == 0:
        return x.narrow(axis, run.source, 1)
    count = run.stop - run.start
    return x.narrow(axis, run.source if run.step > 0 else run.source - count + 1, count)


def _resized(x: Tensor, axis: int, size: int, value: float = 0) -> Tensor:
    shape = list(x.shape)
    shape[axis] = size
    return x.new_full(shape, value)
