"""How is a direct convolution cut into tasks, and what does it cost? A pure function of the problem.

The outputs of a group form a matrix: a row for each position of all images, a column for each filter. It is cut into
boxes of positions, and these into tiles: a few positions by a panel of filters. A task computes some panels of a box.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, prod
from typing import NamedTuple

import numpy as np

from ..choose import Problem
from ..target import lanes
from ..workspace import rounded
from .boxes import SETS, Numbers, as_one, boxes_of, is_product, joined, pitch, tap_places
from .dense_blocks import OWN
from .outer_tile import MOST_ROWS

ROOM = 256 * 2**10  # bytes of x, and as many of sums, that a task works on: both fit the second cache
TASKS = 16  # enough to keep a team of threads busy
# multiply-adds of vectors that take as long as: beginning a row to be copied, copying a vector, calling a tile, turning
# a square of results, and that where planes of results lie so that they share few places of the first cache
ROW, VECTOR, TILE, SQUARE, CROWDED = 16.0, 5.0, 20.0, 20.0, 170.0
STREAM = 2.5  # and loading a fourth vector of weights at a time
FETCH = 3.0  # and loading a vector of weights where a panel of them is more than stays in the second cache
PANEL = 768 * 2**10  # bytes that do
APART = 20.0  # and bringing a vector of weights into order that fill that cache, by other tasks than those that use it


class Plan(NamedTuple):
    """What the kernels are compiled for and called with; ``cost`` is that of one channel, in vectors' multiply-adds.

    ``table`` holds Numbers, an Axis three times, and lists: for every channel and tap what it adds to a position's
    place; where the filters of a full and of the last panel begin among the weights.
    """

    shape: dict[str, int]
    packs: int
    tasks: int
    work: float
    packed: int  # bytes
    scratch: int  # bytes for each thread
    table: np.ndarray
    cost: float


@lru_cache(maxsize=1024)
def plan(problem: Problem, mirrored: bool = False) -> Plan:
    """Return the plan that costs least for ``conv``, or for the input gradient, which is ``mirrored``."""
    problem = mirror(problem) if mirrored else problem
    return min(_plans(problem, mirrored), key=lambda found: found.cost)


def mirror(problem: Problem) -> Problem:
    """Return the convolution of gy that the input gradient is at stride 1, with its taps in reversed order."""
    grid = problem.grid
    reach = [(k - 1) * d for k, d in zip(grid.kernel_size, grid.dilation, strict=True)]
    grid = grid._replace(
        input_size=grid.output_size,
        output_size=grid.input_size,
        before=tuple(r - n for r, n in zip(reach, grid.before, strict=True)),
        after=tuple(r - n for r, n in zip(reach, grid.after, strict=True)),
    )
    return problem._replace(channels=problem.filters, filters=problem.channels, grid=grid)


def _plans(problem: Problem, mirrored: bool) -> Iterator[Plan]:
    """Return a plan for each number of vectors in a row of a tile."""
    filters, many = problem.filters // problem.groups, lanes(problem.dtype.itemsize)
    for vectors in MOST_ROWS:
        if (vectors - 1) * many < filters or vectors == min(MOST_ROWS):
            yield _plan(problem, vectors, mirrored)


def _plan(problem: Problem, vectors: int, mirrored: bool) -> Plan:
    dtype, n, all_channels, all_filters, groups, grid, last, _ = problem
    grid, size, many = joined(grid), dtype.itemsize, lanes(dtype.itemsize)
    product = last and is_product(grid)
    if product:
        grid, n = as_one(grid, n), 1
    c, k, taps = all_channels // groups, all_filters // groups, prod(grid.kernel_size)
    inputs, outputs, columns = prod(grid.input_size), prod(grid.output_size), vectors * many
    panels = ceil(k / columns)
    most = min(ROOM // (columns * size), max(ROOM // (size * c) * outputs // inputs, MOST_ROWS[vectors]))
    packed = groups * panels * (c * taps + 1) * columns * size
    enough = ceil(TASKS / panels) if packed > OWN else TASKS  # large weights are shared out, not read for every box
    images, axes = boxes_of(grid, n, max(min(most, ceil(n * outputs * groups / enough)), 1))
    pixel = 1 if not last else c if product else pitch(c, axes[-1].hop, size)
    steps = images * prod(a.box for a in axes)
    rows = ceil(steps / ceil(steps / MOST_ROWS[vectors]))
    boxes = ceil(n / images) * prod(a.boxes for a in axes)
    parts = min(ceil(TASKS / (boxes * groups)), panels)
    plane = rounded((prod(a.reach for a in axes) * pixel + many) * size) // size
    sums_at = rounded(8 * (8 + steps + rows)) // size
    box_at = sums_at + rounded((steps + rows + many) * columns * size) // size
    panel_at = box_at + rounded((images * (1 if last else c) * plane + many) * size) // size
    scratch = rounded(panel_at * size + (packed // (groups * panels) if boxes == 1 else 0))
    numbers = Numbers(
        *(c, k, taps, groups, 1, pixel, n, groups, all_channels * inputs, all_filters * outputs, c * inputs),
        *(rows, columns, 0, panels, 1, 1, parts, boxes, images, plane),
        *(sums_at, box_at, panel_at, scratch // 8, scratch // size),
    )
    step, rest = taps if mirrored else c * taps, k - (panels - 1) * columns
    places = [min(j, found - 1) * step for found in (columns, rest) for j in range(columns)]
    offsets = tap_places(numbers, axes, grid)
    if mirrored:
        offsets = offsets.reshape(c, taps)[:, ::-1].reshape(-1)
    lists = (offsets, places)
    table = np.array([*numbers, *(v for a in axes for v in a), *(v for some in lists for v in some)], dtype=np.int64)
    work = 2.0 * n * all_filters * c * taps * outputs
    fmas = max(rows * vectors + STREAM * (vectors > 3), rows + vectors + 1, 8)
    copied = parts * boxes * images * plane / pixel * (VECTOR / many + ROW / (axes[-1].reach * pixel))
    square = CROWDED if not last and outputs * size % SETS == 0 else SQUARE
    turned = n * ceil(outputs / many) * panels * vectors * square
    tiles = boxes * ceil(steps / rows) * panels
    shape = {"ROWS": rows, "VECTORS": vectors, "UNIT": 1}
    if c * taps * columns * size > PANEL:
        fmas += FETCH * vectors
    away = APART * all_filters * taps / many if boxes > 1 and packed > OWN else 0.0
    costs = tiles * taps * fmas + copied + away + (turned + tiles * (rows * vectors + TILE)) / c
    packs, packed = (0, 0) if boxes == 1 else (groups * panels, packed)
    return Plan(shape, packs, groups * boxes * parts, work, packed, scratch, table, costs)
