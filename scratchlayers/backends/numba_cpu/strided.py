"""How does a vector of windows read one of its taps? Elements a stride apart, without those outside the row."""

from __future__ import annotations

from .jit import inner
from .masks import all_lanes, lanes_between, load_apart, load_where
from .simd import evens, length, odds, thirds_from_first, thirds_from_second, thirds_from_third


@inner
def legal(x, e, n, step):
    """Return the mask of the lanes j where element e + j · step lies in a row of n."""
    return lanes_between(x, -(e // step), -((e - n) // step))


@inner
def part(x, row, e, n, number, inside, other):
    """The vector ``number`` of those that begin at x[row + e], ``other`` where it is outside the row of n."""
    e += number * length(x)
    mask = all_lanes(x) if inside else lanes_between(x, -e, n - e)
    return load_where(x, row + e, mask, other)


@inner
def strided(x, row, e, n, step, phase, inside, other):
    """x[row + e + j · step] in lane j, ``other`` where element e + j · step is outside the row of n.

    The elements are picked from the vectors that begin ``phase`` elements before e: taps of one window can share them.
    ``inside`` says that all these are inside the row.
    """
    begin = e - phase
    if step == 1:
        return part(x, row, e, n, 0, inside, other)
    if step == 2:
        a, b = part(x, row, begin, n, 0, inside, other), part(x, row, begin, n, 1, inside, other)
        return odds(a, b) if phase else evens(a, b)
    if step == 3:
        a, b = part(x, row, begin, n, 0, inside, other), part(x, row, begin, n, 1, inside, other)
        c = part(x, row, begin, n, 2, inside, other)
        if phase == 0:
            return thirds_from_first(a, b, c)
        return thirds_from_second(a, b, c) if phase == 1 else thirds_from_third(a, b, c)
    if step == 4:
        a, b = part(x, row, begin, n, 0, inside, other), part(x, row, begin, n, 1, inside, other)
        c, d = part(x, row, begin, n, 2, inside, other), part(x, row, begin, n, 3, inside, other)
        if phase & 1:
            a, c = odds(a, b), odds(c, d)
        else:
            a, c = evens(a, b), evens(c, d)
        return odds(a, c) if phase & 2 else evens(a, c)
    mask = all_lanes(x) if inside else legal(x, e, n, step)
    return load_apart(x, row + e, step, mask, other)
