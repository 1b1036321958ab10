"""y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t] with an image in each lane: for large batches and few filters.

Where there are fewer filters than a vector has lanes, and rows too short for one, images are what there is enough of.
A task turns its part of a block of images: the same element of all images becomes a vector, and whatever the stride,
dilation and padding, a tap is one vector further on or not there at all. So nothing is multiplied by the zeros around
an image, in the input gradient too. The sums of some positions at a time are turned back.
"""

from __future__ import annotations

from math import prod

from torch import Tensor

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, inner, kernel
from ..pages import maker
from ..simd import at, length, prefetch
from ..target import lanes
from ..team import Job
from ..workspace import scratch
from . import direct_plan
from .dense_blocks import Size, cost
from .images_plan import NUMBER, plan
from .images_tile import images_tile
from .sweep import Sweep, backward, forward
from .transpose import transpose, transpose_first

TERMS = 1024  # of a sum at most
LONGEST = 2048  # outputs along an axis: longer rows fill vectors by themselves
BESIDE_DENSE, BESIDE_DIRECT = 0.8, 0.95  # how much sooner than its cost says it is done, beside the others


@kernel
def pack_weights(lo, hi, thread, w: Real, b: Real, biased, packed: Real, plan: Longs):
    """packed[group][panel] = the biases of its filters, 0 without any, and for every tap and channel their weights."""
    rows, panels, last = plan[NUMBER.rows], plan[NUMBER.panels], plan[NUMBER.filters] - 1
    sources, weights, step = at(plan, plan[NUMBER.sources]), plan[NUMBER.weights], plan[NUMBER.filter_step]
    for task in range(lo, hi):
        group, first = task // panels, task % panels * rows
        target, source = at(packed, task * (1 + weights) * rows), at(w, group * plan[NUMBER.group_step])
        for m in range(rows):
            filter_ = min(first + m, last)
            target[m] = b[group * plan[NUMBER.filters] + filter_] if biased else 0.0
            for i in range(weights):
                target[(1 + i) * rows + m] = source[filter_ * step + sources[i]]


