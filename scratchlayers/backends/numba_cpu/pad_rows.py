"""Padding, and its transpose, where a row is one run but for a few numbers: vectors move it, masked at its ends."""

from __future__ import annotations

import torch

from .frames import Plan, Row, row_of
from .jit import Longs, Real, inner, kernel
from .masks import lanes_between, lanes_set, load_where
from .simd import length, load, load_first, prefetch, splat, store, store_first
from .target import VECTOR_BYTES
from .windows import AHEAD

SHORT = 40  # numbers of a row whose masks are bits of one number; from 48 on this was slower, from L3 by half
FAR, BRIEF = 0, 0


def row_for(plan: Plan, dtype: torch.dtype) -> Row | None:
    """Return the row that a padding's plan makes, None where it is not one run or no mask has lanes so narrow."""
    return row_of(plan.tables[-1], plan.numbers[0]) if dtype.itemsize >= 4 or VECTOR_BYTES == 64 else None


@inner
def bits_of(start, stop):
    """Return the number whose bits from ``start`` on and below ``stop`` are 1, where these are few."""
    return (1 << min(stop, SHORT)) - (1 << min(start, SHORT))


@inner
def part(x, at, i, start, stop, bits, short, void):
    """Return the vector of x[at + i], ..., ``void``'s where i < start or i ≥ stop (in a ``short`` row: a bit is 0)."""
    if short:
        return load_where(x, at + i, lanes_set(x, bits >> i), void)
    if start <= i and i + length(x) <= stop:
        return load(x, at + i)
    return load_where(x, at + i, lanes_between(x, start - i, stop - i), void)


@inner
def lay(x, at, y, to, size, limit, start, stop, bits, short, far, void):
    """y[to + i] = x[at + i] for start ≤ i < stop, else ``void``, for i < size; ``far`` if x comes from no cache.

    What lies behind, below y[limit], may be overwritten: stores without a mask are much faster.
    """
    lanes = length(x)
    if size < lanes:
        if far:
            prefetch(x, at + AHEAD)
        value = part(x, at, 0, start, stop, bits, short, void)
        if to + lanes <= limit:
            store(y, to, value)
        else:
            store_first(y, to, value, size)
    else:
        for i in range(0, size, lanes):
            if far:
                prefetch(x, at + i + AHEAD)
            k = min(i, size - lanes)
            store(y, to + k, part(x, at, k, start, stop, bits, short, void))


@inner
def add(x, at, y, to, size, limit, start, stop, bits, short):
    """y[to + i] += x[at + i] for start ≤ i < stop; as in :func:`lay`."""
    lanes = length(x)
    for i in range(0, size, lanes):
        value = part(x, at, i, start, stop, bits, short, splat(x, 0))
        if to + i + lanes <= limit:
            store(y, to + i, load(y, to + i) + value)
        else:
            store_first(y, to + i, load_first(y, to + i, size - i) + value, size - i)


@kernel
def laid(
    lo, hi, thread, x: Real, y: Real, my, mx, size, source, start, stop, shift, count,
    rows: Longs, edges: Longs, fill: Real,
):  # fmt: skip
    """Fill the rows lo to hi of y, of ``size`` numbers each, from rows of ``source``: see :class:`~.frames.Row`.

    ``fill`` is a vector of what stands where nothing is copied.
    """
    plane, r, bits, void, limit = lo // my, lo % my, bits_of(start, stop), load(fill, 0), hi * size
    for row in range(lo, hi):
        to, at = row * size, (plane * mx + rows[r]) * source
        if rows[r] < 0:
            lay(x, 0, y, to, size, limit, 0, 0, 0, BRIEF, 0, void)
        else:
            lay(x, at + shift, y, to, size, limit, start, stop, bits, BRIEF, FAR, void)
            for j in range(count):
                y[to + edges[2 * j]] = x[at + edges[2 * j + 1]]
        r += 1
        if r == my:
            r, plane = 0, plane + 1


@kernel
def collected(
    lo, hi, thread, gy: Real, gx: Real, mx, my, size, copies, start, stop, shift, count,
    begins: Longs, order: Longs, edges: Longs,
):  # fmt: skip
    """Fill the rows lo to hi of gx with the sums of what :func:`laid` made of them."""
    plane, r, limit, zeros = lo // mx, lo % mx, hi * size, splat(gx, 0)
    start, stop = start + shift, stop + shift
    bits = bits_of(start, stop)
    for row in range(lo, hi):
        to, begin, end = row * size, begins[r], begins[r + 1]
        if begin == end:
            lay(gy, 0, gx, to, size, limit, 0, 0, 0, BRIEF, 0, zeros)
        for k in range(begin, end):
            at = (plane * my + order[k]) * copies
            if k == begin:
                lay(gy, at - shift, gx, to, size, limit, start, stop, bits, BRIEF, 1, zeros)
            else:
                add(gy, at - shift, gx, to, size, limit, start, stop, bits, BRIEF)
            for j in range(count):
                gx[to + edges[2 * j + 1]] += gy[at + edges[2 * j]]
        r += 1
        if r == mx:
            r, plane = 0, plane + 1
