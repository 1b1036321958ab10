"""What stands around the input? Each element of the padded array copies one input element, or is a constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...geometry import Frame, per_axis
from .arithmetic import rounded_once


def zero_pad(x: np.ndarray, before: int | Sequence[int], after: int | Sequence[int] | None = None) -> np.ndarray:
    """Surround the spatial axes of ``x`` with zeros.

        y[n, c, i] = x[n, c, i − before] where that is inside the input, else 0

    ``x`` is (N, C, *spatial) of any dtype, ``before`` and ``after`` count the zeros on each side of every axis (an int
    for all axes alike; ``after`` is like ``before`` unless given). Returns (N, C, *(before + size + after)) of the same
    dtype; ValueError where a count is negative or does not fit the axes. (Dumoulin and Visin, arXiv:1603.07285,
    section 2.2.)

    >>> zero_pad(np.array([[[1, 2, 3]]]), before=1, after=2)
    array([[[0, 1, 2, 3, 0, 0]]])
    """
    size = x.shape[2:]
    before = per_axis(len(size), before, "before", least=0)
    after = before if after is None else per_axis(len(size), after, "after", least=0)
    return pad(x, Frame.around(size, tuple(zip(before, after, strict=True)), "constant"))


def pad(x: np.ndarray, frame: Frame, value: float = 0) -> np.ndarray:
    """y[n,c,i] = x[n,c,sources[i]], ``value`` where a source is −1: every padding mode is a table of sources."""
    y = np.full((*x.shape[:2], *frame.output_size), value, x.dtype)
    for i, source in _copies(frame):
        y[:, :, *i] = x[:, :, *source]
    return y


@rounded_once
def pad_adjoint(gy: np.ndarray, frame: Frame) -> np.ndarray:
    """gx[n,c,sources[i]] += gy[n,c,i]: an element that was copied k times collects the gradients of its k copies."""
    gx = np.zeros((*gy.shape[:2], *frame.input_size), gy.dtype)
    for i, source in _copies(frame):
        gx[:, :, *source] += gy[:, :, *i]
    return gx


def _copies(frame: Frame) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(i, source) for every position i of the padded array that copies something."""
    tables = frame.sources
    for i in np.ndindex(frame.output_size):
        source = tuple(table[j] for table, j in zip(tables, i, strict=True))
        if min(source) >= 0:
            yield i, source
