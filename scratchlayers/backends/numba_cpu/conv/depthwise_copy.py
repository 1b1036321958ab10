"""Copies between images and the scratch memory of depthwise convolution: one row after the other, as tables say."""

from __future__ import annotations

from ..interleave import merge, part
from ..jit import inner
from ..simd import length, load, load_first, prefetch, splat, store, store_first


@inner
def clear(scratch, count):
    """Fill scratch[0] to scratch[count − 1] with zeros, and what is left of the last vector."""
    for i in range(0, count, length(scratch)):
        store(scratch, i, splat(scratch, 0.0))


@inner
def deal(x, xi, scratch, rows, count, split, plane, ahead):
    """Copy rows of x into scratch: ``rows`` holds ``count`` times (from, to, elements, u).

    Element e goes to phase (u + e) % split, place (u + e) // split of the row; phases lie ``plane`` apart. What is left
    of a last vector is overwritten with zeros: the rows must be in the order in which they lie in scratch. Meanwhile
    what is so far ``ahead`` is asked for.
    """
    for row in range(0, 4 * count, 4):
        start, to, size, u = xi + rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
        if split == 1:
            _copy(x, start, scratch, to + u, size, ahead)
        else:
            for e in range(0, size, length(x)):
                prefetch(x, start + e + ahead)
            part(x, start, scratch, to, u, split, plane, size)


@inner
def _copy(x, i, y, j, count, ahead):
    """y[j + e] = x[i + e], e < count; zeros up to a vector's end."""
    full = length(x)
    if count >= full:
        for e in range(0, count - full, full):
            prefetch(x, i + e + ahead)
            store(y, j + e, load(x, i + e))
        store(y, j + count - full, load(x, i + count - full))
    else:
        store(y, j, load_first(x, i, count))


@inner
def gather(scratch, y, yi, rows, count, step, plane):
    """Copy rows of scratch to y: ``rows`` holds ``count`` times (from, to, elements).

    Element e of a row of y is that of phase e % step, place e // step.
    """
    for row in range(0, 3 * count, 3):
        start, to, size = rows[row], yi + rows[row + 1], rows[row + 2]
        if step == 1:
            _copy_exactly(scratch, start, y, to, size)
        else:
            merge(scratch, start, y, to, step, plane, size)


@inner
def _copy_exactly(x, i, y, j, count):
    full = length(x)
    e = 0
    while e + full <= count:
        store(y, j + e, load(x, i + e))
        e += full
    if e < count:
        store_first(y, j + e, load(x, i + e), count - e)
