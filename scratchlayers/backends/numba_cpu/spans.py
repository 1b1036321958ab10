"""Pooling over long windows far apart: a vector runs along one window, and its lanes are brought together last."""

from __future__ import annotations

from .jit import Bytes, Longs, Real, inner, kernel
from .masks import any_lane, as_ints, counts, earliest_lane, lanes_between, largest_lane, latest_lane, load_where, ramp
from .simd import length, load, prefetch, select, splat, store, store_first, total
from .windows import AHEAD, BEFORE, STRIDE, K, M, N, following, onward, place, reach

WIDE = 0


@inner
def span_sum(x, at, count):
    """Return x[at] + x[at + 1] + ..., ``count`` of them, in lanes: four vectors at a time, which need not wait."""
    lanes = length(x)
    a, b, c, d = splat(x, 0.0), splat(x, 0.0), splat(x, 0.0), splat(x, 0.0)
    fours, vectors = count // (4 * lanes), count // lanes
    for j in range(fours):
        i = at + j * 4 * lanes
        for k in range(4):
            prefetch(x, i + k * lanes + AHEAD)
        a, b = a + load(x, i), b + load(x, i + lanes)
        c, d = c + load(x, i + 2 * lanes), d + load(x, i + 3 * lanes)
    for j in range(4 * fours, vectors):
        prefetch(x, at + j * lanes + AHEAD)
        a = a + load(x, at + j * lanes)
    if vectors * lanes < count:
        some = lanes_between(x, 0, count - vectors * lanes)
        b = b + load_where(x, at + vectors * lanes, some, splat(x, 0.0))
    return (a + b) + (c + d)


@kernel
def span_sums(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """y[p] = Σ_t x[p · stride + t − before] / by[p], for the rows lo to hi of y: see ``summed``."""
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    rows = m0 * m1 * m2
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, number, lines, on = reach(g, plane, o0, o1, o2)
        divisor = by[row - plane * rows]
        for p in range(mv):
            start = p * g[STRIDE] - g[BEFORE]
            first = max(start, 0)
            count = max(min(start + g[K + 3], nv) - first, 0)
            sums = splat(x, 0.0)
            line, code, j1, j2 = origin, number, 0, 0
            for _ in range(lines):
                sums = sums + span_sum(x, line * nv + first, count)
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            y[row * mv + p] = total(sums) / (divisor * by[rows + p])
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)


@kernel
def row_means(lo, hi, thread, x: Real, y: Real, by: Real, g: Longs):
    """As ``span_sums``, where every row of x is one window."""
    count = g[N + 3]
    for row in range(lo, hi):
        y[row] = total(span_sum(x, row * count, count)) / (by[0] * by[1])


@kernel
def row_shares(lo, hi, thread, gy: Real, gx: Real, share: Real, g: Longs):
    """gx[i] = gy[p] · share[p], where every row of gx is one window: see ``collected``."""
    lanes, count = length(gx), g[N + 3]
    for row in range(lo, hi):
        value = splat(gx, gy[row] * (share[0] * share[1]))
        for j in range(count // lanes):
            store(gx, row * count + j * lanes, value)
        if count % lanes:
            store_first(gx, row * count + count // lanes * lanes, value, count % lanes)


@inner
def together(x, best, where):
    """Return the largest of all lanes and its tap: the first among equals, but the last NaN; tap 0 if there is none."""
    nan = best != best
    if any_lane(nan):
        return total(best), latest_lane(select(nan, where, counts(x, -1)))
    value = largest_lane(best)
    return value, max(earliest_lane(select(best == splat(x, value), where, counts(x, -1))), 0)


@kernel
def span_largest(lo, hi, thread, x: Real, y: Real, tap: Bytes, g: Longs):
    """y[p], tap[p] = max over t of x[p · stride + t − before], for the rows lo to hi of y: see ``largest``."""
    m0, m1, m2, mv, nv = g[M], g[M + 1], g[M + 2], g[M + 3], g[N + 3]
    lowest, zero = splat(x, -float("inf")), counts(x, 0)
    plane, o0, o1, o2 = place(lo, m0, m1, m2)
    for row in range(lo, hi):
        origin, number, lines, on = reach(g, plane, o0, o1, o2)
        for p in range(mv):
            start = p * g[STRIDE] - g[BEFORE]
            first, count = max(start, 0), min(start + g[K + 3], nv) - max(start, 0)
            best, where = lowest, counts(x, -1)
            line, code, j1, j2 = origin, number, 0, 0
            for _ in range(lines):
                at = line * nv + first
                for j in range(-(-count // length(x))):
                    i = j * length(x)
                    prefetch(x, at + i + AHEAD)
                    mask = lanes_between(x, 0, count - i)
                    v = load_where(x, at + i, mask, lowest)
                    take = (v > best) | (v != v) | ((where < zero) & mask)
                    best, where = select(take, v, best), select(take, ramp(x, code + first - start + i), where)
                line, code, j1, j2 = onward(line, code, j1, j2, on)
            value, chosen = together(x, best, where)
            y[row * mv + p] = value
            if WIDE:
                as_ints(tap)[row * mv + p] = chosen
            else:
                tap[row * mv + p] = chosen
        plane, o0, o1, o2 = following(plane, o0, o1, o2, m0, m1, m2)
