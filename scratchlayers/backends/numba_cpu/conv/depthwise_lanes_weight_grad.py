"""The weight gradient of depthwise convolution with the lanes across channels: depthwise_lanes.py says when.

Every lane sums the taps of its own channel, so that there is nothing to add up at the end.
"""

from __future__ import annotations

from math import prod

import numpy as np

from .. import target
from ..call import call
from ..choose import Problem, Ready
from ..jit import Bytes, Longs, Real, kernel
from ..pages import maker
from ..simd import at, length
from ..team import Job
from .depthwise_copy import clear
from .depthwise_lanes import MOST, channel_rows, deal_lanes, layout_of, may_turn, suits, turn_in
from .depthwise_layout import lined
from .depthwise_run import weight_grad_of
from .depthwise_tiles import sum_runs
from .depthwise_weight_grad_plan import Tables, shape_of


@kernel
def sum_lane_channels(
    lo,
    hi,
    thread,
    x: Real,
    gy: Real,
    gw: Real,
    scratch: Real,
    batch,
    channels,
    x_last,
    gy_last,
    source,
    results,
    weights,
    share,
    dealt,
    aside,
    out,
    split,
    plane,
    x_pitch,
    gy_pitch,
    valid_pitch,
    groups,
    slots,
    count,
    blocks: Longs,
    rows: Longs,
    whole_gy: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    valid: Bytes,
    x_planes: Longs,
    gy_planes: Longs,
    inner,
):
    """Every task: as many channels as there are lanes, of all images, as ``sum_channels`` does one.

    Scratch holds ``slots`` sums, from ``dealt`` on the padded x, from ``aside`` on gy, from ``out`` on a turned x.
    """
    lanes = length(x)
    sums = at(scratch, thread * share)
    padded, factor, turned = at(sums, dealt), at(sums, aside), at(sums, out)
    for task in range(lo, hi):
        channel, mark = task * lanes, -1
        some = min(lanes, channels - channel)
        tail = 0 if some == lanes else lanes
        clear(sums, slots * lanes)
        for image in range(batch):
            first = image * channels
            if gy_last:
                deal_lanes(at(gy, first * results + channel), channels, some, factor, whole_gy, 1, 1, 0)
            else:
                turn_in(gy, (first + channel) * results, at(gy_planes, tail), results, factor)
            if x_last:
                x_places, unit, most = at(x, first * source + channel), channels, some
            else:
                turn_in(x, (first + channel) * source, at(x_planes, tail), source, turned)
                x_places, unit, most = turned, lanes, lanes
            for number in range(count):
                block = at(blocks, 9 * number)
                if block[0] != mark:
                    mark = block[0]
                    clear(padded, aside - dealt)
                deal_lanes(x_places, unit, most, padded, at(rows, block[1]), block[2], split, plane)
                places = (padded, x_pitch, shifts, sums, factor, gy_pitch, valid, valid_pitch)
                some_tiles = (at(tiles, block[5]), block[6], at(tiles, block[7]), block[8])
                call(inner, (0, groups, thread, *places, *some_tiles))
        for i in range(slots):
            if order[i] >= 0:
                for r in range(some):
                    gw[(channel + r) * weights + order[i]] = sums[i * lanes + r]


def ready(problem: Problem) -> Ready:
    """Return what computes the weight gradient of a problem that :func:`fits`."""
    dtype, batch, channels, _, _, grid, x_last, gy_last = problem
    itemsize, lanes = dtype.itemsize, target.lanes(dtype.itemsize)
    three, plan, kernel_size = layout_of(grid, False)
    shape = shape_of(plan, kernel_size)
    tables = Tables(plan, shape, kernel_size)
    blocks, rows, _, tiles, shifts, order, valid = tables.arrays()
    source, results = (prod(getattr(axis, name) for axis in three) for name in ("size", "out"))
    whole_gy = np.array([0, 0, results, 0])
    planes = [channel_rows(lanes, channels, size) for size in (source, results)]
    arrays = (blocks, rows, whole_gy, tiles * lanes, shifts * lanes, order, np.repeat(valid, lanes), *planes)
    dealt = order.size * lanes
    aside = dealt + lined(plan.padded * lanes, itemsize)
    slack = ((shape.rows + shape.run) * shape.apart * plan.pitch + 1) * lanes
    out = aside + results * lanes
    share = lined(max(out + (0 if x_last else source * lanes), aside + slack), itemsize)
    inner = sum_runs.compiled(dtype, ROWS=shape.rows, RUN=shape.run, WIDTH=shape.width)
    numbers = (
        batch,
        channels,
        x_last,
        gy_last,
        source,
        results,
        prod(kernel_size),
        share,
        dealt,
        aside,
        out,
        three[2].split,
        plan.plane,
        shape.apart * plan.pitch * lanes,
        shape.apart * three[2].out * lanes,
        2 * lanes,
        tables.groups,
        order.size,
        len(plan.blocks),
        *arrays,
        inner,
    )
    work = 2.0 * batch * channels * prod(grid.kernel_size) * prod(grid.output_size)
    tasks = -(-channels // lanes)
    job = Job(sum_lane_channels.compiled(dtype), tasks, work, 4, *numbers)
    return weight_grad_of(job, maker((channels, 1, *grid.kernel_size), dtype), share * itemsize)


def fits(problem: Problem) -> bool:
    """Whether the channels should lie in lanes: as for the forward pass, or there are enough for many tasks."""
    if problem.filters != problem.channels:
        return False
    if problem.last or problem.gy_last:
        both = problem.last and problem.gy_last
        return prod(problem.grid.output_size) <= MOST and (both or may_turn(problem))
    many = problem.channels >= 4 * target.lanes(problem.dtype.itemsize)
    return suits(problem) or (many and may_turn(problem))
