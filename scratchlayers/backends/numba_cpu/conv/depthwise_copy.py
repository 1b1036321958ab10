"""Copies between images and the scratch memory of depthwise convolution: one row after the other, as tables say.

A row that is dealt out to two phases, or gathered from two, costs what any row costs; more phases are rare, and go one
element at a time.
"""

from __future__ import annotations

from ..jit import inner
from ..simd import evens, interleaved_high, interleaved_low, length, load, load_first, odds, splat, store, store_first


@inner
def clear(scratch, count):
    """Fill scratch[0] to scratch[count − 1] with zeros, and what is left of the last vector."""
    for i in range(0, count, length(scratch)):
        store(scratch, i, splat(scratch, 0.0))


@inner
def deal(x, xi, scratch, rows, count, split, plane):
    """Copy rows of x into scratch: ``rows`` holds ``count`` times (from, to, elements, u).

    Element e goes to phase (u + e) % split, place (u + e) // split of the row; phases lie ``plane`` apart. What is left
    of a last vector is overwritten with zeros: the rows must be in the order in which they lie in scratch.
    """
    for row in range(0, 4 * count, 4):
        start, to, size, u = xi + rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
        if split == 1:
            _copy(x, start, scratch, to + u, size)
        elif split == 2:
            first, second = to + u % 2 * plane + u // 2, to + (u + 1) % 2 * plane + (u + 1) // 2
            _deal_two(x, start, scratch, first, second, size)
        else:
            for e in range(size):
                scratch[to + (u + e) % split * plane + (u + e) // split] = x[start + e]


@inner
def _copy(x, i, y, j, count):
    """y[j + e] = x[i + e], e < count; zeros up to a vector's end."""
    full = length(x)
    if count >= full:
        for e in range(0, count - full, full):
            store(y, j + e, load(x, i + e))
        store(y, j + count - full, load(x, i + count - full))
    else:
        store(y, j, load_first(x, i, count))


@inner
def _deal_two(x, i, y, j, k, count):
    """y[j + e] = x[i + 2e], y[k + e] = x[i + 2e + 1]; zeros up to a vector's end."""
    full = length(x)
    e = 0
    while e < count:
        if e + 2 * full <= count:
            a, b = load(x, i + e), load(x, i + e + full)
        else:
            a, b = load_first(x, i + e, count - e), load_first(x, i + e + full, count - e - full)
        store(y, j + e // 2, evens(a, b))
        store(y, k + e // 2, odds(a, b))
        e += 2 * full


@inner
def gather(scratch, y, yi, rows, count, step, plane):
    """Copy rows of scratch to y: ``rows`` holds ``count`` times (from, to, elements).

    Element e of a row of y is that of phase e % step, place e // step.
    """
    for row in range(0, 3 * count, 3):
        start, to, size = rows[row], yi + rows[row + 1], rows[row + 2]
        if step == 1:
            _copy_exactly(scratch, start, y, to, size)
        elif step == 2:
            _gather_two(scratch, start, start + plane, y, to, size)
        else:
            for e in range(size):
                y[to + e] = scratch[start + e % step * plane + e // step]


@inner
def _copy_exactly(x, i, y, j, count):
    full = length(x)
    e = 0
    while e + full <= count:
        store(y, j + e, load(x, i + e))
        e += full
    if e < count:
        store_first(y, j + e, load(x, i + e), count - e)


@inner
def _gather_two(x, i, k, y, j, count):
    """y[j + 2e] = x[i + e], y[j + 2e + 1] = x[k + e]."""
    full = length(x)
    e = 0
    while e < count:
        a, b = load(x, i + e // 2), load(x, k + e // 2)
        low, high = interleaved_low(a, b), interleaved_high(a, b)
        if e + 2 * full <= count:
            store(y, j + e, low)
            store(y, j + e + full, high)
        else:
            store_first(y, j + e, low, count - e)
            store_first(y, j + e + full, high, count - e - full)
        e += 2 * full
