"""Any convolution, and any input gradient, as matrix products of packed weights and lines of the input.

    Y[m, p] = b[m] + Σ_{c,t} W[m, (c, t)] · X[(c, t), p]        p over the positions of the whole batch

A task takes a block of positions, a group and some filters. For a few channels at a time it fills lines of the input
(:mod:`dense_panels`) and adds their products to the sums, tile by tile. A tile whose positions lie together in Y has
its sums there from the start; the others' are brought there when they are complete. Weights are packed first, by tasks
that come before.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....geometry import Grid
from .. import team
from ..choose import Algorithm
from ..jit import Longs, Real, inner, kernel
from ..pages import paged
from ..simd import at
from ..workspace import scratch
from . import dense_table as table
from .dense_panels import empty, fill, pack
from .dense_plan import Plan, plan_of
from .tile import call_tile, tile_kernel


@kernel
def dense_tasks(
    lo,
    hi,
    thread,
    first,
    tile,
    plan: Longs,
    x: Real,
    w: Real,
    b: Real,
    biased,
    y: Real,
    packed: Real,
    own: Real,
    longs: Longs,
):
    """Do the tasks first + lo to first + hi: those that pack weights, and after them those that compute Y."""
    own = at(own, thread * plan[table.THREAD_SCRATCH])
    rows = plan[table.ROWS]
    longs = at(longs, thread * plan[table.THREAD_LONGS])
    for task in range(first + lo, first + hi):
        if task < plan[table.PACKS]:
            pack_filters(task, plan, w, b, biased, packed)
            continue
        panel = plan[table.PANEL]
        number = task - plan[table.PACKS]
        share, group = number % plan[table.SHARES], number // plan[table.SHARES] % plan[table.GROUPS]
        start = number // plan[table.SHARES] // plan[table.GROUPS] * plan[table.BLOCK]
        count = min(plan[table.BLOCK], plan[table.TOTAL] - start)
        panels = -(-count // panel)
        sums, spots = at(own, plan[table.SUMS_START]), at(longs, plan[table.SPOTS_START])
        pitch, channels, all_rows = plan[table.SUMS_PITCH], plan[table.GROUP_CHANNELS], plan[table.SHARE] * rows
        for p in range(panels):
            spots[p] = spot(plan, start + p * panel, panel)
        begin = share * plan[table.SHARE]
        end = min(begin + plan[table.SHARE], plan[table.ROW_BLOCKS])
        plane = plan[table.OUTPUT_D] * plan[table.OUTPUT_H] * plan[table.OUTPUT_W]
        filter_0 = group * plan[table.GROUP_FILTERS]
        c = 0
        while c < channels:
            some = min(plan[table.CHANNELS_AT_ONCE], channels - c)
            reach = panels * panel + plan[table.REACH]
            piece = c // plan[table.CHANNELS_AT_ONCE]
            fill(
                own,
                x,
                plan,
                at(longs, plan[table.ROWS_START]),
                plan[table.LANES],
                start + plan[table.LOW],
                reach,
                group * channels + c,
                some,
            )
            for block in range(begin, end):
                whole = (block + 1) * rows <= plan[table.GROUP_FILTERS]
                for phase in range(plan[table.PHASES]):
                    entry = plan[table.PHASE_TABLE] + 4 * phase
                    taps = plan[entry]
                    a = at(packed, packed_place(plan, entry, group, piece, block))
                    offsets = at(plan, plan[entry + 2])
                    there = at(y, (filter_0 + block * rows) * plane)
                    here = at(sums, (phase * all_rows + (block - begin) * rows) * pitch)
                    for p in range(panels):
                        direct = whole and spots[p] >= 0
                        target = at(there, spots[p]) if direct else at(here, p * panel)
                        step = plane if direct else pitch
                        call_tile(tile, a, at(own, p * panel), offsets, target, step, some * taps, c == 0)
            c += some
        for block in range(begin, end):
            whole = (block + 1) * rows <= plan[table.GROUP_FILTERS]
            filters = min(rows, plan[table.GROUP_FILTERS] - block * rows)
            here = at(sums, (block - begin) * rows * pitch)
            p = 0
            while p < panels:
                q = p
                while q < panels and not (whole and spots[q] >= 0):
                    q += 1
                if q > p:
                    until = min(q * panel, count) - p * panel
                    target, source = at(y, (filter_0 + block * rows) * plane), at(here, p * panel)
                    empty(target, source, plan, plan[table.LANES], pitch, start + p * panel, until, filters, all_rows)
                p = q + 1


@inner
def pack_filters(task, plan, w, b, biased, packed):
    """Pack the weights of one phase, group, piece of the channels and block of filters."""
    block, rest = task % plan[table.ROW_BLOCKS], task // plan[table.ROW_BLOCKS]
    piece, rest = rest % plan[table.PIECES], rest // plan[table.PIECES]
    group, phase = rest % plan[table.GROUPS], rest // plan[table.GROUPS]
    entry, rows, filters = plan[table.PHASE_TABLE] + 4 * phase, plan[table.ROWS], plan[table.GROUP_FILTERS]
    channel = piece * plan[table.CHANNELS_AT_ONCE]
    source = group * plan[table.GROUP_STEP] + channel * plan[table.CHANNEL_STEP]
    pack(
        at(packed, packed_place(plan, entry, group, piece, block)),
        at(w, source + block * rows * plan[table.FILTER_STEP]),
        at(b, group * filters + block * rows),
        biased,
        rows,
        min(rows, filters - block * rows),
        min(plan[table.CHANNELS_AT_ONCE], plan[table.GROUP_CHANNELS] - channel),
        at(plan, plan[entry + 3]),
        plan[entry],
        plan[table.CHANNEL_STEP],
        plan[table.FILTER_STEP],
    )


@inner
def packed_place(plan, entry, group, piece, block):
    """Return where the packed weights lie of a phase, named by its entry in the table, and so on."""
    rank = (group * plan[table.PIECES] + piece) * plan[table.ROW_BLOCKS] + block
    return plan[entry + 1] + rank * (1 + plan[table.CHANNELS_AT_ONCE] * plan[entry]) * plan[table.ROWS]


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


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int) -> Tensor:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t]."""
    y = paged(torch.empty((x.shape[0], w.shape[0], *grid.output_size), dtype=x.dtype))
    return _run(plan_of(grid, False, x.shape[0], w.shape, groups, x.dtype), x, w, b, y)


