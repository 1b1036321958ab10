"""The weight gradient of depthwise convolution: every tap's sum over all images stays in one vector.

A task is one channel. Image by image it copies x into scratch memory as the forward pass does, and lets tiles of gy go
by: while a block of taps' sums stands in registers, each vector of x meets the rows of gy that the taps of a run read
it for. No sum is shared between tasks, so the threads need no reduction and do not change a bit.
"""

from __future__ import annotations

from math import prod

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Bytes, Longs, Real, kernel
from ..pages import maker
from ..simd import at, length, load, total
from ..target import lanes
from ..team import Job
from ..windows import AHEAD
from . import depthwise_lanes_weight_grad
from .depthwise import WHY, can, pays
from .depthwise_axis import axes, forward
from .depthwise_copy import clear, deal
from .depthwise_layout import layout, lined
from .depthwise_run import weight_grad_of
from .depthwise_tiles import sum_runs
from .depthwise_weight_grad_plan import Tables, shape_of
from .turn import from_planes


@kernel
def sum_channels(
    lo,
    hi,
    thread,
    x: Real,
    gy: Real,
    gw: Real,
    scratch: Real,
    batch,
    channels,
    fan,
    source,
    results,
    weights,
    share,
    dealt,
    waiting,
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
    gy_rows: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    valid: Bytes,
    inner,
):
    """Every channel: for all images and blocks, deal x into scratch, and gy if its rows must lie as x's; sum the taps.

    Scratch holds ``slots`` vectors a filter, from ``dealt`` on the padded x, from ``waiting`` on gy. Slot i is the sum
    of the tap order[i]; -1 is none.
    """
    sums = at(scratch, thread * share)
    padded, aside = at(sums, dealt), at(sums, waiting)
    lane = length(x)
    for channel in range(lo, hi):
        last = -1
        clear(sums, fan * slots * lane)
        for task in range(batch * count):
            image = task // count * channels + channel
            block = at(blocks, 9 * (task % count))
            if block[0] != last:
                last = block[0]
                clear(padded, waiting - dealt)
            ahead = AHEAD if source > AHEAD else channels * source  # the same image, or the next
            deal(x, image * source, padded, at(rows, block[1]), block[2], split, plane, ahead)
            for f in range(fan):
                base = (image * fan + f) * results
                deal(gy, base, aside, at(gy_rows, block[3]), block[4], 1, 0, channels * fan * results)
                factor = aside if block[4] else at(gy, base)
                places = (x_pitch, shifts, at(sums, f * slots * lane), factor, gy_pitch, valid, valid_pitch)
                some = (at(tiles, block[5]), block[6], at(tiles, block[7]), block[8])
                call(inner, (0, groups, thread, padded, *places, *some))
        for f in range(fan):
            for i in range(slots):
                if order[i] >= 0:
                    gw[(channel * fan + f) * weights + order[i]] = total(load(sums, (f * slots + i) * lane))


def _ready(problem: Problem) -> Ready:
    dtype, batch, channels, filters, _, grid, *_ = problem
    fan, itemsize = filters // channels, dtype.itemsize
    kernel_size = (1, 1, 1, *grid.kernel_size)[-3:]
    depth, rows, columns = axes(grid, forward)
    plan = layout((depth, rows, columns), 1, itemsize, lanes(itemsize))
    shape = shape_of(plan, kernel_size)
    tables = Tables(plan, shape, kernel_size)
    arrays = tables.arrays()
    pitch = plan.lanes if plan.flat else shape.apart * plan.pitch
    dealt = lined(fan * tables.order.size * plan.lanes, itemsize)
    slack = (shape.rows + shape.run) * pitch + 2 * plan.lanes
    waiting = dealt + lined(plan.padded, itemsize)
    share = lined(waiting + max(tables.waiting, slack), itemsize)
    numbers = (
        batch,
        channels,
        fan,
        prod(grid.input_size),
        prod(grid.output_size),
        prod(kernel_size),
        share,
        dealt,
        waiting,
        columns.split,
        plan.plane,
        pitch,
        plan.lanes if plan.flat else shape.apart * columns.out,
        plan.lanes * (1 if plan.flat else 2),
        tables.groups,
        tables.order.size,
        len(plan.blocks),
        *arrays,
        sum_runs.compiled(dtype, ROWS=shape.rows, RUN=shape.run, WIDTH=shape.width),
    )
    work = 2.0 * batch * channels * fan * prod(grid.kernel_size) * prod(grid.output_size)
    job = Job(sum_channels.compiled(dtype), channels, work, 4, *numbers)
    run = weight_grad_of(job, maker((filters, 1, *grid.kernel_size), dtype), share * itemsize)
    return from_planes(run, problem)


def conv_weight_grad(problem: Problem) -> Ready:
    """gw[o,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], c the channel of o's group."""
    return depthwise_lanes_weight_grad.ready(problem) if depthwise_lanes_weight_grad.fits(problem) else _ready(problem)


WEIGHT_GRAD = Algorithm("depthwise", can, pays, conv_weight_grad, why=WHY)
