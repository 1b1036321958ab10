"""Pooling backward: every input element collects what the windows that read it give, to the chosen one or to all.

So each element is written once, by one thread, its sum always in the same order.
"""

from __future__ import annotations

from .jit import Bytes, Longs, Real, inner, kernel
from .masks import all_lanes, as_ints, counts, lanes_between, load_where, load_wide, store_where
from .pad import clear, copy
from .simd import (
    at,
    interleaved_high,
    interleaved_low,
    length,
    load_first,
    select,
    splat,
    store,
    store_first,
    three_mixed_first,
    three_mixed_second,
    three_mixed_third,
)
from .windows import BEFORE, DILATION, FIRST, FREE, HEADER, STRIDE, UNITS, K, M, N, following, onward, place, readers

CHOSEN, KV, S, WIDE = 1, 0, 0, 0


@inner
def taps_at(tap, wide, base):
    """The tap at an address, whichever its width."""
    return as_ints(tap)[base] if wide else tap[base]


@inner
def given(gy, tap, share, picks, wide, base, p, mv, code, inside):
    """What the windows (p, p + 1, ...) of a row of mv give to their tap number ``code``; nothing, if outside."""
    zero = splat(gy, 0.0)
    mask = all_lanes(gy) if inside else lanes_between(gy, -p, mv - p)
    value = load_where(gy, base + p, mask, zero)
    if not picks:
        return value * load_where(share, p, mask, zero)
    like = counts(gy, 0)
    seen = load_wide(as_ints(tap), base + p, mask, like) if wide else load_wide(tap, base + p, mask, like)
    return select(seen == counts(gy, code), value, zero)


@inner
def phase(gy, tap, share, picks, wide, base, u, mv, code, table, f, kv, s, inside):
    """What a row of windows gives to the elements (u, u + 1, ...) · s + f − before; kv is KV."""
    taps, first, offset, along, below = (kv - f + s - 1) // s, f, 0, s, 1
    if kv == 0:
        along, below = table[1], table[2]
        taps, first, offset = table[3 + 3 * f], table[4 + 3 * f], table[5 + 3 * f]
    total = splat(gy, 0.0)
    for j in range(taps):
        p = u - offset - j * below
        total = total + given(gy, tap, share, picks, wide, base, p, mv, code + first + j * along, inside)
    return total


@inner
def put(gx, to, i, nv, value, end):
    """gx[i], ... = value where i is inside the row of nv, or beyond it where the rows to come write over it."""
    lanes = length(gx)
    if i >= 0 and (i + lanes <= nv or to + i + lanes <= end):
        store(gx, to + i, value)
    else:
        store_where(gx, to + i, value, lanes_between(gx, -i, nv - i))


@inner
def put_two(gx, to, i, nv, a, b, end):
    """gx[i], ... = a[0], b[0], a[1], b[1], ..."""
    put(gx, to, i, nv, interleaved_low(a, b), end)
    put(gx, to, i + length(gx), nv, interleaved_high(a, b), end)


@inner
def put_phases(gx, to, i, nv, s, a, b, c, d, end):
    """gx[i], ... = a[0], b[0], ..., a[1], ... of as many vectors as the stride s says."""
    n = length(gx)
    if s == 1:
        put(gx, to, i, nv, a, end)
    if s == 2:
        put_two(gx, to, i, nv, a, b, end)
    if s == 3:
        put(gx, to, i, nv, three_mixed_first(a, b, c), end)
        put(gx, to, i + n, nv, three_mixed_second(a, b, c), end)
        put(gx, to, i + 2 * n, nv, three_mixed_third(a, b, c), end)
    if s == 4:
        put_two(gx, to, i, nv, interleaved_low(a, c), interleaved_low(b, d), end)
        put_two(gx, to, i + 2 * n, nv, interleaved_high(a, c), interleaved_high(b, d), end)


