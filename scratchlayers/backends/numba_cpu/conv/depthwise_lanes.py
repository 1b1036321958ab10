"""Depthwise convolution with the lanes of a vector across channels: for channels_last, and for small planes.

In scratch memory a place of the padded source is a vector: one element of as many channels. Taps are whole vectors
apart, no lane is wasted and no load lies across two cache lines. channels_last tensors are read and written in place;
contiguous ones are turned about, which pays where planes are small.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ....geometry import Grid
from .. import target
from ..call import call
from ..choose import Problem, Ready
from ..jit import Longs, Real, inner, kernel
from ..pages import maker
from ..simd import at, length, load, load_first, prefetch, store
from ..team import Job
from .depthwise_axis import Axis, axes, forward, transposed
from .depthwise_copy import clear
from .depthwise_layout import Layout, layout, lined
from .depthwise_plan import Tables, shape_of
from .depthwise_run import forward_of
from .depthwise_tile import turn
from .depthwise_tiles import sum_tiles

AHEAD = 64  # places: what is asked for before it is copied
IMAGE = 2**20  # bytes of a channels_last image of which no thread keeps the rest while it takes some channels
MOST = 2**14  # places of a plane that is turned about or kept beside another


@inner
def turn_in(x, xi, planes, size, out):
    """out[p · lanes + r] = x[xi + planes[r] + p] for p < size."""
    lanes = length(x)
    if size < lanes:
        for r in range(lanes):
            for p in range(size):
                out[p * lanes + r] = x[xi + planes[r] + p]
        return
    for p in range(0, size - lanes, lanes):
        turn(at(x, xi + p), planes, out, p * lanes, lanes)
    turn(at(x, xi + size - lanes), planes, out, (size - lanes) * lanes, lanes)


@inner
def turn_out(out, places, size, y, yi, some, aside):
    """y[yi + r · size + p] = out[p · lanes + r] for r < some, p < size."""
    lanes = length(y)
    if size < lanes:
        for r in range(some):
            for p in range(size):
                y[yi + r * size + p] = out[p * lanes + r]
        return
    for block in range(0, size, lanes):
        p = min(block, size - lanes)
        if some == lanes:
            turn(at(out, p * lanes), places, y, yi + p, size)
        else:
            turn(at(out, p * lanes), places, aside, 0, lanes)
            for r in range(some):
                store(y, yi + r * size + p, load(aside, r * lanes))


@inner
def deal_lanes(x, apart, some, padded, rows, count, split, plane):
    """Copy rows of places: as ``deal``, where a place of x is ``some`` elements, and the next is ``apart`` from it."""
    lanes = length(x)
    for row in range(0, 4 * count, 4):
        start, to, size, u = rows[row] * apart, rows[row + 1], rows[row + 2], rows[row + 3]
        for f in range(min(split, size)):
            place, e = (to + (u + f) % split * plane + (u + f) // split) * lanes, f
            if some == lanes:
                while e < size:
                    prefetch(x, start + (e + AHEAD) * apart)
                    store(padded, place, load(x, start + e * apart))
                    place, e = place + lanes, e + split
            else:
                while e < size:
                    store(padded, place, load_first(x, start + e * apart, some))
                    place, e = place + lanes, e + split


@inner
def pack(w, channel, some, weights, order, packed, used):
    """used[i · lanes + r] = weight order[i] of channel + r, r < some; of the last one for the lanes that are left."""
    lanes = length(used)
    for i in range(packed):
        for r in range(lanes):
            used[i * lanes + r] = w[(channel + min(r, some - 1)) * weights + order[i]]


@kernel
def sum_lanes(
    lo,
    hi,
    thread,
    x: Real,
    w: Real,
    b: Real,
    y: Real,
    scratch: Real,
    biased,
    batch,
    channels,
    last,
    source,
    results,
    weights,
    share,
    dealt,
    out,
    split,
    plane,
    x_pitch,
    y_pitch,
    packed,
    phases,
    parts,
    each,
    lots,
    spread,
    blocks: Longs,
    rows: Longs,
    passes: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    planes: Longs,
    inner,
):
    """Every task: a block of as many channels as there are lanes, of one image, as ``sum_blocks`` does it.

    Scratch holds the bias, the weights in the order of use, from ``dealt`` on the padded source, from ``out`` on the
    planes that are turned about, and a square beside them; ``last`` says that x and y are channels_last. A task does
    ``each`` blocks for one of ``lots`` of channels, an image has ``parts`` times ``lots`` tasks. Those of a block
    follow each other where they are ``spread``: a thread keeps no more of a large image. ``planes`` has three times as
    many numbers as lanes: where the channels of a full lot lie, those of the last, and places.
    """
    lanes = length(x)
    own = at(scratch, thread * share)
    used, padded, turned = at(own, lanes), at(own, dealt), at(own, out)
    square = at(own, share - lanes * lanes)
    mark, channel, unit = -1, -1, channels if last else lanes
    for task in range(lo, hi):
        if spread:
            lot, part, image = task % lots, task // lots % parts, task // lots // parts
        else:
            part, image, lot = task % parts, task // parts % batch, task // parts // batch
        if channel != lot * lanes:
            channel = lot * lanes
            some = min(lanes, channels - channel)
            pack(w, channel, some, weights, order, packed, used)
            for r in range(lanes):
                own[r] = b[channel + min(r, some - 1)] if biased else 0.0
        most = some if last else lanes
        if last:
            x_places, y_places = at(x, image * source * channels + channel), at(y, image * results * channels + channel)
        else:
            begin = (image * channels + channel) * source
            turn_in(x, begin, planes if some == lanes else at(planes, lanes), source, turned)
            x_places, y_places = turned, at(turned, source * lanes)
        for number in range(part * each, (part + 1) * each):
            block = at(blocks, 6 * number)
            if block[0] != mark:
                mark = block[0]
                clear(padded, out - dealt)
            deal_lanes(x_places, unit, most, padded, at(rows, block[1]), block[2], split, plane)
            for phase in range(phases):
                p = at(passes, block[3] + 6 * phase)
                weights_of = at(used, p[3] * lanes)
                places = (at(tiles, p[4]), padded, x_pitch, weights_of, own, at(shifts, p[0]), p[1], p[2])
                call(inner, (0, p[5], thread, *places, y_places, y_pitch, most, 0))
        if not last:
            begin = (image * channels + channel) * results
            turn_out(y_places, at(planes, 2 * lanes), results, y, begin, some, square)


def channel_rows(lanes: int, channels: int, size: int) -> np.ndarray:
    """Return where the channels of a block lie in a plane of this size, those of the last block, and places apart."""
    every = np.arange(lanes)
    return np.concatenate([every * size, np.minimum(every, (channels - 1) % lanes) * size, every * lanes])


def layout_of(grid: Grid, back: bool) -> tuple[tuple[Axis, Axis, Axis], Layout, tuple[int, int, int]]:
    """Return the axes, their layout in vectors, and the kernel's size; a signal is a column of rows."""
    three, size = tuple(axes(grid, transposed if back else forward)), (1, 1, 1, *grid.kernel_size)[-3:]
    if grid.rank == 1:
        three, size = (three[0], three[2], three[1]), (1, size[2], 1)
    return three, layout(three, 1, target.VECTOR_BYTES, 1), size


