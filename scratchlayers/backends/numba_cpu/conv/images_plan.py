"""How is a convolution with an image in each lane cut into tasks, and what does it cost?

Along each axis of a sweep the taps are put in an order in which those of one phase follow each other; of an output, the
taps that read an input are then a range. A task has a block of images, a group, and a part of the first axis along
which there is more than one number.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, inf, prod
from typing import NamedTuple

import numpy as np

from ..choose import Problem
from ..target import lanes
from ..workspace import rounded
from .boxes import SETS
from .images_tile import MOST_ROWS
from .sweep import Axis, backward, forward

TASKS = 8  # enough to keep a team of threads busy, few enough that parts share little of their input
# multiply-adds of vectors that take as long as: turning a square of x; one of sums, and one where planes of y lie so
# that images share few places of the caches; calling a tile; packing a weight
TURNED, SQUARE, CROWDED, TILE, WEIGHT = 240.0, 320.0, 530.0, 30.0, 2.0
ROOM = 256 * 2**10  # bytes of x, and half as many of sums and of weights, that a task works on: the second cache


class Numbers(NamedTuple):
    """What the kernels know of the problem, of its tasks, and of each thread's scratch.

    ``channels`` are read, ``filters`` written, both of one group. ``parts_table`` holds the first input of the cut axis
    that each part reads, and the one after the last. The other tables hold, for each output along an axis, the first
    tap that reads an input, how many do, and which input the first reads; the next tap reads ``*_delta`` further on.
    ``offsets`` are those of a line's taps and channels, ``sources`` all weights' places in w.
    """

    batch: int
    groups: int
    channels: int
    filters: int
    x_image: int
    x_plane: int
    y_image: int
    y_plane: int
    source_h: int
    source_w: int
    output_h: int
    output_w: int
    d_delta: int
    h_delta: int
    h_taps: int
    w_taps: int
    weights: int  # of a filter
    rows: int
    panels: int
    images: int  # of a block
    pixel: int  # elements from a position to the next where images are turned
    parts: int
    outer: int  # outputs along the axis that is cut
    inner: int  # outputs for each of them
    source_inner: int  # inputs for each input along that axis
    span: int  # positions whose sums are turned together
    d_table: int
    h_table: int
    w_table: int
    parts_table: int
    offsets: int
    sources: int
    group_step: int
    filter_step: int
    sums_at: int  # in a thread's scratch, in elements; the places of images are at 0
    longs: int  # 8 bytes, and elements, of a thread's scratch
    reals: int


NUMBER = Numbers(*range(len(Numbers._fields)))


class Plan(NamedTuple):
    """What the kernels are compiled for and called with; ``cost`` is that of one channel, in vectors' multiply-adds.

    It is infinite where the cache does not hold the x that a line of outputs reads, or a group's weights.
    """

    rows: int
    vectors: int
    packs: int
    tasks: int
    work: float
    packed: int  # bytes
    scratch: int  # bytes of each thread
    table: np.ndarray
    cost: float


@lru_cache(maxsize=1024)
def plan(problem: Problem, transposed: bool) -> Plan:
    """Return the plan that costs least for ``conv``, or ``transposed`` for the input gradient."""
    widths = [v for v in MOST_ROWS if v == min(MOST_ROWS) or (v - 1) * lanes(problem.dtype.itemsize) < problem.batch]
    return min((_plan(problem, transposed, v) for v in widths), key=lambda found: found.cost)


def _plan(problem: Problem, transposed: bool, vectors: int) -> Plan:
    dtype, batch, channels, filters, groups, grid, *_ = problem
    sweep = (backward if transposed else forward)(grid)
    channels, filters, taps = channels // groups, filters // groups, prod(grid.kernel_size)
    group_step, steps = filters * channels * taps, (channels * taps, taps)  # of filters and channels in w
    if transposed:
        channels, filters, steps = filters, channels, steps[::-1]
    size, many = dtype.itemsize, lanes(dtype.itemsize)
    tables, deltas, orders = zip(*(_ranges(axis) for axis in sweep), strict=True)
    images, blocks = vectors * many, ceil(batch / (vectors * many))
    panels, pixel = ceil(filters / MOST_ROWS[vectors]), rounded(channels * images * size) // size
    rows, most = ceil(filters / panels), ROOM // (pixel * size)
    outputs, inputs = prod(a.output for a in sweep), prod(a.source for a in sweep)
    cut = next((i for i, axis in enumerate(sweep) if max(axis.source, axis.output) > 1), 2)
    outer, parts = sweep[cut].output, min(ceil(TASKS / (blocks * groups)), sweep[cut].output)
    inner, source_inner = outputs // outer, inputs // sweep[cut].source
    reach = _reaches(tables[cut], deltas[cut], parts)
    while (taken := int(np.ptp(reach, axis=1).max()) * source_inner) > most and parts < outer:
        parts = min(2 * parts, outer)
        reach = _reaches(tables[cut], deltas[cut], parts)
    order = np.add.outer(np.add.outer(orders[0], orders[1]), orders[2]).reshape(-1)
    sources = np.add.outer(order, np.arange(channels) * steps[1]).reshape(-1)
    line = np.arange(max(int(tables[2][:, 1].max()), 1)) * deltas[2] * pixel
    offsets = np.add.outer(line, np.arange(channels) * images).reshape(-1)
    starts, lists = [len(NUMBER)], [some.reshape(-1) for some in (*tables, reach, offsets, sources)]
    for some in lists:
        starts.append(starts[-1] + len(some))
    sums_at = rounded((taken + many) * pixel * size + 8 * images) // size
    span = min(max(ROOM // (2 * rows * many * images * size), 1), ceil(outputs // parts / many)) * many
    scratch = rounded(sums_at * size + rows * span * images * size)
    numbers = Numbers(
        *(batch, groups, channels, filters, groups * channels * inputs, inputs, groups * filters * outputs, outputs),
        *(sweep[1].source, sweep[2].source, sweep[1].output, sweep[2].output),
        *(*deltas[:2], len(orders[1]), len(orders[2]), len(sources), rows, panels, images, pixel, parts),
        *(outer, inner, source_inner, span, *starts[:6], group_step, steps[0]),
        *(sums_at, scratch // 8, scratch // size),
    )
    table = np.concatenate([np.array(numbers), *lists]).astype(np.int64)
    read = prod(int(t[:, 1].sum()) for t in tables)
    fmas = max(rows * vectors, rows + vectors + 1, 8)
    tiles = blocks * groups * panels * outputs
    squares = blocks * groups * vectors * filters * ceil(outputs / many)
    turned = blocks * groups * parts * vectors * ceil(taken / many)
    square = CROWDED if outputs * size % SETS == 0 else SQUARE
    cost = blocks * groups * panels * read * fmas + turned * TURNED
    cost += (tiles * TILE + squares * square) / channels + WEIGHT * groups * filters * len(order)
    packed = rounded(groups * panels * (1 + len(sources)) * rows * size)
    work = 2.0 * batch * groups * filters * channels * read
    tasks, fits = blocks * groups * parts, taken <= most and packed // groups <= ROOM // 2
    return Plan(rows, vectors, groups * panels, tasks, work, packed, scratch, table, cost if fits else inf)


def _ranges(axis: Axis) -> tuple[np.ndarray, int, np.ndarray]:
    """Of an axis: its table, its delta, and the shares of all taps' numbers, phase after phase."""
    table, before = np.zeros((axis.output, 3), dtype=np.int64), 0
    for phase, taps in enumerate(axis.phases):
        rows = table[phase :: len(axis.phases)]
        read = np.add.outer(np.arange(len(rows)) * axis.step, [e for _, e in taps])
        inside = (read >= 0) & (read < axis.source)
        if taps:
            first = inside.argmax(1)
            rows[:] = np.stack([before + first, inside.sum(1), read[np.arange(len(rows)), first]], axis=1)
            rows[rows[:, 1] == 0] = 0  # a place like any other, where nothing is read
        before += len(taps)
    delta = next((taps[1][1] - taps[0][1] for taps in axis.phases if len(taps) > 1), 1)
    return table, delta, np.array([t for taps in axis.phases for t, _ in taps], dtype=np.int64)


def _reaches(table: np.ndarray, delta: int, parts: int) -> np.ndarray:
    """Of each part of the cut axis, the first input that it reads and the one after the last; 0 and 0 of none."""
    starts, reads = len(table) * np.arange(parts) // parts, table[:, 1] > 0
    ends = np.stack([table[:, 2], table[:, 2] + (table[:, 1] - 1) * delta])
    low = np.minimum.reduceat(np.where(reads, ends.min(0), np.iinfo(np.int64).max), starts)
    high = np.maximum.reduceat(np.where(reads, ends.max(0) + 1, 0), starts)
    return np.stack([np.minimum(low, high), high], axis=1)
