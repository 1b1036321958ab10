"""The weight gradient of depthwise convolution with the lanes across channels: depthwise_lanes.py says when.

Every lane sums the taps of its own channel, so that there is nothing to add up at the end.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np
import torch
from torch import Tensor

from ....geometry import Grid
from .. import target, team, workspace
from ..call import call
from ..jit import Bytes, Longs, Real, kernel
from ..simd import at, length
from .depthwise_copy import clear
from .depthwise_lanes import MOST, channel_rows, deal_lanes, layout_of, may_turn, suits, turn_in
from .depthwise_layout import lined
from .depthwise_plan import Plan
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


@lru_cache(maxsize=512)
def _plan(grid: Grid, batch: int, channels: int, dtype: torch.dtype, x_last: bool, gy_last: bool) -> Plan:
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
        *(array.ctypes.data for array in arrays),
        inner,
    )
    work = 2.0 * batch * channels * prod(grid.kernel_size) * prod(grid.output_size)
    tasks = -(-channels // lanes)
    return Plan(sum_lane_channels.compiled(dtype), tasks, work, share * itemsize, numbers, arrays)


def fits(x: Tensor, gy: Tensor, grid: Grid) -> bool:
    """Whether the channels should lie in lanes: as for the forward pass, or there are enough for many tasks."""
    if x.is_contiguous() and gy.is_contiguous():
        many = x.shape[1] >= 4 * target.lanes(x.dtype.itemsize)
        return suits(x, grid) or (many and may_turn(x, grid))
    able = (not one.is_contiguous() or may_turn(one, grid) for one in (x, gy))
    return prod(grid.output_size) <= MOST and all(able)


def run(x: Tensor, gy: Tensor, grid: Grid) -> Tensor:
    """Return the weight gradient of tensors that :func:`fits`."""
    batch, channels = x.shape[:2]
    plan = _plan(grid, batch, channels, x.dtype, not x.is_contiguous(), not gy.is_contiguous())
    gw = torch.empty((channels, 1, *grid.kernel_size), dtype=x.dtype)
    scratch = workspace.scratch(plan.scratch * team.threads(plan.tasks, plan.work))
    tensors = (x.data_ptr(), gy.data_ptr(), gw.data_ptr(), scratch.data_ptr())
    team.run(plan.address, plan.tasks, plan.work, *tensors, batch, channels, *plan.numbers)
    return gw
