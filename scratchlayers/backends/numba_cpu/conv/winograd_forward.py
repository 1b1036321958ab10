"""A 3 × 3 convolution, or its input gradient, by Winograd's algorithm.

A task is a block of tiles and a block of filters. For one block of channels after the other it transforms the block's
inputs and weights and adds their 36 matrix products to the block's sums, which it transforms back at the end. All of
that is the thread's own memory, whose size does not grow with the problem: nothing is transformed as a whole.

The input gradient is the convolution of gy with the weights turned by half a circle, channels and filters exchanged.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ....geometry import Sizes
from ..call import call
from ..choose import Problem
from ..jit import Longs, Real, kernel
from ..pages import maker
from ..simd import at, load, splat, store, total
from ..team import Job
from ..workspace import scratch
from .product import product
from .tile import ROWS, VECTORS
from .winograd_lanes import TAPS
from .winograd_plan import (
    FLOAT,
    LANES,
    PANEL,
    POINTS,
    Most,
    Plan,
    filters_of_block,
    fitting,
    image_words,
    lead,
    offsets,
    staged,
    tiling,
    up,
)
from .winograd_tiles import SOME, Block, Image, Room, pack_data, pack_filters, unpack

Run = Callable[[Tensor, Tensor, Tensor | None], Tensor | None]
STEP = 32  # channels that are added up before their sum is added to others'


@kernel
def multiply(
    data: Real, data_plane, data_lead, weights: Real, weights_plane, panel, channels, tiles, filters,
    sums: Real, breadth, piece: Real, first,
):  # fmt: skip
    """sums[t][i][k] (+)= Σ_c data[i][t][c] · weights[i][k][c] at each of the points i.

    A kernel of its own: compiled into a longer one its innermost loop would be left without registers.
    """
    for i in range(POINTS):
        for k in range(0, filters, PANEL):
            u = at(weights, i * weights_plane + k // PANEL * panel)
            for t in range(0, tiles, ROWS):
                a, m, m_step = (
                    at(data, i * data_plane + t * data_lead),
                    at(sums, (t * POINTS + i) * breadth + k),
                    POINTS * breadth,
                )
                c_at, c_step = m, m_step
                if first == 0:
                    c_at, c_step = piece, PANEL
                for c in range(0, channels, STEP):
                    deep, new = min(STEP, channels - c), c == 0
                    left, right = at(a, c), at(u, c * PANEL)
                    product(
                        ROWS, VECTORS, left, data_lead, 1, right, PANEL, c_at, c_step, deep, c_at, c_step, new
                    )  # fmt: skip
                if first == 0:
                    for r in range(ROWS):
                        for j in range(0, PANEL, LANES):
                            store(m, r * m_step + j, load(m, r * m_step + j) + load(piece, r * PANEL + j))


@kernel
def convolve(
    lo, hi, thread,
    x: Real, w: Real, b: Real, y: Real, memory: Real, bad: Longs, biased, multiply, turned, channels, filters,
    height, width, x_batch, x_channel, x_row, x_pixel, y_height, y_width, y_batch, y_channel, y_row, y_pixel,
    filter_step, channel_step, top, left, dilation, down, across, rows,
    block_rows, block_columns, column_blocks, blocks, block_channels, block_filters, data_plane, data_lead,
    staged_at, data_at, weights_at, sums_at, share,
):  # fmt: skip
    """y = conv(x, w) + b for the tasks from ``lo`` to ``hi``; bad[0] = 1 if a number of y is not finite.

    A thread's memory: a window and a piece of sums; staged pixels; data [36][tiles][data_lead]; weights
    [36][panels][channels][PANEL]; sums [tiles][36][filters].
    """
    own = at(memory, thread * share)
    room = Room(own, at(own, staged_at))
    data, weights, sums = at(own, data_at), at(own, weights_at), at(own, sums_at)
    source = Image(x, height, width, x_batch, x_channel, x_row, x_pixel)
    target = Image(y, y_height, y_width, y_batch, y_channel, y_row, y_pixel)
    panel, weights_plane, pitch = block_channels * PANEL, block_filters * block_channels + LANES, POINTS * block_filters
    suspect = splat(x, 0.0)
    packed = -1
    for task in range(lo, hi):
        part, spot = task // blocks, task % blocks
        row, column = spot // column_blocks * block_rows, spot % column_blocks * block_columns
        columns = min(block_columns, across - column)
        block = Block(row, min(row + block_rows, rows), column, columns, down, top, left, dilation)
        tiles, first = (block.last - row) * columns, part * block_filters
        some = min(block_filters, filters - first)
        c = 0
        while c < channels:
            deep = min(block_channels, channels - c)
            if packed != part or block_channels < channels:
                taps = at(w, first * filter_step + c * channel_step)
                pack_filters(
                    taps, filter_step, channel_step, turned, some, deep, weights, panel, PANEL, weights_plane, room
                )
                packed = part
            pack_data(source, block, c, deep, data, data_lead, data_plane, room)
            new = 1 if c == 0 else 0
            left_side, right_side = (data, data_plane, data_lead), (weights, weights_plane, panel)
            call(multiply, (*left_side, *right_side, deep, tiles, some, sums, block_filters, own, new))
            c += block_channels
        suspect = unpack(target, block, b, biased, first, some, sums, pitch, block_filters, room, suspect)
    if total(suspect) != 0.0:
        bad[0] = 1


def conv(problem: Problem) -> Run:
    """y = b + the convolution of x; None where a number of y is not finite."""
    grid = problem.grid
    x, y = (problem.channels, *grid.input_size), (problem.filters, *grid.output_size)
    return _ready(problem, x, y, grid.before, turned=False)


def conv_input_grad(problem: Problem) -> Run:
    """gx = the transpose of ``conv`` in x, plus b; None where a number of gx is not finite."""
    grid = problem.grid
    gy, gx = (problem.filters, *grid.output_size), (problem.channels, *grid.input_size)
    top, left = (2 * d - before for d, before in zip(grid.dilation, grid.before, strict=True))
    return _ready(problem, gy, gx, (top, left), turned=True)


def _ready(problem: Problem, x: Sizes, y: Sizes, before: Sizes, turned: bool) -> Run:
    """Return what convolves images of these sizes."""
    plan = fitting(problem, partial(_plan, problem, x, y, before, turned))
    inner = multiply.compiled(torch.float32)
    job = Job(convolve.compiled(torch.float32), plan.tasks, plan.work, 7, inner, *plan.words)
    new = maker((problem.batch, *y), torch.float32, problem.last)

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor | None:
        y, memory = new(), scratch(job.threads() * plan.share * FLOAT)
        bias, bad = 0 if b is None else b.data_ptr(), ctypes.c_int64(0)
        operands = (x.data_ptr(), w.data_ptr(), bias, y.data_ptr())
        job.run(*operands, memory.data_ptr(), ctypes.addressof(bad), b is not None)
        return None if bad.value else y

    return run


def _plan(problem: Problem, x: Sizes, y: Sizes, before: Sizes, turned: bool, most: Most) -> Plan:
    (channels, *size), (filters, *y_size) = x, y
    images, dilation, last = problem.batch, problem.grid.dilation[0], problem.last
    cut = tiling(images, *y_size, dilation, most.tiles)
    block_channels, block_filters = min(most.channels, channels), filters_of_block(filters, cut.blocks, most.filters)
    tiles, data_lead = up(cut.block, ROWS), lead(block_channels)
    parts = -(-filters // block_filters)
    _, staged_at, data_at, weights_at, sums_at, share = offsets(
        max(POINTS * LANES, ROWS * PANEL),
        LANES * max(staged(cut, size[1]), staged(cut, y_size[1]), TAPS * SOME),
        POINTS * tiles * data_lead,
        POINTS * (block_channels * block_filters + LANES),
        POINTS * tiles * block_filters,
    )
    words = (
        *(turned, channels, filters, *image_words(channels, *size, last), *image_words(filters, *y_size, last)),
        *((9, 9 * filters) if turned else (9 * channels, 9)),
        *(*before, dilation, cut.down, cut.across, cut.rows, cut.block_rows, cut.block_columns),
        *(cut.column_blocks, cut.blocks, block_channels, block_filters, tiles * data_lead, data_lead),
        *(staged_at, data_at, weights_at, sums_at, share),
    )
    return Plan(cut.blocks * parts, 2 * POINTS * cut.count * channels * filters, share, words)
