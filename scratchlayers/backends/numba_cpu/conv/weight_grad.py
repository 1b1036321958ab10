"""gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], for any problem: outer products of x and gy, summed in registers.

A task goes through its boxes of output positions. Of each it copies the piece of x that the windows read, with zeros
around the input, and packs gy a panel of filters at a time, all of them beside each other at a position. Then every
tile of sums runs along the positions (:mod:`outer_tile`).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ....geometry import Grid
from .. import team, workspace
from ..choose import Algorithm, Problem
from ..jit import Longs, Real, inner, kernel
from ..pages import paged
from ..simd import at, length, load, store
from .outer_tile import call_tile, outer_tile
from .weight_grad_copy import ask_for_gy, copy_x, cut, pack_gy, write_places
from .weight_grad_plan import NUMBER, TABLES, Plan, plan


def weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int) -> Tensor:
    """Return gw."""
    x, gy = x.contiguous(), gy.contiguous()
    p, *addresses = _ready(Problem(x.dtype, x.shape[0], x.shape[1], gy.shape[1], groups, grid))
    products, tile, chunks = addresses
    gw = paged(torch.empty(p.size, dtype=x.dtype))
    scratch = workspace.scratch(p.sums + team.threads(p.tasks, p.work) * p.scratch)
    sums = scratch.data_ptr()
    own = sums + p.sums
    team.run(products, p.tasks, p.work, x.data_ptr(), gy.data_ptr(), sums, p.address, own, own, tile)
    team.run(chunks, p.tiles, p.sums, sums, gw.data_ptr(), p.address)
    return gw


@lru_cache(maxsize=1024)
def _ready(problem: Problem) -> tuple[Plan, int, int, int]:
    """Return the plan and the kernels' addresses."""
    p, dtype = plan(problem), problem.dtype
    tile = outer_tile.compiled(dtype, **p.shape)
    return p, add_products.compiled(dtype), tile, add_chunks.compiled(dtype)


@kernel
def add_products(lo, hi, thread, x: Real, gy: Real, sums: Real, plan: Longs, longs: Longs, reals: Real, tile):
    """sums[chunk][side][panel][tile][rows][columns] = the products of the chunk's boxes."""
    places = at(longs, thread * plan[NUMBER.longs])
    own = at(reals, thread * plan[NUMBER.reals])
    panel = at(own, plan[NUMBER.panel_at])
    rows, columns, tiles, panels = plan[NUMBER.rows], plan[NUMBER.columns], plan[NUMBER.tiles], plan[NUMBER.panels]
    row_places = at(plan, TABLES)
    column_places = at(row_places, rows * tiles)
    for task in range(lo, hi):
        chunk, rest = task % plan[NUMBER.chunks], task // plan[NUMBER.chunks]
        first_tile, last_tile = share(tiles, rest, plan[NUMBER.row_parts])
        rest //= plan[NUMBER.row_parts]
        first_panel, last_panel = share(panels, rest, plan[NUMBER.column_parts])
        side = rest // plan[NUMBER.column_parts]
        first_box, last_box = share(plan[NUMBER.boxes], chunk, plan[NUMBER.chunks])
        first = first_tile * rows // plan[NUMBER.taps]
        last = min((last_tile * rows - 1) // plan[NUMBER.taps] + 1, plan[NUMBER.channels])
        origin = at(own, plan[NUMBER.box_at] - first * plan[NUMBER.plane])
        for number in range(first_box, last_box):
            box = cut(plan, number)
            steps = write_places(plan, places, box, last - first)
            copy_x(plan, x, own, box, side, first, last)
            for j in range(first_panel, last_panel):
                pack_gy(plan, gy, at(column_places, (side * panels + j) * columns), panel, box)
                then, then_box = (j + 1, box) if j + 1 < last_panel else (first_panel, cut(plan, number + 1))
                cell = ((chunk * plan[NUMBER.sides] + side) * panels + j) * tiles
                for i in range(first_tile, last_tile):
                    cells = at(sums, (cell + i) * rows * columns)
                    low, high = share(columns, i - first_tile, last_tile - first_tile)
                    ask_for_gy(plan, gy, at(column_places, (side * panels + then) * columns), then_box, low, high)
                    call_tile(tile, origin, places, at(row_places, i * rows), panel, cells, steps, number == first_box)


@inner
def share(count, part, parts):
    """Return the first and the last but one of a part's things, parts counted round."""
    return count * (part % parts) // parts, count * (part % parts + 1) // parts


@kernel
def add_chunks(lo, hi, thread, sums: Real, gw: Real, plan: Longs):
    """gw = the sums of all chunks, each where it belongs; a task is a tile."""
    rows, columns, unit, filters = plan[NUMBER.rows], plan[NUMBER.columns], plan[NUMBER.unit], plan[NUMBER.filters]
    tiles, panels, groups = plan[NUMBER.tiles], plan[NUMBER.panels], plan[NUMBER.groups]
    pairs = plan[NUMBER.channels] * plan[NUMBER.taps]
    copy = plan[NUMBER.sides] * panels * tiles * rows * columns
    for task in range(lo, hi):
        tile = at(sums, task * rows * columns)
        for chunk in range(1, plan[NUMBER.chunks]):
            for i in range(0, rows * columns, length(sums)):
                store(tile, i, load(tile, i) + load(tile, chunk * copy + i))
        row, panel, side = task % tiles * rows, task // tiles % panels, task // tiles // panels
        for column in range(columns):
            filter_, u = (panel * columns + column) // unit, column % unit
            group = side * unit + u if groups > 1 else 0
            if filter_ < filters and group < groups:
                target = at(gw, (group * filters + filter_) * pairs + row)
                for m in range(min(rows, pairs - row)):
                    value = tile[m * columns + column]
                    target[m] = value if groups > 1 or u == 0 else target[m] + value


def _any(problem: Problem) -> bool:
    return True


WEIGHT_GRAD = Algorithm("outer", _any, _any, weight_grad, why="sums of outer products in registers, for any problem")
