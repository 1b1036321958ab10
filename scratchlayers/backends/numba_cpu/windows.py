"""Where do the windows of a pooling lie? Tables of integers that every pooling kernel reads.

All ranks and both layouts are one problem: planes of *rows*. Three axes number the rows of a plane, the last runs along
them::

    contiguous       planes N · C,   axes (1, depth, height),       rows along the width
    channels last    planes N,       axes (depth, height, width),   rows along the channels, each a window of its own

An axis that every window covers whole is no axis of its own: it is joined to the one before it.

A table is a run of int64: the header that :data:`HEADER` numbers, then for each of the three axes what the kernel needs
at each of its positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ...geometry import Grid, Sizes
from .jit import inner
from .target import lanes


class Axis(NamedTuple):
    """One axis of a grid; its fields are those of :class:`~scratchlayers.geometry.Grid`, shortened."""

    n: int
    m: int
    k: int
    s: int
    d: int
    b: int


class Plan(NamedTuple):
    """What a kernel is called with: the result's shape, how many rows it has, and the table.

    ``constants`` are those it is compiled with: KV, the size of a window along a row where that is small and not
    dilated, else 0; and S, the stride along a row if that is small, else 0. ``spans`` says whether windows are long
    and far apart, ``whole`` whether each is a whole row; ``high``, if they are the blocks that the rows are cut into,
    how many rows a block has, else 0.
    """

    shape: Sizes
    rows: int
    work: float
    constants: dict[str, int]
    spans: bool
    whole: bool
    high: int
    table: np.ndarray


# The header holds the sizes N of input, M of output and K of window on all four axes. For the axis along the rows:
# STRIDE, DILATION, BEFORE (its padding), FREE (the first and the last start of a vector that needs no mask), UNITS (how
# many vector lanes a row takes) and FIRST (the number of the first). For the three others: from each tap to the next,
# how far the source moves (STEPS, in input elements or taps) and BACK (in output positions). A row shorter than a
# vector needs no mask either if its own lanes read inside it: the others read what lies behind it, and what they make
# is written over. SPILL is how many elements from its beginning are read then, or 0, and END how many there are.
N, M, K, STRIDE, DILATION, BEFORE, FREE, UNITS, FIRST, STEPS, BACK = 0, 4, 8, 12, 13, 14, 15, 17, 18, 19, 22
SPILL, END, HEADER = 25, 26, 27
UNROLLED = (1, 2, 3, 4)
AHEAD = 4096  # elements: what is prefetched is so far ahead of what is read
LONGEST = 2**30  # elements of a row: places along it are compared in 32 bits
_UNIT = Axis(1, 1, 1, 1, 1, 0)


def axes_of(shape: Sizes, grid: Grid, last: bool) -> tuple[Axis, ...]:
    """Return the three axes that number the rows of a plane and the one along them.

    From a single window there is no step to the next: it is then as wide as the window, whatever was asked.
    """
    spatial = [Axis(*axis) for axis in zip(*grid[:-1], strict=True)]
    spatial = [a._replace(s=max(a.s, (a.k - 1) * a.d + 1)) if a.m == 1 else a for a in spatial]
    for _ in range(joined(grid, last)):
        whole = spatial.pop().n
        n, m, k, s, _, b = spatial[-1]
        spatial[-1] = Axis(n * whole, m, k * whole, s * whole, 1, b * whole)
    channels = [Axis(shape[1], shape[1], 1, 1, 1, 0)] if last else []
    return tuple([_UNIT] * (4 - len(spatial + channels)) + spatial + channels)


def joined(grid: Grid, last: bool) -> int:
    """Return how many of the last spatial axes a window covers whole, so that they and the one before are one axis."""
    axes, count = [Axis(*axis) for axis in zip(*grid[:-1], strict=True)], 0
    while not last and len(axes) > 1 and axes[-2].d == 1:
        n, m, k, _, d, b = axes.pop()
        if (m, k, d, b) != (1, n, 1, 0):
            break
        count += 1
    return count


def by_output(shape: Sizes, itemsize: int, grid: Grid, last: bool) -> Plan:
    """Plan a kernel that makes rows of y from rows of x, ``shape`` being that of x.

    The table has, for each position of the three axes, where its window starts and the first and one past the last tap
    inside the input.
    """
    axes = axes_of(shape, grid, last)
    n, m, k, s, d, b = axes[3]
    vector, constants = lanes(itemsize), _constants(axes[3])
    read = vector * s if constants["S"] else (vector - 1) * s + 1
    shared = (k - 1) % s if all(constants.values()) else 0  # the last tap's vectors begin so far before it
    free = (-(-b // s), (n + b - read - (k - 1) * d + shared) // s)
    spill = read + (k - 1) * d - shared if m < vector and b == 0 and (m - 1) * s + (k - 1) * d < n else 0
    header = _header(axes, free, (m, 0), [axis.d for axis in axes[:3]], [0] * 3, (spill, prod(shape)))
    table = np.concatenate([header, *(_taps(axis) for axis in axes[:3])])
    size = (*shape[:2], *grid.output_size)
    return _plan(size, last, axes, [axis.m for axis in axes], constants, table)


def by_input(shape: Sizes, itemsize: int, grid: Grid, last: bool) -> Plan:
    """Plan a kernel that makes rows of gx from rows of gy, ``shape`` being that of gy.

    An input element i is read by tap t of the window at output position p = (i + before − t · dilation) / stride.
    Along an axis these taps are a progression, t growing by ``stride / g`` and p falling by ``dilation / g`` (g their
    greatest common divisor). The table has, for each position of the three axes, how many there are and the first
    t and p. Along the row, i + before = u · stride + f: for each phase f, how many taps, the first, and by how much
    p is below u.
    """
    axes = axes_of(shape, grid, last)
    n, m, k, s, d, b = axes[3]
    first = b // s
    free = ((k - 1) * d // s, m - lanes(itemsize))
    common = [gcd(axis.s, axis.d) for axis in axes[:3]]
    steps = [[getattr(axis, name) // g for axis, g in zip(axes[:3], common, strict=True)] for name in "sd"]
    header = _header(axes, free, ((n - 1 + b) // s + 1 - first, first), *steps, (0, prod(shape)))
    table = np.concatenate([header, *(_readers(axis) for axis in axes[:3]), _phases(axes[3])])
    size = (*shape[:2], *grid.input_size)
    return _plan(size, last, axes, [axis.n for axis in axes], _constants(axes[3]), table)


def _constants(axis: Axis) -> dict[str, int]:
    known = axis.k in UNROLLED and axis.d == 1
    return {"KV": axis.k if known else 0, "S": axis.s if axis.s <= 4 else 0}


def _plan(
    size: Sizes, last: bool, axes: tuple[Axis, ...], along: list[int], constants: dict[str, int], table: np.ndarray
) -> Plan:
    if max(axes[3].n + axes[3].m * axes[3].s, axes[3].k * axes[3].d) >= LONGEST:
        raise NotImplementedError(f"the numba backend pools rows of less than {LONGEST} elements")
    elements, planes = prod(size), size[0] if last else size[0] * size[1]
    rows = elements // along[3] if elements else 0
    work = 2.0 * planes * max(prod(a.n for a in axes), prod(a.m * a.k for a in axes))
    spans = not constants["S"] and axes[3].d == 1 and (axes[3].k >= 8 or along[3] < 8)
    alone = axes[3].n == prod(a.n for a in axes)
    whole = alone and all((a.k, a.m, a.b) == (a.n, 1, 0) and (a.d == 1 or a.k == 1) for a in axes)
    return Plan(size, rows, work, constants, spans, whole, _high(axes), table)


def _high(axes: tuple[Axis, ...]) -> int:
    """Return how many rows a window has, up to 4, if windows are blocks that the input is cut into, else 0."""
    cut = all((a.k, a.n, a.b) == (a.s, a.m * a.s, 0) and (a.d == 1 or a.k == 1) for a in axes)
    small = axes[0].k == axes[1].k == 1 and axes[2].k in UNROLLED and axes[3].k in UNROLLED[1:]
    return axes[2].k if cut and small else 0


def _header(axes: tuple[Axis, ...], *rest: Sequence[int]) -> np.ndarray:
    sizes = [getattr(axis, name) for name in "nmk" for axis in axes]
    return np.array([*sizes, axes[3].s, axes[3].d, axes[3].b, *chain(*rest)], np.int64)


def _taps(axis: Axis) -> np.ndarray:
    start = np.arange(axis.m) * axis.s - axis.b
    low = np.clip(-(start // axis.d), 0, axis.k)
    high = np.clip(-((start - axis.n) // axis.d), low, axis.k)
    return np.stack([start, low, high], axis=1).astype(np.int64).ravel()


def _readers(axis: Axis) -> np.ndarray:
    ahead = np.arange(axis.n)[:, None] + axis.b - np.arange(axis.k) * axis.d
    reads = (ahead % axis.s == 0) & (ahead >= 0) & (ahead < axis.m * axis.s)
    count, first = reads.sum(1), reads.argmax(1)
    place = np.take_along_axis(ahead, first[:, None], 1)[:, 0] // axis.s
    return np.stack([count, first, place], axis=1).astype(np.int64).ravel()


def _phases(axis: Axis) -> np.ndarray:
    g = gcd(axis.s, axis.d)
    rows = [(0, axis.s // g, axis.d // g)]
    for f in range(axis.s if axis.s <= 4 else 0):  # longer strides have no kernel that reads them
        taps = [t for t in range(axis.k) if t * axis.d % axis.s == f] or [0]
        rows.append((len(taps) if taps[0] * axis.d % axis.s == f else 0, taps[0], (taps[0] * axis.d - f) // axis.s))
    return np.array(rows, np.int64).ravel()


@inner
def place(row, n0, n1, n2):
    """Return (plane, position on each of the three axes) of a row, counted through all planes."""
    rest, i2 = row // n2, row % n2
    rest, i1 = rest // n1, rest % n1
    return rest // n0, rest % n0, i1, i2


@inner
def following(plane, i0, i1, i2, n0, n1, n2):
    """Return the place of the next row."""
    i2 += 1
    if i2 == n2:
        i2, i1 = 0, i1 + 1
        if i1 == n1:
            i1, i0 = 0, i0 + 1
            if i0 == n0:
                i0, plane = 0, plane + 1
    return plane, i0, i1, i2


@inner
def reach(g, plane, o0, o1, o2):
    """Return the walk through the rows of inputs that a row of outputs reads: see :func:`onward`.

    ``g`` is the table of :func:`by_output`.
    """
    n1, n2, k1, k2, kv = g[N + 1], g[N + 2], g[K + 1], g[K + 2], g[K + 3]
    a0, a1, a2 = HEADER + 3 * o0, HEADER + 3 * (g[M] + o1), HEADER + 3 * (g[M] + g[M + 1] + o2)
    b0, b1, b2 = g[a0 + 1], g[a1 + 1], g[a2 + 1]
    i0, i1, i2 = g[a0] + b0 * g[STEPS], g[a1] + b1 * g[STEPS + 1], g[a2] + b2 * g[STEPS + 2]
    line, code = ((plane * g[N] + i0) * n1 + i1) * n2 + i2, ((b0 * k1 + b1) * k2 + b2) * kv
    s0, s1, s2 = g[STEPS] * n1 * n2, g[STEPS + 1] * n2, g[STEPS + 2]
    return walk(line, code, g[a0 + 2] - b0, g[a1 + 2] - b1, g[a2 + 2] - b2, s0, s1, s2, k1 * k2 * kv, k2 * kv, kv)


@inner
def readers(g, plane, i0, i1, i2):
    """Return the walk through the rows of outputs that read a row of inputs: see :func:`onward`.

    ``g`` is the table of :func:`by_input`.
    """
    m1, m2, k1, k2, kv = g[M + 1], g[M + 2], g[K + 1], g[K + 2], g[K + 3]
    a0, a1, a2 = HEADER + 3 * i0, HEADER + 3 * (g[N] + i1), HEADER + 3 * (g[N] + g[N + 1] + i2)
    line = ((plane * g[M] + g[a0 + 2]) * m1 + g[a1 + 2]) * m2 + g[a2 + 2]
    code = ((g[a0 + 1] * k1 + g[a1 + 1]) * k2 + g[a2 + 1]) * kv
    s0, s1, s2 = -g[BACK] * m1 * m2, -g[BACK + 1] * m2, -g[BACK + 2]
    c0, c1, c2 = g[STEPS] * k1 * k2 * kv, g[STEPS + 1] * k2 * kv, g[STEPS + 2] * kv
    return walk(line, code, g[a0], g[a1], g[a2], s0, s1, s2, c0, c1, c2)


@inner
def walk(line, code, r0, r1, r2, s0, s1, s2, c0, c1, c2):
    """Return (first row, number of its first tap, how many rows, how to go on) of r0 · r1 · r2 rows.

    From one to the next on an axis, rows are s apart and the numbers of taps c.
    """
    on = (r1, r2, s2, c2, s1 - r2 * s2, c1 - r2 * c2, s0 - r1 * s1, c0 - r1 * c1)
    return line, code, r0 * r1 * r2, on


@inner
def onward(line, code, j1, j2, on):
    """Take a step of a walk: return the next row, the number of its first tap, and the places on two axes."""
    r1, r2, s2, c2, s1, c1, s0, c0 = on
    line, code, j2 = line + s2, code + c2, j2 + 1
    if j2 == r2:
        line, code, j1, j2 = line + s1, code + c1, j1 + 1, 0
        if j1 == r1:
            line, code, j1 = line + s0, code + c0, 0
    return line, code, j1, j2