def scaled(rows: np.ndarray, *units: int) -> np.ndarray:
    """Return a table of as many columns as units, each multiplied with its unit."""
    return (rows.reshape(-1, len(units)) * np.array(units)).ravel()


def ready(problem: Problem, back: bool) -> Ready:
    """Return what computes the convolution, or (``back``) its input gradient, of a problem that :func:`suits`."""
    dtype, batch, channels, _, _, grid, last, _ = problem
    itemsize, lanes = dtype.itemsize, target.lanes(dtype.itemsize)
    three, plan, kernel_size = layout_of(grid, back)
    shape = shape_of(plan, kernel_size)
    tables = Tables(plan, shape, kernel_size)
    blocks, rows, passes, tiles, shifts, order, _ = tables.arrays()
    unit = channels if last else lanes
    source, results = (prod(getattr(axis, name) for axis in three) for name in ("size", "out"))
    arrays = (
        blocks,
        rows,
        passes,
        scaled(tiles, lanes, unit, lanes),
        shifts * lanes,
        order,
        channel_rows(lanes, channels, source),
    )
    dealt = lined((1 + order.size) * lanes, itemsize)
    out = dealt + lined(plan.padded * lanes, itemsize)
    kept = 0 if last else (source + results) * lanes
    parts, each = (len(plan.blocks), 1) if last else (1, len(plan.blocks))
    lots = -(-channels // lanes)
    share = lined(out + kept + ((shape.rows + 2) * plan.pitch + lanes) * lanes, itemsize)
    inner = sum_tiles.compiled(dtype, ROWS=shape.rows, RUN=shape.run, REST=shape.rest, ACROSS=1)
    numbers = (
        batch,
        channels,
        last,
        source,
        results,
        prod(kernel_size),
        share,
        dealt,
        out,
        three[2].split,
        plan.plane,
        shape.apart * plan.pitch * lanes,
        tables.y_pitch * unit,
        order.size,
        len(plan.phases),
        parts,
        each,
        lots,
        last and source * channels * itemsize > IMAGE,
        *arrays,
        inner,
    )
    tasks = batch * lots * parts
    work = 2.0 * batch * channels * prod(grid.kernel_size) * prod(grid.output_size)
    job = Job(sum_lanes.compiled(dtype), tasks, work, 6, *numbers)
    size = (batch, channels, *(grid.input_size if back else grid.output_size))
    return forward_of(job, maker(size, dtype, last), share * itemsize)


def suits(problem: Problem) -> bool:
    """Whether channels should lie in lanes: they already do, or the operand can be turned and its rows are short.

    A row of a vector and a quarter wastes the lanes of a second one; one that is dealt out to phases costs more.
    """
    grid = problem.grid
    longest = 5 if max(grid.stride) == 1 else 7
    columns = min(grid.input_size[-1], grid.output_size[-1])
    short = 4 * columns <= longest * target.lanes(problem.dtype.itemsize)
    return problem.filters == problem.channels and (problem.last or (may_turn(problem) and short))


def may_turn(problem: Problem) -> bool:
    """Whether channels fill vectors, and the places stay in the cache."""
    most = max(prod(problem.grid.input_size), prod(problem.grid.output_size))
    return problem.channels >= target.lanes(problem.dtype.itemsize) and most <= MOST
