"""The gradient of a 3 × 3 convolution's weights by Winograd's algorithm.

A task is a block of filters, a block of channels and a slice of the tiles. Block of tiles after block it transforms
the inputs and the output gradients, adds their 36 matrix products to its sums, and transforms these back at the end.
What several slices found is added up, in their order, by tasks of their own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..call import call
from ..choose import Problem
from ..jit import Longs, Real, kernel
from ..pages import maker
from ..simd import at, load, splat, store, total
from ..target import REGISTERS
from ..team import Job
from ..workspace import scratch
from .product import product
from .tile import VECTORS
from .winograd_lanes import TAPS, unstage
from .winograd_plan import (
    FLOAT,
    LANES,
    PANEL,
    POINTS,
    TASKS,
    Most,
    Plan,
    ceil,
    fitting,
    image_words,
    lead,
    offsets,
    staged,
    tiling,
    up,
)
from .winograd_squares import tap_square
from .winograd_tiles import Block, Image, Room, pack_data, pack_gradients

STEP = 32  # tiles that are added up before their sum is added to others'
ROWS = 8 if REGISTERS == 32 else 6  # filters of a register tile: numbers of filters are multiples of 8 more than of 12


@kernel
def multiply(
    gradients: Real, gradients_plane, gradients_lead, data: Real, data_plane, data_lead, tiles, filters, channels,
    sums: Real, sums_plane, sums_lead, piece: Real, first,
):  # fmt: skip
    """sums[i][k][c] (+)= Σ_t gradients[i][t][k] · data[i][t][c] at each of the points i."""
    for i in range(POINTS):
        for c in range(0, channels, PANEL):
            b = at(data, i * data_plane + c)
            for k in range(0, filters, ROWS):
                a, m = at(gradients, i * gradients_plane + k), at(sums, i * sums_plane + k * sums_lead + c)
                c_at, c_step = m, sums_lead
                if first == 0:
                    c_at, c_step = piece, PANEL
                for t in range(0, tiles, STEP):
                    left, right = at(a, t * gradients_lead), at(b, t * data_lead)
                    deep, new = min(STEP, tiles - t), t == 0
                    product(
                        ROWS, VECTORS, left, 1, gradients_lead, right, data_lead, c_at, c_step, deep, c_at, c_step, new
                    )
                if first == 0:
                    for r in range(ROWS):
                        for j in range(0, PANEL, LANES):
                            store(m, r * sums_lead + j, load(m, r * sums_lead + j) + load(piece, r * PANEL + j))


@kernel
def correlate(
    lo, hi, thread,
    x: Real, gy: Real, found: Real, memory: Real, bad: Longs, multiply, channels, filters,
    height, width, x_batch, x_channel, x_row, x_pixel, y_height, y_width, y_batch, y_channel, y_row, y_pixel,
    top, left, dilation, down, across, rows, block_rows, block_columns, column_blocks, blocks, slices,
    channel_blocks, block_channels, block_filters, found_lead,
    gradients_plane, gradients_lead, data_plane, data_lead, sums_plane, sums_lead,
    staged_at, gradients_at, data_at, sums_at, share,
):  # fmt: skip
    """found[slice][k] = Σ of x · gy over the slice's tiles; bad[0] = 1 if a number of it is not finite.

    A filter's ``found_lead`` numbers are vectors of channels, for each of these all taps behind each other. Where all
    tiles are one slice, ``found`` is the gradient itself.
    """
    own = at(memory, thread * share)
    room = Room(own, at(own, staged_at))
    gradients, data, sums = at(own, gradients_at), at(own, data_at), at(own, sums_at)
    inputs = Image(x, height, width, x_batch, x_channel, x_row, x_pixel)
    outputs = Image(gy, y_height, y_width, y_batch, y_channel, y_row, y_pixel)
    zeros = splat(x, 0.0)
    suspect = zeros
    for task in range(lo, hi):
        number, part = task // slices, task % slices
        k0, c0 = number // channel_blocks * block_filters, number % channel_blocks * block_channels
        some, deep = min(block_filters, filters - k0), min(block_channels, channels - c0)
        begin, end = part * blocks // slices, (part + 1) * blocks // slices
        for spot in range(begin, end):
            row, column = spot // column_blocks * block_rows, spot % column_blocks * block_columns
            columns, last = min(block_columns, across - column), min(row + block_rows, rows)
            read = Block(row, last, column, columns, down, top, left, dilation)
            written = Block(row, last, column, columns, down, 0, 0, dilation)
            pack_data(inputs, read, c0, deep, data, data_lead, data_plane, room)
            pack_gradients(outputs, written, k0, some, gradients, gradients_lead, gradients_plane, room)
            sides = (gradients, gradients_plane, gradients_lead, data, data_plane, data_lead)
            new = 1 if spot == begin else 0
            call(multiply, (*sides, (last - row) * columns, some, deep, sums, sums_plane, sums_lead, own, new))
        for k in range(some):
            for c in range(0, deep, LANES):
                taps, products = own, at(sums, k * sums_lead + c)
                if slices > 1:
                    taps = at(found, (part * filters + k0 + k) * found_lead + (c0 + c) * TAPS)
                suspect = tap_square(products, sums_plane, zeros, taps, 3 * LANES, LANES, suspect)
                if slices == 1:
                    unstage(taps, at(found, ((k0 + k) * channels + c0 + c) * TAPS), TAPS, 1, deep - c, TAPS)
    if total(suspect) != 0.0:
        bad[0] = 1


@kernel
def collect(lo, hi, thread, found: Real, gw: Real, slices, filters, channels, found_lead):
    """gw[k][c][tap] = Σ over the slices of what was found, for the filters from ``lo`` to ``hi``."""
    for k in range(lo, hi):
        own = at(found, k * found_lead)
        for part in range(1, slices):
            other = at(own, part * filters * found_lead)
            for i in range(0, found_lead, LANES):
                store(own, i, load(own, i) + load(other, i))
        for c in range(0, channels, LANES):
            unstage(at(own, c * TAPS), at(gw, (k * channels + c) * TAPS), TAPS, 1, channels - c, TAPS)


def conv_weight_grad(problem: Problem) -> Callable[[Tensor, Tensor], Tensor | None]:
    """gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p]; None where a number of gw is not finite."""
    plan = fitting(problem, partial(_plan, problem))
    size = plan.found
    inner = multiply.compiled(torch.float32)
    products = Job(correlate.compiled(torch.float32), plan.tasks, plan.work, 5, inner, *plan.words)
    sums = Job(collect.compiled(torch.float32), problem.filters, size, 2, *plan.ends)
    new = maker((problem.filters, problem.channels, 3, 3), torch.float32)

    def run(x: Tensor, gy: Tensor) -> Tensor | None:
        gw, memory = new(), scratch((products.threads() * plan.share + size) * FLOAT)
        own, bad = memory.data_ptr() + size * FLOAT, ctypes.c_int64(0)
        found = memory.data_ptr() if size else gw.data_ptr()
        products.run(x.data_ptr(), gy.data_ptr(), found, own, ctypes.addressof(bad))
        if bad.value:
            return None
        if size:
            sums.run(found, gw.data_ptr())
        return gw

    return run


def _plan(problem: Problem, most: Most) -> Plan:
    _, images, channels, filters, _, grid, x_last, y_last = problem
    size, y_size, before, dilation = grid.input_size, grid.output_size, grid.before, grid.dilation[0]
    cut = tiling(images, *y_size, dilation, most.tiles)
    block_channels, block_filters = min(most.channels, up(channels, PANEL)), min(most.filters, up(filters, LANES))
    channel_blocks, filter_blocks = ceil(channels, block_channels), ceil(filters, block_filters)
    slices = min(ceil(2 * TASKS, channel_blocks * filter_blocks), cut.blocks)
    gradients_lead, data_lead = lead(up(block_filters, ROWS)), lead(block_channels)
    sums_lead, found_lead = lead(block_channels), TAPS * up(channels, LANES)
    sums_plane = up(block_filters, ROWS) * sums_lead
    _, staged_at, gradients_at, data_at, sums_at, share = offsets(
        max(POINTS * LANES, ROWS * PANEL),
        LANES * max(staged(cut, size[1]), staged(cut, y_size[1])),
        POINTS * cut.block * gradients_lead + ROWS,
        POINTS * cut.block * data_lead,
        POINTS * sums_plane,
    )
    words = (
        *(channels, filters, *image_words(channels, *size, x_last), *image_words(filters, *y_size, y_last)),
        *(*before, dilation, cut.down, cut.across, cut.rows, cut.block_rows, cut.block_columns),
        *(cut.column_blocks, cut.blocks, slices, channel_blocks, block_channels, block_filters, found_lead),
        *(cut.block * gradients_lead, gradients_lead, cut.block * data_lead, data_lead, sums_plane, sums_lead),
        *(staged_at, gradients_at, data_at, sums_at, share),
    )
    tasks = slices * channel_blocks * filter_blocks
    found = lead(slices * filters * found_lead) if slices > 1 else 0
    ends = (slices, filters, channels, found_lead)
    return Plan(tasks, 2 * POINTS * cut.count * channels * filters, share, words, found, ends)
