"""Pooling backward: every input element collects what the windows that read it give, to the chosen one or to all.

So each element is written by one thread, added up in one order. The rows of windows that reach a row of the input are
taken one after the other; the first is stored, the others are added to what is there.
"""

from __future__ import annotations

from .jit import Bytes, Longs, Real, inner, kernel
from .masks import all_lanes, as_ints, counts, lanes_between, load_where, load_wide, store_where
from .pad import clear
from .simd import beyond, interleaved_high, interleaved_low, length, load, select, splat, store
from .windows import BACK, BEFORE, DILATION, FIRST, FREE, HEADER, STEPS, STRIDE, UNITS, following, place

CHOSEN, KV, S, WIDE = 1, 0, 0, 0


@inner
def taps_at(tap, wide, at):
    """The tap at an address, whichever its width."""
    return as_ints(tap)[at] if wide else tap[at]


@inner
def given(gy, tap, share, picks, wide, at, p, mv, code, inside):
    """What the windows (p, p + 1, ...) of a row of mv give to their tap number ``code``; nothing, if outside."""
    zero = splat(gy, 0.0)
    mask = all_lanes(gy) if inside else lanes_between(gy, -p, mv - p)
    value = load_where(gy, at + p, mask, zero)
    if not picks:
        return value * load_where(share, p, mask, zero)
    like = counts(gy, 0)
    seen = load_wide(as_ints(tap), at + p, mask, like) if wide else load_wide(tap, at + p, mask, like)
    return select((seen == counts(gy, code)) & mask, value, zero)


@inner
def phase(gy, tap, share, picks, wide, at, u, mv, code, table, f, kv, s, inside):
    """What a row of windows gives to the elements (u, u + 1, ...) · s + f − before; kv is KV."""
    taps, first, offset, along, below = (kv - f + s - 1) // s, f, 0, s, 1
    if kv == 0:
        along, below = table[1], table[2]
        taps, first, offset = table[3 + 3 * f], table[4 + 3 * f], table[5 + 3 * f]
    total = splat(gy, 0.0)
    for j in range(taps):
        p = u - offset - j * below
        total = total + given(gy, tap, share, picks, wide, at, p, mv, code + first + j * along, inside)
    return total


@inner
def put(gx, to, i, nv, value, fresh):
    """gx[i], ... = value, or += value, where i is inside the row of nv."""
    if i >= 0 and i + length(gx) <= nv:
        store(gx, to + i, value if fresh else value + load(gx, to + i))
    else:
        mask = lanes_between(gx, -i, nv - i)
        there = splat(gx, 0.0) if fresh else load_where(gx, to + i, mask, splat(gx, 0.0))
        store_where(gx, to + i, value + there, mask)


@inner
def one_by_one(gy, tap, share, picks, wide, at, mv, code, weight, gx, to, nv, g):
    """Let the windows of a row give one after the other, each to its chosen element or to all."""
    for p in range(mv):
        start, apart = p * g[STRIDE] - g[BEFORE], g[DILATION]
        if picks:
            t = taps_at(tap, wide, at + p) - code
            i = start + t * apart
            if t >= 0 and t < g[11] and i >= 0 and i < nv:
                gx[to + i] += gy[at + p]
        elif apart == 1:
            value, begin, end = splat(gy, gy[at + p] * share[p] * weight), max(start, 0), min(start + g[11], nv)
            for j in range(-(-(end - begin) // length(gx))):
                put(gx, to, begin + j * length(gx), end, value, False)
        else:
            for t in range(g[11]):
                i = start + t * apart
                if i >= 0 and i < nv:
                    gx[to + i] += gy[at + p] * share[p] * weight


@kernel
def collected(lo, hi, thread, gy: Real, tap: Bytes, share: Real, gx: Real, g: Longs):
    """gx[i] = Σ gy[p] over the windows p that read i with the tap that they chose, or with any: the rows lo to hi.

    CHOSEN tells which. With any, each gy[p] counts Π_axis share[p] times, ``share`` holding a number for each position
    of the four axes. ``g`` is the table of :func:`~.windows.by_input`. KV and S are the plan's constants; WIDE says
    whether a tap takes 32 bits.
    """
    n0, n1, n2, nv = g[0], g[1], g[2], g[3]
    m0, m1, m2, mv = g[4], g[5], g[6], g[7]
    k1, k2, kv = g[9], g[10], g[11]
    lanes, vectors, along = length(gy), -(-g[UNITS] // length(gy)), beyond(share, m0 + m1 + m2)
    b1, b2, table = HEADER + 3 * n0, HEADER + 3 * (n0 + n1), beyond(g, HEADER + 3 * (n0 + n1 + n2))
    plane, i0, i1, i2 = place(lo, n0, n1, n2)
    for row in range(lo, hi):
        a0, a1, a2, to, fresh = HEADER + 3 * i0, b1 + 3 * i1, b2 + 3 * i2, row * nv, True
        if S == 0 or g[a0] * g[a1] * g[a2] == 0:
            clear(gx, to, nv)
        for j0 in range(g[a0]):
            for j1 in range(g[a1]):
                for j2 in range(g[a2]):
                    t0, p0 = g[a0 + 1] + j0 * g[STEPS], g[a0 + 2] - j0 * g[BACK]
                    t1, p1 = g[a1 + 1] + j1 * g[STEPS + 1], g[a1 + 2] - j1 * g[BACK + 1]
                    t2, p2 = g[a2 + 1] + j2 * g[STEPS + 2], g[a2 + 2] - j2 * g[BACK + 2]
                    at, code = (((plane * m0 + p0) * m1 + p1) * m2 + p2) * mv, ((t0 * k1 + t1) * k2 + t2) * kv
                    weight = gy[0] if CHOSEN else share[p0] * share[m0 + p1] * share[m0 + m1 + p2]
                    if S == 0:
                        one_by_one(gy, tap, along, CHOSEN, WIDE, at, mv, code, weight, gx, to, nv, g)
                    for j in range(vectors if S else 0):
                        u = g[FIRST] + j * lanes
                        i, inside = u * S - g[BEFORE], g[FREE] <= u and u <= g[FREE + 1]
                        if inside:
                            a = phase(gy, tap, along, CHOSEN, WIDE, at, u, mv, code, table, 0, KV, S, True)
                        else:
                            a = phase(gy, tap, along, CHOSEN, WIDE, at, u, mv, code, table, 0, KV, S, False)
                        if not CHOSEN:
                            a = a * splat(gy, weight)
                        if S == 1:
                            put(gx, to, i, nv, a, fresh)
                        if S == 2:
                            if inside:
                                b = phase(gy, tap, along, CHOSEN, WIDE, at, u, mv, code, table, 1, KV, S, True)
                            else:
                                b = phase(gy, tap, along, CHOSEN, WIDE, at, u, mv, code, table, 1, KV, S, False)
                            if not CHOSEN:
                                b = b * splat(gy, weight)
                            put(gx, to, i, nv, interleaved_low(a, b), fresh)
                            put(gx, to, i + lanes, nv, interleaved_high(a, b), fresh)
                    fresh = False
        plane, i0, i1, i2 = following(plane, i0, i1, i2, n0, n1, n2)
