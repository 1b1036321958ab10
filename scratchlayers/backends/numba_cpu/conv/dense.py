"""Any convolution, and any input gradient, as matrix products of packed weights and lines of the input.

    Y[m, p] = b[m] + Σ_{c,t} W[m, (c, t)] · X[(c, t), p]        p over the positions of the whole batch

A task takes a block of positions, a group and some filters. For a few channels at a time it fills lines of the input
and adds their products to the sums, tile by tile. A tile whose positions lie together in Y has its sums there from the
start; the others' are brought there when they are complete. Weights are packed first: by tasks that come before, or,
where there is one block of positions, by the task that needs them. Where dilated windows reach far beyond the input,
tiles leave out the rows of taps that read nothing of it.
"""

from __future__ import annotations

from torch import Tensor

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, inner, kernel
from ..pages import maker
from ..simd import at
from ..team import Job
from ..workspace import scratch
from . import dense_table as table
from .dense_plan import plan_of
from .dense_weights import pack_task, packed_place
from .turn import between_planes


@kernel
def dense_tasks(
    lo,
    hi,
    thread,
    x: Real,
    w: Real,
    b: Real,
    biased,
    y: Real,
    packed: Real,
    own: Real,
    longs: Longs,
    first,
    plan: Longs,
):
    """Do the tasks first + lo to first + hi: those that pack weights, and after them those that compute Y.

    ``own`` and ``longs`` are the same memory, scratch of all threads.
    """
    lines, longs = at(own, thread * plan[table.THREAD_SCRATCH]), at(longs, thread * plan[table.THREAD_LONGS])
    for task in range(first + lo, first + hi):
        if task < plan[table.PACKS]:
            call(plan[table.PACK], (task, plan, w, b, biased, packed))
        else:
            compute(task - plan[table.PACKS], plan, x, w, b, biased, y, packed, lines, longs)


@inner
def compute(task, plan, x, w, b, biased, y, packed, lines, longs):
    """Y of a block of positions, for the filters of a share of a group; weights that nobody has packed are first."""
    share, rest = task % plan[table.SHARES], task // plan[table.SHARES]
    group, start = rest % plan[table.GROUPS], rest // plan[table.GROUPS] * plan[table.BLOCK]
    panel, channels = plan[table.PANEL], plan[table.GROUP_CHANNELS]
    panels = (min(plan[table.BLOCK], plan[table.TOTAL] - start) + panel - 1) // panel
    rows, spots = at(longs, plan[table.ROWS_START]), at(longs, plan[table.SPOTS_START])
    masks = at(longs, plan[table.MASKS_START])
    for p in range(panels):
        spots[p] = spot(plan, start + p * panel, panel)
        masks[p] = mask(plan, start + p * panel, panel)
    begin = share * plan[table.SHARE]
    end = min(begin + plan[table.SHARE], plan[table.ROW_BLOCKS])
    reach = panels * panel + plan[table.REACH]
    for piece in range(plan[table.PIECES]):
        channel = piece * plan[table.CHANNELS_AT_ONCE]
        some = min(plan[table.CHANNELS_AT_ONCE], channels - channel)
        words = (start + plan[table.LOW], reach, group * channels + channel, some)
        call(plan[table.FILL], (lines, x, plan, rows, *words))
        for block in range(begin, end):
            if plan[table.PACKS] == 0:
                packed = at(lines, plan[table.PACKED_START])
                call(plan[table.PACK], (pack_task(plan, group, piece, block), plan, w, b, biased, packed))
            multiply(plan, y, packed, lines, spots, masks, group, piece, block, block - begin, panels, some)
    for block in range(begin, end):
        finish(plan, y, at(lines, plan[table.SUMS_START]), spots, group, block, block - begin, start, panels)


@inner
def multiply(plan, y, packed, lines, spots, masks, group, piece, block, number, panels, channels):
    """Add the products of a block of filters and all lines to the sums, of every phase."""
    tap_rows = plan[table.TAP_ROWS]
    panel, pitch, rows = plan[table.PANEL], plan[table.SUMS_PITCH], plan[table.ROWS]
    plane = plan[table.OUTPUT_D] * plan[table.OUTPUT_H] * plan[table.OUTPUT_W]
    whole = (block + 1) * rows <= plan[table.GROUP_FILTERS]
    there = at(y, (group * plan[table.GROUP_FILTERS] + block * rows) * plane)
    for phase in range(plan[table.PHASES]):
        entry = plan[table.PHASE_TABLE] + 3 * phase
        a, offsets = at(packed, packed_place(plan, entry, group, piece, block)), at(plan, plan[entry + 2])
        here = at(lines, plan[table.SUMS_START] + (phase * plan[table.SHARE] + number) * rows * pitch)
        for p in range(panels):
            direct = whole and spots[p] >= 0
            target = at(there, spots[p]) if direct else at(here, p * panel)
            source, apart = at(lines, p * panel), plane if direct else pitch
            if tap_rows == 0:
                call(plan[table.TILE], (a, source, offsets, target, apart, channels * plan[entry], piece == 0))
                continue
            if piece == 0:  # the sums begin
                call(plan[table.TILE], (a, source, offsets, target, apart, 0, 1))
            each = plan[entry] // tap_rows
            for r in range(tap_rows):
                if masks[p] >> r & 1:
                    step = r * plan[table.CHANNELS_AT_ONCE] * each
                    words = (at(a, step * rows), source, at(offsets, step), target, apart, channels * each, 0)
                    call(plan[table.TILE], words)


