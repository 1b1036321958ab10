"""y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t], many filters at once: x is read where it stands, a number at a time.

It is the weight gradient's product (:mod:`outer_tile`) with other roles: a row of a tile is an output position, a
column a filter, and the sum runs over channels and taps. No window is copied out, whatever the stride, and no
position is computed that is no output's. Where y is channels_last and made of whole panels the tiles are parts of it;
else what they hold is turned, or cut, on its way to y.
"""

from __future__ import annotations

from math import prod

from torch import Tensor

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, inner, kernel
from ..pages import maker
from ..simd import at, length, load, store, store_first
from ..team import Job
from ..workspace import scratch
from .box_copy import copy_pixels, copy_planes, copy_x, cut, write_places
from .boxes import DEPTH, HEIGHT, NUMBER, TABLES, WIDTH, is_product
from .dense_blocks import Size, cost
from .dense_weights import pack_in_order
from .direct_plan import mirror, plan
from .outer_tile import outer_tile
from .sweep import Sweep, backward, forward
from .transpose import transpose_first

# multiply-adds of vectors that take as long as bringing a number to where another layout has it; how much longer the
# other way takes than its cost says where it steps over its input
TURNED, STRIDED = 1.5, 1.1
STEPS = 512  # of a sum at a time


def conv(problem: Problem) -> Ready:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t]."""
    return _ready(problem, problem, False)


def conv_input_grad(problem: Problem) -> Ready:
    """gx = the transpose of ``conv`` in x at stride 1, plus ``b`` on each channel: a convolution of gy."""
    return _ready(problem, mirror(problem), True)


def _ready(problem: Problem, of: Problem, mirrored: bool) -> Ready:
    p, dtype, last = plan(problem, mirrored), problem.dtype, problem.last
    copy = 0 if last and is_product(of.grid) else (copy_pixels if last else copy_x).compiled(dtype)
    parts = outer_tile.compiled(dtype, **p.shape), copy, copy_planes.compiled(dtype)
    pack = pack_panel.compiled(dtype)
    packing = Job(pack_panels.compiled(dtype), p.packs, p.packed, 4, mirrored, p.table, pack)
    computing = Job(add_windows.compiled(dtype), p.tasks, p.work, 8, mirrored, p.table, pack, last, *parts)
    new = maker((of.batch, of.filters, *of.grid.output_size), dtype, last)

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory = new(), scratch(p.packed + computing.threads() * p.scratch)
        packed, weights = memory.data_ptr(), (w.data_ptr(), 0 if b is None else b.data_ptr(), b is not None)
        own = packed + p.packed
        if p.packs:
            packing.run(*weights, packed)
        computing.run(x.data_ptr(), *weights, y.data_ptr(), packed, own, own)
        return y

    return run


@kernel
def pack_panels(lo, hi, thread, w: Real, b: Real, biased, packed: Real, mirrored, plan: Longs, pack):
    """packed[panel] = the panel, of every group."""
    for task in range(lo, hi):
        target = at(packed, task * (plan[NUMBER.channels] * plan[NUMBER.taps] + 1) * plan[NUMBER.columns])
        call(pack, (task, w, b, biased, target, mirrored, plan))


@kernel
def pack_panel(number, w: Real, b: Real, biased, target: Real, mirrored, plan: Longs):
    """target = the biases of a panel's filters, if there are any, and for every channel and tap their weights.

    A filter's weights lie together in w, or, ``mirrored``, those of one channel.
    """
    columns, panels, filters = plan[NUMBER.columns], plan[NUMBER.panels], plan[NUMBER.filters]
    channels, taps = plan[NUMBER.channels], plan[NUMBER.taps]
    pieces, count = (channels, taps) if mirrored else (1, channels * taps)
    panel, group = number % panels, number // panels
    first = panel * columns
    if biased:
        for j in range(columns):
            target[j] = b[group * filters + min(first + j, filters - 1)]
    places = at(plan, TABLES + channels * taps + columns * (panel + 1 == panels))
    source = at(w, group * filters * channels * taps + first * count)
    for piece in range(pieces):
        some = at(target, (1 + piece * count) * columns)
        pack_in_order(some, at(source, piece * filters * count), columns, places, count)


@kernel
def add_windows(
    lo, hi, thread, x: Real, w: Real, b: Real, biased, y: Real, packed: Real, longs: Longs, reals: Real,
    mirrored, plan: Longs, pack, last, tile, copy, copy_one,
):  # fmt: skip
    """Y of some panels of filters at the positions of a box; a lone box's task packs them itself.

    Without a ``copy`` the windows of a box lie in x as they would in a copy.
    """
    box = at(longs, thread * plan[NUMBER.longs])
    places, taps = at(box, 8), at(plan, TABLES)
    own = at(reals, thread * plan[NUMBER.reals])
    sums, x_box = at(own, plan[NUMBER.panel_at]), at(own, plan[NUMBER.box_at])
    rows, columns, channels = plan[NUMBER.rows], plan[NUMBER.columns], plan[NUMBER.channels]
    panels, parts, count = plan[NUMBER.panels], plan[NUMBER.column_parts], channels * plan[NUMBER.taps]
    for task in range(lo, hi):
        part, rest = task % parts, task // parts
        group = rest // plan[NUMBER.boxes]
        cut(plan, rest % plan[NUMBER.boxes], box)
        steps = write_places(plan, places, box, 1 if last else channels)
        for i in range(steps, steps + rows):
            places[i] = places[steps - 1]
        if copy != 0:
            call(copy, (plan, x, x_box, x_box, box, group, 0, channels, copy_one))
        windows = x_box if copy != 0 else at(x, box[6] * channels)
        filters = plan[NUMBER.filters]
        straight = last and filters % columns == 0 and steps >= rows
        for panel in range(panels * part // parts, panels * (part + 1) // parts):
            weights = at(own, plan[NUMBER.spare_at])
            if plan[NUMBER.boxes] == 1:
                call(pack, (group * panels + panel, w, b, biased, weights, mirrored, plan))
            else:
                weights = at(packed, (group * panels + panel) * (count + 1) * columns)
            target, pitch = sums, columns
            if straight:
                target, pitch = at(y, first_position(plan, box) * filters + panel * columns), filters
            for number in range((steps + rows - 1) // rows):
                i = min(number * rows, steps - rows) if straight else number * rows
                cells, old, old_pitch = at(target, i * pitch), weights, 0
                for step in range(0, count, STEPS):  # a long sum in pieces rounds less often at its full size
                    some, piece = min(count - step, STEPS), at(weights, (1 + step) * columns)
                    sides, fresh = (windows, at(taps, step), at(places, i), piece), step == 0 and not biased
                    call(tile, (*sides, some, cells, pitch, old, old_pitch, fresh))
                    old, old_pitch = cells, pitch
            if straight:
                continue
            first = panel * columns
            some = min(columns, filters - first)
            if last:
                place_pixels(plan, y, sums, box, first, some)
            else:
                place_planes(plan, y, sums, box, group * filters + first, some)


@inner
def first_position(plan, box):
    """Return which position of all images is the box's first; the others follow it, as :func:`boxes_of` cuts."""
    row = (box[0] * plan[DEPTH.out] + box[2]) * plan[HEIGHT.out] + box[4]
    return row * plan[WIDTH.out] + box[6]


