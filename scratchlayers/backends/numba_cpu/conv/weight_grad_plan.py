"""How is a weight gradient cut into tasks? A pure function of the problem, never of the number of threads.

The sums of one weight gradient form a matrix: a row for each (channel, tap), a column for each filter. It is cut into
tiles, a panel of filters by a few rows; the terms of each sum, the output positions of all images, are cut into boxes.
A task adds the boxes of one chunk to one block of tiles. Chunks have their own copies of the sums.
"""

from __future__ import annotations

from math import ceil, log2, prod
from typing import NamedTuple

import numpy as np

from ..choose import Problem
from ..target import lanes
from ..workspace import rounded
from .boxes import Numbers, as_one, boxes_of, is_product, joined, pitch, tap_places
from .outer_tile import MOST_ROWS

PANEL = 96 * 2**10  # bytes of packed gy: in the second cache, so that copies read long runs
BRIEF, FIRST = 128, 32 * 2**10  # positions of an image whose runs are short anyway; bytes then: in the first cache
COPIES = 4 * 2**20  # bytes of sums that may be spent on copies
TASKS, SPLITS = 64, 16  # tasks that chunks may make; that repeating copies of x and gy may
NEARLY = 0.75  # of the tasks wanted are enough: to cut further repeats copies
WIDE = 64  # channels
GRAIN, COPYING = 2e6, 20  # operations that a task is worth; that take as long as copying an element of x


class Plan(NamedTuple):
    """What the kernels are compiled for and called with.

    ``table`` holds Numbers, an Axis three times, and the places of rows, of columns and of a block's lines.
    """

    size: tuple[int, ...]  # gw's
    shape: dict[str, int]
    tasks: int
    blocks: int  # of the sums, for adding up the chunks
    work: float
    sums: int  # bytes
    scratch: int  # bytes for each thread
    table: np.ndarray


