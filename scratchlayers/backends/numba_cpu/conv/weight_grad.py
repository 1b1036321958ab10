"""gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], for any problem: outer products of x and gy, summed in registers.

A task goes through its boxes of output positions. Of each it copies the piece of x that the windows read, with zeros
around the input, and packs gy a panel of filters at a time, all of them beside each other at a position. Then every
tile of sums runs along the positions (:mod:`outer_tile`).
"""

from __future__ import annotations

from torch import Tensor

from ..call import call
from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, inner, kernel
from ..pages import maker
from ..simd import at, length, load, store, store_first
from ..team import Job
from ..workspace import scratch
from .box_copy import copy_pixels, copy_planes, copy_x, cut, write_places
from .boxes import NUMBER, TABLES, is_product
from .outer_tile import outer_tile
from .transpose import transpose
from .turn import from_planes
from .weight_grad_copy import ask_for_gy, pack_gy, pack_pixels
from .weight_grad_plan import native, plan


def weight_grad(problem: Problem) -> Ready:
    """Return what computes gw."""
    p, dtype, last = plan(problem), problem.dtype, native(problem)
    pack, copy = (k.compiled(dtype) for k in ((pack_pixels, copy_pixels) if last else (pack_gy, copy_x)))
    copy = 0 if last and is_product(problem.grid) else copy
    parts = outer_tile.compiled(dtype, **p.shape), pack, copy, copy_planes.compiled(dtype)
    products = Job(add_products.compiled(dtype), p.tasks, p.work, 5, p.table, last, *parts)
    chunks = Job(add_chunks.compiled(dtype), p.blocks, p.sums, 3, p.table)
    new = maker(p.size, dtype)

    def run(x: Tensor, gy: Tensor) -> Tensor:
        gw = new()
        memory = scratch(p.sums + max(products.threads(), chunks.threads()) * p.scratch)
        sums = memory.data_ptr()
        own = sums + p.sums
        products.run(x.data_ptr(), gy.data_ptr(), sums, own, own)
        chunks.run(sums, gw.data_ptr(), own)
        return gw

    return run if last else from_planes(run, problem)


@kernel
def add_products(
    lo, hi, thread, x: Real, gy: Real, sums: Real, longs: Longs, reals: Real,
    plan: Longs, pixels, tile, pack, copy, copy_one,
):  # fmt: skip
    """sums[chunk][side][panel][tile][rows][columns] = the products of the chunk's boxes, of planes or of ``pixels``.

    Without a ``copy`` the windows of a box lie in x as they would in a copy.
    """
    box = at(longs, thread * plan[NUMBER.longs])
    then_box, places = at(box, 8), at(box, 16)
    own = at(reals, thread * plan[NUMBER.reals])
    panel, x_box, spare = at(own, plan[NUMBER.panel_at]), at(own, plan[NUMBER.box_at]), at(own, plan[NUMBER.spare_at])
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
        if pixels:
            first, last = 0, 1
        origin = at(x_box, -first * plan[NUMBER.plane])
        cut(plan, first_box, then_box)
        for number in range(first_box, last_box):
            box, then_box = then_box, box
            cut(plan, number + 1, then_box)
            steps = write_places(plan, places, box, last - first)
            if copy != 0:
                call(copy, (plan, x, x_box, spare, box, side, first, last, copy_one))
            else:
                origin = at(x, box[6] * plan[NUMBER.pixel])
            for j in range(first_panel, last_panel):
                call(pack, (plan, gy, at(column_places, (side * panels + j) * columns), panel, box))
                then, later = (j + 1, box) if j + 1 < last_panel else (first_panel, then_box)
                soon = at(column_places, (side * panels + then) * columns)
                cell = ((chunk * plan[NUMBER.sides] + side) * panels + j) * tiles
                for i in range(first_tile, last_tile):
                    low, high = share(columns, i - first_tile, last_tile - first_tile)
                    if not pixels:
                        ask_for_gy(plan, gy, soon, later, low, high)
                    cells = at(sums, (cell + i) * rows * columns)
                    sides = origin, places, at(row_places, i * rows), panel
                    call(tile, (*sides, steps, cells, columns, cells, columns, number == first_box))


@inner
def share(count, part, parts):
    """Return the first and the last but one of a part's things, parts counted round."""
    return count * (part % parts) // parts, count * (part % parts + 1) // parts


@kernel
def add_chunks(lo, hi, thread, sums: Real, gw: Real, reals: Real, plan: Longs):
    """gw = the sums of all chunks, turned: a task is a panel's next rows, as many as a vector has lanes."""
    columns, unit, filters, groups = plan[NUMBER.columns], plan[NUMBER.unit], plan[NUMBER.filters], plan[NUMBER.groups]
    rows, panels, full = plan[NUMBER.rows] * plan[NUMBER.tiles], plan[NUMBER.panels], length(sums)
    pairs = plan[NUMBER.channels] * plan[NUMBER.taps]
    blocks = (pairs + full - 1) // full
    line_places = at(plan, TABLES + rows + plan[NUMBER.sides] * panels * columns)
    turned = at(reals, thread * plan[NUMBER.reals])
    together = unit if groups == 1 else 1
    for task in range(lo, hi):
        row, panel, side = task % blocks * full, task // blocks % panels, task // blocks // panels
        own = at(sums, ((side * panels + panel) * rows + row) * columns)
        for chunk in range(1, plan[NUMBER.chunks]):
            other = at(own, chunk * plan[NUMBER.sides] * panels * rows * columns)
            for i in range(0, min(full, rows - row) * columns, full):
                store(own, i, load(own, i) + load(other, i))
        for j in range(0, columns, full):
            transpose(own, line_places, j, full, turned, 0, full)
            for part in range(full // together):  # a step that is not constant could be 0, which raises
                k = part * together
                value = load(turned, k * full)
                for u in range(1, together):
                    value = value + load(turned, (k + u) * full)
                column = panel * columns + j + k
                group = side * unit + column % unit if groups > 1 else 0
                if column // unit < filters and group < groups:
                    store_first(gw, (group * filters + column // unit) * pairs + row, value, pairs - row)


def _any(problem: Problem) -> bool:
    return True


WEIGHT_GRAD = Algorithm("outer", _any, _any, weight_grad, why="sums of outer products in registers, for any problem")