def conv_input_grad(gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None) -> Tensor:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel."""
    gx = paged(torch.empty((gy.shape[0], w.shape[1] * groups, *grid.input_size), dtype=gy.dtype))
    return _run(plan_of(grid, True, gy.shape[0], w.shape, groups, gy.dtype), gy, w, b, gx)


def _run(plan: Plan, x: Tensor, w: Tensor, b: Tensor | None, y: Tensor) -> Tensor:
    x = x.contiguous()
    b = b if b is None else b.contiguous()
    size, threads = x.element_size(), team.threads(plan.tasks, plan.work)
    memory = scratch(plan.packed * size + threads * plan.scratch)
    packed = memory.data_ptr()
    own = packed + plan.packed * size
    tile = tile_kernel.compiled(x.dtype, ROWS=plan.rows, VECTORS=plan.vectors)
    code = dense_tasks.compiled(x.dtype)
    tensors = (x.data_ptr(), w.data_ptr(), 0 if b is None else b.data_ptr(), b is not None, y.data_ptr())
    arguments = (tile, plan.table.ctypes.data, *tensors, packed, own, own)
    if threads == 1:
        team.run(code, plan.packs + plan.tasks, 0, 0, *arguments)
    else:
        team.run(code, plan.packs, plan.packed, 0, *arguments)
        team.run(code, plan.tasks, plan.work, plan.packs, *arguments)
    return y


CONV = Algorithm("dense", lambda problem: True, lambda problem: True, conv)
INPUT_GRAD = Algorithm("dense", lambda problem: True, lambda problem: True, conv_input_grad)