@inner
def finish(plan, y, sums, spots, group, block, number, start, panels):
    """Bring to Y the sums of a block of filters that are not there."""
    panel, rows = plan[table.PANEL], plan[table.ROWS]
    plane = plan[table.OUTPUT_D] * plan[table.OUTPUT_H] * plan[table.OUTPUT_W]
    filters = min(rows, plan[table.GROUP_FILTERS] - block * rows)
    target = at(y, (group * plan[table.GROUP_FILTERS] + block * rows) * plane)
    source = at(sums, number * rows * plan[table.SUMS_PITCH])
    p = 0
    while p < panels:
        q = p
        while q < panels and (filters < rows or spots[q] < 0):
            q += 1
        if q > p:
            count = min(q * panel, plan[table.TOTAL] - start) - p * panel
            call(plan[table.EMPTY], (target, at(source, p * panel), plan, start + p * panel, count, filters))
        p = q + 1


@inner
def mask(plan, position, count):
    """Return a bit for each row of taps, 1 where one of these positions reads an input by it."""
    found, width, taps = 0, plan[table.WIDTH_W], plan[table.ROW_TAPS]
    for line in range(position // width, (position + count - 1) // width + 1 if plan[table.TAP_ROWS] else 0):
        h, d = line % plan[table.WIDTH_H], line // plan[table.WIDTH_H] % plan[table.WIDTH_D]
        for r in range(plan[table.TAP_ROWS]):
            from_d = d * plan[table.STEP_D] + plan[taps + 2 * r]
            from_h = h * plan[table.STEP_H] + plan[taps + 2 * r + 1]
            if 0 <= from_d < plan[table.SOURCE_D] and 0 <= from_h < plan[table.SOURCE_H]:
                found |= 1 << r
    return found


@inner
def spot(plan, position, count):
    """Return where in Y's first filter these positions lie together, or −1."""
    if position % plan[table.RUN] + count > plan[table.RUN_USED]:
        return -1
    column, row = position % plan[table.WIDTH_W], position // plan[table.WIDTH_W]
    h, slab = row % plan[table.WIDTH_H], row // plan[table.WIDTH_H]
    d, n = slab % plan[table.WIDTH_D], slab // plan[table.WIDTH_D]
    if h >= plan[table.OUTPUT_H] or d >= plan[table.OUTPUT_D] or n >= plan[table.BATCH]:
        return -1
    place = (n * plan[table.FILTERS] * plan[table.OUTPUT_D] + d) * plan[table.OUTPUT_H] + h
    return place * plan[table.OUTPUT_W] + column


def conv(problem: Problem) -> Ready:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t]."""
    return _ready(problem, False)


def conv_input_grad(problem: Problem) -> Ready:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel."""
    return _ready(problem, True)


def _ready(problem: Problem, transposed: bool) -> Ready:
    plan = plan_of(problem, transposed)
    new = maker(problem.x_size if transposed else problem.y_size, problem.dtype)
    code = dense_tasks.compiled(problem.dtype)
    together = Job(code, plan.packs + plan.tasks, 0, 8, 0, plan.table)
    packing = Job(code, plan.packs, plan.packed, 8, 0, plan.table)
    computing = Job(code, plan.tasks, plan.work, 8, plan.packs, plan.table)

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, threads = new(), computing.threads()
        memory = scratch(plan.packed + threads * plan.scratch)
        packed, bias = memory.data_ptr(), 0 if b is None else b.data_ptr()
        own = packed + plan.packed
        pointers = (x.data_ptr(), w.data_ptr(), bias, b is not None, y.data_ptr(), packed, own, own)
        if threads == 1:
            together.run(*pointers)
        else:
            if plan.packs:
                packing.run(*pointers)
            computing.run(*pointers)
        return y

    return between_planes(run, problem, transposed)


CONV = Algorithm("dense", lambda problem: True, lambda problem: True, conv)
INPUT_GRAD = Algorithm("dense", lambda problem: True, lambda problem: True, conv_input_grad)
