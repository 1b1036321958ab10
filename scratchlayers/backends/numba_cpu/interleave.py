"""Elements that take turns: from one row to a row for each of several parts, and back.

Two, three or four parts go by vectors, a permutation of what was loaded; of more, every part goes by itself.
"""

from __future__ import annotations

from .jit import inner
from .simd import (
    evens,
    interleaved_high,
    interleaved_low,
    length,
    load,
    load_first,
    odds,
    store,
    store_first,
    thirds_from_first,
    thirds_from_second,
    thirds_from_third,
    three_mixed_first,
    three_mixed_second,
    three_mixed_third,
)


@inner
def place_of(e, parts, apart):
    """Return where element e of a row goes: to part e % parts, place e // parts."""
    return e % parts * apart + e // parts


@inner
def part(x, i, y, j, first, parts, apart, count):
    """y[j + place_of(first + e)] = x[i + e] for e < count; zeros up to the end of a part's last vector, or nothing."""
    full = length(x)
    a, b = j + place_of(first, parts, apart), j + place_of(first + 1, parts, apart)
    c, d = j + place_of(first + 2, parts, apart), j + place_of(first + 3, parts, apart)
    if parts == 2:
        for e in range(0, count, 2 * full):
            v, w = _load(x, i + e, count - e), _load(x, i + e + full, count - e - full)
            store(y, a + e // 2, evens(v, w))
            store(y, b + e // 2, odds(v, w))
    elif parts == 3:
        for e in range(0, count, 3 * full):
            v, w = _load(x, i + e, count - e), _load(x, i + e + full, count - e - full)
            z = _load(x, i + e + 2 * full, count - e - 2 * full)
            store(y, a + e // 3, thirds_from_first(v, w, z))
            store(y, b + e // 3, thirds_from_second(v, w, z))
            store(y, c + e // 3, thirds_from_third(v, w, z))
    elif parts == 4:
        for e in range(0, count, 4 * full):
            v, w = _load(x, i + e, count - e), _load(x, i + e + full, count - e - full)
            s, t = _load(x, i + e + 2 * full, count - e - 2 * full), _load(x, i + e + 3 * full, count - e - 3 * full)
            even, other = evens(v, w), evens(s, t)
            store(y, a + e // 4, evens(even, other))
            store(y, c + e // 4, odds(even, other))
            even, other = odds(v, w), odds(s, t)
            store(y, b + e // 4, evens(even, other))
            store(y, d + e // 4, odds(even, other))
    else:
        for turn in range(min(parts, count)):
            place, e = j + place_of(first + turn, parts, apart), turn
            while e < count:
                y[place] = x[i + e]
                place, e = place + 1, e + parts


@inner
def merge(x, i, y, j, parts, apart, count):
    """y[j + e] = x[i + place_of(e)] for e < count."""
    full = length(x)
    if parts == 2:
        for e in range(0, count, 2 * full):
            v, w = load(x, i + e // 2), load(x, i + apart + e // 2)
            _store(y, j + e, interleaved_low(v, w), count - e)
            _store(y, j + e + full, interleaved_high(v, w), count - e - full)
    elif parts == 3:
        for e in range(0, count, 3 * full):
            v, w, z = load(x, i + e // 3), load(x, i + apart + e // 3), load(x, i + 2 * apart + e // 3)
            _store(y, j + e, three_mixed_first(v, w, z), count - e)
            _store(y, j + e + full, three_mixed_second(v, w, z), count - e - full)
            _store(y, j + e + 2 * full, three_mixed_third(v, w, z), count - e - 2 * full)
    elif parts == 4:
        for e in range(0, count, 4 * full):
            v, w = load(x, i + e // 4), load(x, i + apart + e // 4)
            s, t = load(x, i + 2 * apart + e // 4), load(x, i + 3 * apart + e // 4)
            first, second = interleaved_low(v, s), interleaved_low(w, t)
            _store(y, j + e, interleaved_low(first, second), count - e)
            _store(y, j + e + full, interleaved_high(first, second), count - e - full)
            first, second = interleaved_high(v, s), interleaved_high(w, t)
            _store(y, j + e + 2 * full, interleaved_low(first, second), count - e - 2 * full)
            _store(y, j + e + 3 * full, interleaved_high(first, second), count - e - 3 * full)
    else:
        for turn in range(min(parts, count)):
            place, e = i + turn * apart, turn
            while e < count:
                y[j + e] = x[place]
                place, e = place + 1, e + parts


@inner
def _load(x, i, count):
    """Return x[i], ..., the first ``count`` of them at most."""
    return load(x, i) if count >= length(x) else load_first(x, i, count)


@inner
def _store(y, j, value, count):
    """Write at most the first ``count`` elements to y[j], ..."""
    if count >= length(y):
        store(y, j, value)
    else:
        store_first(y, j, value, count)