@kernel
def convolve(lo, hi, thread, x: Real, y: Real, packed: Real, longs: Longs, reals: Real, plan: Longs, tile):
    """Y of a block of images, a group, and a part of the axis that is cut."""
    places, own = at(longs, thread * plan[NUMBER.longs]), at(reals, thread * plan[NUMBER.reals])
    images, parts, groups = plan[NUMBER.images], plan[NUMBER.parts], plan[NUMBER.groups]
    box, sums = at(own, images * plan[NUMBER.reals] // plan[NUMBER.longs]), at(own, plan[NUMBER.sums_at])
    for task in range(lo, hi):
        part, rest = task % parts, task // parts
        group, image = rest % groups, rest // groups * images
        many = min(plan[NUMBER.batch] - image, images)
        first, end = plan[NUMBER.outer] * part // parts, plan[NUMBER.outer] * (part + 1) // parts
        reach = at(plan, plan[NUMBER.parts_table] + 2 * part)
        low, high = reach[0], reach[1]
        for r in range(images):
            places[r] = min(r, many - 1) * plan[NUMBER.x_image]
        channels, per = plan[NUMBER.channels], plan[NUMBER.source_inner]
        source = at(x, image * plan[NUMBER.x_image] + group * channels * plan[NUMBER.x_plane] + low * per)
        turn(box, source, plan, places, (high - low) * per)
        target = at(y, image * plan[NUMBER.y_image] + group * plan[NUMBER.filters] * plan[NUMBER.y_plane])
        weights = at(packed, group * plan[NUMBER.panels] * (1 + plan[NUMBER.weights]) * plan[NUMBER.rows])
        words = (first * plan[NUMBER.inner], end * plan[NUMBER.inner], low * per, many)
        add_positions(target, box, weights, sums, plan, tile, *words)


@inner
def turn(box, x, plan, places, count):
    """box[i, channel, image] = x[places[image] + channel · plane + i] for the first ``count`` elements of a plane."""
    full, images, channels, pixel = length(x), plan[NUMBER.images], plan[NUMBER.channels], plan[NUMBER.pixel]
    for r in range(0, images, full):
        for c in range(channels):
            for i in range(0, count, full):
                source = c * plan[NUMBER.x_plane] + i
                for k in range(full):
                    prefetch(x, places[r + k] + source + 4 * full)
                place = i * pixel + c * images + r
                transpose(x, at(places, r), source, min(count - i, full), box, place, pixel)


@inner
def add_positions(y, box, packed, sums, plan, tile, first, end, low, many):
    """Y of all filters of a group at the positions first to end; the box begins with the input ``low``."""
    span, rows = plan[NUMBER.span], plan[NUMBER.rows]
    for number in range((end - first + span - 1) // span):
        start = first + number * span
        count = min(end - start, span)
        for panel in range(plan[NUMBER.panels]):
            form_sums(sums, box, at(packed, panel * (1 + plan[NUMBER.weights]) * rows), plan, tile, start, count, low)
            target = at(y, panel * rows * plan[NUMBER.y_plane] + start)
            turn_back(target, sums, plan, min(rows, plan[NUMBER.filters] - panel * rows), count, many)


@inner
def form_sums(sums, box, packed, plan, tile, start, count, low):
    """sums[filter, i, image] of a panel of filters, at the positions start to start + count."""
    images, pixel, channels, rows = plan[NUMBER.images], plan[NUMBER.pixel], plan[NUMBER.channels], plan[NUMBER.rows]
    out_h, out_w, offsets = plan[NUMBER.output_h], plan[NUMBER.output_w], at(plan, plan[NUMBER.offsets])
    b_line = plan[NUMBER.h_delta] * plan[NUMBER.source_w] * pixel
    a_line = plan[NUMBER.w_taps] * channels * rows
    w, h, d = start % out_w, start // out_w % out_h, start // out_w // out_h
    for i in range(count):
        of_d, of_h = at(plan, plan[NUMBER.d_table] + 3 * d), at(plan, plan[NUMBER.h_table] + 3 * h)
        of_w = at(plan, plan[NUMBER.w_table] + 3 * w)
        lines = of_h[1] if of_d[1] > 0 else 0
        for k in range(max(of_d[1], 1)):  # a position of which no tap reads an input has the bias
            tap = ((of_d[0] + k) * plan[NUMBER.h_taps] + of_h[0]) * plan[NUMBER.w_taps] + of_w[0]
            line = (of_d[2] + k * plan[NUMBER.d_delta]) * plan[NUMBER.source_h] + of_h[2]
            place = line * plan[NUMBER.source_w] + of_w[2] - low
            sides = (at(packed, (1 + tap * channels) * rows), a_line, at(box, place * pixel), b_line)
            there = (at(sums, i * images), plan[NUMBER.span] * images, packed, k == 0)
            call(tile, (*sides, offsets, lines, of_w[1] * channels, *there))
        w += 1
        if w == out_w:
            w, h = 0, h + 1
            if h == out_h:
                h, d = 0, d + 1


@inner
def turn_back(y, sums, plan, filters, count, many):
    """y[image, filter, i] = sums[filter, i, image], for i < count and ``many`` images."""
    full, images, span, image = length(y), plan[NUMBER.images], plan[NUMBER.span], plan[NUMBER.y_image]
    for m in range(filters):
        for r in range(0, many, full):
            for i in range(0, count, full):
                target = at(y, r * image + m * plan[NUMBER.y_plane] + i)
                transpose_first(at(sums, (m * span + i) * images + r), images, target, image, many - r, count - i)


def conv(problem: Problem) -> Ready:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t]."""
    return _ready(problem, False)


def conv_input_grad(problem: Problem) -> Ready:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel."""
    return _ready(problem, True)


def _ready(problem: Problem, transposed: bool) -> Ready:
    p, dtype = plan(problem, transposed), problem.dtype
    tile = images_tile.compiled(dtype, ROWS=p.rows, VECTORS=p.vectors)
    packing = Job(pack_weights.compiled(dtype), p.packs, p.packed, 4, p.table)
    computing = Job(convolve.compiled(dtype), p.tasks, p.work, 5, p.table, tile)
    new = maker(problem.x_size if transposed else problem.y_size, dtype)

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory = new(), scratch(p.packed + computing.threads() * p.scratch)
        packed = memory.data_ptr()
        own = packed + p.packed
        packing.run(w.data_ptr(), 0 if b is None else b.data_ptr(), b is not None, packed)
        computing.run(x.data_ptr(), y.data_ptr(), packed, own, own)
        return y

    return run


def _can(problem: Problem) -> bool:
    return _fits(problem, problem.channels, forward(problem.grid))


def _gradient_can(problem: Problem) -> bool:
    return _fits(problem, problem.filters, backward(problem.grid))


def _fits(problem: Problem, channels: int, sweep: Sweep) -> bool:
    terms = channels // problem.groups * prod(problem.grid.kernel_size)
    return not problem.last and terms <= TERMS and max(axis.output for axis in sweep) <= LONGEST


def _pays(problem: Problem) -> bool:
    return _before_dense(problem, False) and plan(problem, False).cost * BESIDE_DIRECT < direct_plan.plan(problem).cost


def _gradient_pays(problem: Problem) -> bool:
    """Direct convolution is no rival: to few channels it is slower than dense."""
    return _before_dense(problem, True)


def _before_dense(problem: Problem, transposed: bool) -> bool:
    """Whether there are images for half a vector, and it is done before the dense kernel is."""
    dtype, n, channels, filters, groups, grid, *_ = problem
    if 2 * n < lanes(dtype.itemsize):
        return False
    if transposed:
        channels, filters = filters, channels
    size = Size(n, groups, channels // groups, filters // groups, dtype.itemsize)
    return plan(problem, transposed).cost * BESIDE_DENSE < cost((backward if transposed else forward)(grid), size)


WHY = "an image in each lane, for many images and few filters"
CONV = Algorithm("images", _can, _pays, conv, why=WHY)
INPUT_GRAD = Algorithm("images", _gradient_can, _gradient_pays, conv_input_grad, why=WHY)