@inner
def one_by_one(gy, tap, share, picks, wide, base, mv, code, weight, gx, to, nv, alone, g):
    """Let the windows of a row give one after the other, each to its chosen element or to all.

    ``alone`` says that no window has given to any of these elements before, nor will another.
    """
    for p in range(mv):
        start, apart = p * g[STRIDE] - g[BEFORE], g[DILATION]
        if picks:
            t = taps_at(tap, wide, base + p) - code
            i = start + t * apart
            here = t >= 0 and t < g[K + 3] and i >= 0 and i < nv
            i = i if here else min(max(start, 0), nv - 1)  # adding nothing costs less than a wrong guess
            gx[to + i] += gy[base + p] if here else 0.0
        elif apart == 1:
            value, begin, end = splat(gy, gy[base + p] * share[p] * weight), max(start, 0), min(start + g[K + 3], nv)
            for j in range(-(-(end - begin) // length(gx))):
                i = begin + j * length(gx)
                if alone:
                    store_first(gx, to + i, value, end - i)
                else:
                    store_first(gx, to + i, value + load_first(gx, to + i, end - i), end - i)
        else:
            for t in range(g[K + 3]):
                i = start + t * apart
                if i >= 0 and i < nv:
                    gx[to + i] += gy[base + p] * share[p] * weight


@kernel
def collected(lo, hi, thread, gy: Real, gx: Real, tap: Bytes, share: Real, g: Longs):
    """gx[i] = Σ gy[p] over the windows p that read i with the tap that they chose, or with any: the rows lo to hi.

    CHOSEN tells which. With any, each gy[p] counts share[p] times, ``share`` holding a factor for each row of a plane
    of gy and then one for each position in a row. ``g`` is the table of :func:`~.windows.by_input`. KV and S are the
    plan's constants; WIDE says whether a tap takes 32 bits.
    """
    n0, n1, n2, nv, m0, m1, m2, mv = g[N], g[N + 1], g[N + 2], g[N + 3], g[M], g[M + 1], g[M + 2], g[M + 3]
    lanes, zero, units, rows = length(gy), splat(gy, 0.0), g[UNITS], m0 * m1 * m2
    along, table = at(share, rows), at(g, HEADER + 3 * (n0 + n1 + n2))
    plane, i0, i1, i2 = place(lo, n0, n1, n2)
    before = -1
    for row in range(lo, hi):
        origin, first, lines, on = readers(g, plane, i0, i1, i2)
        again, before = lines == 1 and origin == before, origin if lines == 1 else -1
        if S == 0 and not CHOSEN and again:
            copy(gx, row * nv - nv, gx, row * nv, nv, False)  # the same windows gave the row before the same
            lines = 0
        elif S == 0:
            clear(gx, row * nv, nv)
        for j in range(-(-units // lanes) if S else 1):
            u = g[FIRST] + min(j * lanes, max(units - lanes, 0))
            inside = g[FREE] <= u and u <= g[FREE + 1]
            a, b, c, d = zero, zero, zero, zero
            line, code, j1, j2 = origin, first, 0, 0
            for _ in range(lines):
                base, weight = line * mv, gy[0] if CHOSEN else share[line - plane * rows]
                if S == 0:
                    alone = lines == 1 and g[K + 3] <= g[STRIDE]
                    one_by_one(gy, tap, along, CHOSEN, WIDE, base, mv, code, weight, gx, row * nv, nv, alone, g)
                for f in range(S):
                    if inside:
                        v = phase(gy, tap, along, CHOSEN, WIDE, base, u, mv, code, table, f, KV, S, True)
                    else:
                        v = phase(gy, tap, along, CHOSEN, WIDE, base, u, mv, code, table, f, KV, S, False)
                    v = v if CHOSEN else v * splat(gy, weight)
                    if f == 0:
                        a = a + v
                    elif f == 1:
                        b = b + v
                    elif f == 2:
                        c = c + v
                    else:
                        d = d + v
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            put_phases(gx, row * nv, u * S - g[BEFORE], nv, S, a, b, c, d, hi * nv)
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
