"""How are elements a stride apart read and written? Those of one tap of many windows, without those outside the row."""

from __future__ import annotations

from .jit import inner
from .masks import all_lanes, lanes_between, load_apart, load_where, store_where
from .simd import evens, interleaved_high, interleaved_low, length, odds, store


@inner
def legal(x, e, n, step):
    """Return the mask of the lanes j where element e + j · step lies in a row of n."""
    return lanes_between(x, -(e // step), -((e - n) // step))


@inner
def strided(x, row, e, n, step, odd, inside, other):
    """x[row + e + j · step] in lane j, ``other`` where element e + j · step is outside the row of n.

    At step 2, one with an ``odd`` number reads what its predecessor does. ``inside`` says that no lane is outside.
    """
    if step == 1:
        mask = all_lanes(x) if inside else lanes_between(x, -e, n - e)
        return load_where(x, row + e, mask, other)
    if step == 2:
        lanes = length(x)
        e -= odd
        low = all_lanes(x) if inside else lanes_between(x, -e, n - e)
        high = all_lanes(x) if inside else lanes_between(x, -e - lanes, n - e - lanes)
        a, b = load_where(x, row + e, low, other), load_where(x, row + e + lanes, high, other)
        return odds(a, b) if odd else evens(a, b)
    mask = all_lanes(x) if inside else legal(x, e, n, step)
    return load_apart(x, row + e, step, mask, other)


@inner
def store_both(y, row, e, n, a, b):
    """y[row + e], ... = a[0], b[0], a[1], b[1], ... where that is inside the row of n."""
    lanes = length(y)
    low, high = interleaved_low(a, b), interleaved_high(a, b)
    if e >= 0 and e + 2 * lanes <= n:
        store(y, row + e, low)
        store(y, row + e + lanes, high)
    else:
        store_where(y, row + e, low, lanes_between(y, -e, n - e))
        store_where(y, row + e + lanes, high, lanes_between(y, -e - lanes, n - e - lanes))