def plan(problem: Problem) -> Plan:
    """Return how to compute this problem's weight gradient."""
    dtype, n, all_channels, all_filters, groups, grid, *_ = problem
    last = native(problem)
    gw, grid = (all_filters, all_channels // groups, *grid.kernel_size), joined(grid)
    product = last and is_product(grid)
    if product:
        grid, n = as_one(grid, n), 1
    size, length = dtype.itemsize, lanes(dtype.itemsize)
    c, k, taps = all_channels // groups, all_filters // groups, prod(grid.kernel_size)
    inputs, outputs = prod(grid.input_size), prod(grid.output_size)
    unit, rows, vectors = _tile(
        c, k, taps, [1] if last else _units(groups, n, length), inputs / outputs, n * outputs, length
    )
    columns = vectors * length
    tiles, panels = ceil(c * taps / rows), ceil(k * unit / columns)
    together = unit if groups == 1 else 1
    images, sides = n // together, ceil(groups / unit) if groups > 1 else 1
    room = FIRST if taps > 1 and outputs <= BRIEF else PANEL
    box_images, axes = boxes_of(grid, images, room // (columns * size))
    steps = box_images * prod(a.box for a in axes)
    boxes = ceil(images / box_images) * prod(a.boxes for a in axes)
    copy = sides * panels * tiles * rows * columns * size
    work = 2.0 * n * all_filters * c * taps * outputs
    effort = work + COPYING * n * all_channels * inputs
    chunks, row_parts, column_parts = _parts(effort, boxes, copy, sides, tiles, panels, c * inputs / (k * outputs))
    pixel = unit if not last else c if product else pitch(c, axes[-1].hop, size)
    plane = rounded((prod(a.reach for a in axes) * pixel // unit + length) * size) // size * unit
    box_channels = 1 if last else min((ceil(tiles / row_parts) * rows - 2) // taps + 2, c)
    panel_at = rounded(8 * (16 + steps)) // size
    box_at = panel_at + rounded((steps + length) * columns * size) // size
    spare_at = box_at + rounded((box_images * box_channels * plane + length) * size) // size
    scratch = rounded((spare_at + (plane if unit > 1 else 0)) * size)
    numbers = Numbers(
        *(c, k, taps, groups, unit, pixel, images, sides),
        *(together * all_channels * inputs, together * all_filters * outputs, c * inputs),
        *(rows, columns, tiles, panels, chunks, row_parts, column_parts, boxes, box_images, plane),
        *(panel_at, box_at, spare_at, scratch // 8, scratch // size),
    )
    row_places = tap_places(numbers, axes, grid)
    table = np.array(
        [
            *numbers,
            *(v for a in axes for v in a),
            *row_places[np.minimum(np.arange(rows * tiles), c * taps - 1)],
            *_column_places(numbers, outputs),
            *range(0, length * columns, columns),
        ],
        dtype=np.int64,
    )
    tasks = chunks * row_parts * column_parts * sides
    shape = {"ROWS": rows, "VECTORS": vectors, "UNIT": unit}
    blocks = sides * panels * ceil(c * taps / length)
    return Plan(gw, shape, tasks, blocks, work, chunks * copy, scratch, table)


def _units(groups: int, images: int, length: int) -> list[int]:
    """How many convolutions may share a vector: groups, or equal shares of the images."""
    units = [2**i for i in range(int(log2(length)) + 1)]
    return [u for u in units if (u < 2 * groups if groups > 1 else images % u == 0)]


def _tile(channels, filters, taps, units, inputs_each, positions, length) -> tuple[int, int, int]:
    """(unit, rows, vectors) that take the fewest cycles for an output position of one convolution.

    Copying x and gy is included, and adding up the sums at the end.
    """

    def cycles(shape) -> float:
        unit, across = shape
        tiles = ceil(channels * taps / MOST_ROWS[across])
        rows = ceil(channels * taps / tiles)
        panels = ceil(filters * unit / (across * length))
        copying = channels * inputs_each * (0.15 + 0.15 * log2(unit)) + panels * across * length / unit * 0.15
        adding = tiles * rows * panels * across * length / positions * 0.3
        return tiles * panels * max(rows * across / 2, (rows + across + 2) / 2, 4) / unit + copying + adding

    unit, across = min(((u, v) for u in units for v in reversed(MOST_ROWS)), key=cycles)
    return unit, ceil(channels * taps / ceil(channels * taps / MOST_ROWS[across])), across


def native(problem: Problem) -> bool:
    """Return whether x and gy are read as they lie though they are channels_last.

    Of many channels a window's numbers lie far apart: turning both first costs less.
    """
    few = problem.channels < WIDE or set(problem.grid.kernel_size) == {1}
    return problem.last and problem.gy_last and problem.groups == 1 and few


def _parts(work, boxes, copy, sides, tiles, panels, x_to_gy) -> tuple[int, int, int]:
    """(chunks, parts of the rows of tiles, parts of their columns), together enough tasks.

    Every part of the rows packs all gy again, every part of the columns copies all x.
    """
    wanted = min(TASKS, work / GRAIN) / sides
    chunks = max(min(ceil(wanted), boxes, COPIES // copy), 1)
    rows, columns = 1, 1
    while chunks * rows * columns < NEARLY * min(wanted, SPLITS) and (rows < tiles or columns < panels):
        if columns < panels and (rows == tiles or columns * x_to_gy <= rows):
            columns = min(2 * columns, panels)
        else:
            rows = min(2 * rows, tiles)
    return chunks, rows, columns


def _column_places(of: Numbers, outputs: int) -> np.ndarray:
    """Return where in gy each side's columns begin; what there are too many of repeats others."""
    column = np.arange(of.panels * of.columns)
    filters = np.minimum(column // of.unit, of.filters - 1)
    side = np.arange(of.sides)[:, None] * of.unit + column % of.unit
    return ((np.minimum(side, of.groups - 1) if of.groups > 1 else side) * of.filters + filters).reshape(-1) * outputs
