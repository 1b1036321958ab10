"""Depthwise convolution: every channel by itself, forward and input gradient, by one kernel.

Both are sums over taps of a padded source, at stride 1 within each phase of the results (depthwise_axis.py). A task
copies a block of one channel of one image into scratch memory and computes all that follows from it
(depthwise_layout.py). Tables say what goes where, so that the kernel knows neither borders nor strides.
"""

from __future__ import annotations

from math import prod

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, kernel
from ..pages import maker
from ..simd import at
from ..target import lanes
from ..team import Job
from ..windows import AHEAD
from . import depthwise_lanes
from .depthwise_axis import axes, forward, transposed
from .depthwise_copy import clear, deal, gather
from .depthwise_layout import layout, lined
from .depthwise_plan import Tables, shape_of
from .depthwise_run import forward_of
from .depthwise_tiles import sum_tiles
from .turn import between_planes


@kernel
def sum_blocks(
    lo,
    hi,
    thread,
    x: Real,
    w: Real,
    b: Real,
    y: Real,
    scratch: Real,
    biased,
    channels,
    fan,
    source,
    results,
    weights,
    share,
    dealt,
    out,
    split,
    plane,
    x_pitch,
    step,
    out_plane,
    y_pitch,
    drop,
    packed,
    phases,
    count,
    blocks: Longs,
    rows: Longs,
    passes: Longs,
    tiles: Longs,
    shifts: Longs,
    order: Longs,
    gathered: Longs,
    inner,
):
    """Every task: deal a block of x into scratch; for each of ``fan`` filters, sum its taps in every phase.

    Scratch holds the bias, the weights in the order of use, from ``dealt`` on the padded source, from ``out`` on the
    results where they must be gathered (``gathered`` is not empty). ``inner`` is :func:`sum_tiles`' address.
    """
    own = at(scratch, thread * share)
    used, padded = at(own, 1), at(own, dealt)
    last = -1
    for task in range(lo, hi):
        image = task // count
        block = at(blocks, 6 * (task % count))
        if block[0] != last:
            last = block[0]
            clear(padded, out - dealt)
        deal(x, image * source, padded, at(rows, block[1]), block[2], split, plane, AHEAD)
        for f in range(fan):
            channel = image % channels * fan + f
            own[0] = b[channel] if biased else 0.0
            for i in range(packed):
                used[i] = w[channel * weights + order[i]]
            base = (image * fan + f) * results
            target = at(own, out) if block[5] else at(y, base)
            for phase in range(phases):
                p = at(passes, block[3] + 6 * phase)
                places = (
                    at(tiles, p[4]),
                    padded,
                    x_pitch,
                    at(used, p[3]),
                    own,
                    at(shifts, p[0]),
                    p[1],
                    p[2],
                )
                call(inner, (0, p[5], thread, *places, target, y_pitch, 2**62, drop))
            gather(at(own, out), y, base, at(gathered, block[4]), block[5], step, out_plane)


def _ready(problem: Problem, back: bool) -> Ready:
    dtype, batch, channels, filters, _, grid, *_ = problem
    fan, itemsize = filters // channels, dtype.itemsize
    kernel_size = (1, 1, 1, *grid.kernel_size)[-3:]
    depth, rows, columns = axes(grid, transposed if back else forward)
    plan = layout((depth, rows, columns), fan if back else 1, itemsize, lanes(itemsize))
    shape = shape_of(plan, kernel_size)
    tables = Tables(plan, shape, kernel_size)
    arrays = tables.arrays()
    outputs = 1 if back else fan
    dealt = lined(1 + tables.order.size, itemsize)
    out = dealt + lined(plan.padded, itemsize)
    slack = (shape.rows + 2) * max(plan.lanes, plan.flat * plan.pitch)
    share = lined(out + tables.waiting + slack, itemsize)
    numbers = (
        channels,
        outputs,
        prod(axis.size for axis in plan.axes) * plan.lead,
        prod(axis.out for axis in plan.axes),
        prod(kernel_size) * plan.lead,
        share,
        dealt,
        out,
        columns.split,
        plan.plane,
        plan.lanes if plan.flat else shape.apart * plan.pitch,
        columns.step,
        tables.depth * tables.out_plane,
        tables.y_pitch,
        plan.lanes if plan.flat else 0,
        tables.order.size,
        len(plan.phases),
        len(plan.blocks),
        *arrays,
        sum_tiles.compiled(dtype, ROWS=shape.rows, RUN=shape.run, REST=shape.rest, ACROSS=0),
    )
    address = sum_blocks.compiled(dtype)
    tasks = batch * channels * len(plan.blocks)
    work = 2.0 * batch * channels * fan * prod(grid.kernel_size) * prod(grid.output_size)
    new = maker(problem.x_size if back else problem.y_size, dtype)
    run = forward_of(Job(address, tasks, work, 6, *numbers), new, share * itemsize)
    return between_planes(run, problem, back)


def conv(problem: Problem) -> Ready:
    """y[n,o,p] = b[o] + Σ_t x[n,c,p,t] · w[o,t], c the channel of o's group."""
    return (depthwise_lanes.ready if depthwise_lanes.suits(problem) else _ready)(problem, False)


def conv_input_grad(problem: Problem) -> Ready:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel."""
    return (depthwise_lanes.ready if depthwise_lanes.suits(problem) else _ready)(problem, True)


def can(problem: Problem) -> bool:
    """Whether every channel is a group of its own."""
    return problem.groups == problem.channels


def pays(problem: Problem) -> bool:
    """Whether few filters share a channel; many are a matrix product."""
    return problem.filters <= 4 * problem.channels


WHY = "every channel by itself: its padded plane stays in the cache while vectors sum its taps"
CONV = Algorithm("depthwise", can, pays, conv, why=WHY)
INPUT_GRAD = Algorithm("depthwise", can, pays, conv_input_grad, why=WHY)