@inner
def place_pixels(plan, y, sums, box, first, filters):
    """y[position i of the box, first + j] = sums[i · columns + j] for j < filters, y being channels_last."""
    columns, pixel, full = plan[NUMBER.columns], plan[NUMBER.filters], length(y)
    i = 0
    for image in range(box[0], box[0] + box[1]):
        for z in range(box[2], box[2] + box[3]):
            for line in range(box[4], box[4] + box[5]):
                row = (image * plan[DEPTH.out] + z) * plan[HEIGHT.out] + line
                target = at(y, (row * plan[WIDTH.out] + box[6]) * pixel + first)
                for k in range(box[7]):
                    for j in range(0, filters, full):
                        if j + full <= filters:
                            store(target, k * pixel + j, load(sums, (i + k) * columns + j))
                        else:
                            store_first(target, k * pixel + j, load(sums, (i + k) * columns + j), filters - j)
                i += box[7]


@inner
def place_planes(plan, y, sums, box, first, filters):
    """y[first + j, position i of the box] = sums[i · columns + j] for j < filters."""
    height, width, columns, full = plan[HEIGHT.out], plan[WIDTH.out], plan[NUMBER.columns], length(y)
    plane = plan[DEPTH.out] * height * width
    d, h, w = box[3], box[5], box[7]
    if w == width:
        w, h = w * h, 1
        if w == width * height:
            w, d = w * d, 1
    i = 0
    for image in range(box[0], box[0] + box[1]):
        for z in range(box[2], box[2] + d):
            for line in range(box[4], box[4] + h):
                target = at(y, image * plan[NUMBER.gy_image] + first * plane + (z * height + line) * width + box[6])
                for k in range(0, w, full):
                    k = max(min(k, w - full), 0)  # the last square goes back to where it is whole
                    for j in range(0, filters, full):
                        source = at(sums, (i + k) * columns + j)
                        transpose_first(source, columns, at(target, j * plane + k), plane, filters - j, w)
                i += w


def _can(problem: Problem) -> bool:
    return not problem.last or problem.groups == 1


def _steps_by_one(problem: Problem) -> bool:
    return _can(problem) and set(problem.grid.stride) <= {1}


def _costs_less(problem: Problem) -> bool:
    return _cheaper(problem, problem, forward(problem.grid), False)


def _gradient_costs_less(problem: Problem) -> bool:
    return _cheaper(problem, mirror(problem), backward(problem.grid), True)


def _cheaper(problem: Problem, of: Problem, sweep: Sweep, mirrored: bool) -> bool:
    size = Size(of.batch, of.groups, of.channels // of.groups, of.filters // of.groups, of.dtype.itemsize)
    turned = 0.0
    if problem.last:  # the other way turns x and y
        turned = of.batch * (prod(of.grid.input_size) + prod(of.grid.output_size) * of.filters / of.channels) * TURNED
    strided = STRIDED if any(axis.step > 1 for axis in sweep) else 1.0
    return plan(problem, mirrored).cost < cost(sweep, size) * strided + turned


WHY = "vectors of filters, windows read where they stand"
CONV = Algorithm("direct", _can, _costs_less, conv, why=WHY)
INPUT_GRAD = Algorithm("direct", _steps_by_one, _gradient_costs_less, conv_input_grad, why=WHY)
