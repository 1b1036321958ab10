"""How do sums that were formed apart from the output get there?

Those of positions that do not lie together in the output: at the end of a row, of an image, or of every second one.
"""

from __future__ import annotations

from ..interleave import merge
from ..jit import Longs, Real, inner, kernel
from ..simd import at, length, load, store, store_first
from . import dense_table as table


@kernel
def empty(y: Real, sums: Real, plan: Longs, start, count, filters):
    """Bring sums[phase, m, i] of position start + i to Y, m < filters; y is where the first filter's Y begins.

    The phases of the last axis take turns along a row of Y. Positions that are no output's are left out.
    """
    lanes, pitch = length(y), plan[table.SUMS_PITCH]
    phase_pitch = plan[table.SHARE] * plan[table.ROWS] * pitch
    out_d, out_h, out_w, turns = plan[table.OUTPUT_D], plan[table.OUTPUT_H], plan[table.OUTPUT_W], plan[table.PHASES_W]
    phases_d, phases_h, width = plan[table.PHASES_D], plan[table.PHASES_H], plan[table.WIDTH_W]
    plane, image = out_d * out_h * out_w, plan[table.FILTERS] * out_d * out_h * out_w
    row, column = start // width, start % width
    slab, h = row // plan[table.WIDTH_H], row % plan[table.WIDTH_H]
    n, d = slab // plan[table.WIDTH_D], slab % plan[table.WIDTH_D]
    done = 0
    while done < count:
        size = min(width - column, count - done)
        wanted = min(size, plan[table.POSITIONS_W] - column)
        if wanted > 0 and h < plan[table.POSITIONS_H] and d < plan[table.POSITIONS_D]:
            room = min(wanted * turns, out_w - column * turns)
            for phase in range(phases_d * phases_h):
                y_d, y_h = d * phases_d + phase // phases_h, h * phases_h + phase % phases_h
                if y_d < out_d and y_h < out_h:
                    target = at(y, n * image + (y_d * out_h + y_h) * out_w + column * turns)
                    source = at(sums, phase * turns * phase_pitch + done)
                    if turns == 1:
                        for m in range(filters):
                            copy_exactly(at(target, m * plane), at(source, m * pitch), lanes, room)
                    else:
                        for m in range(filters):
                            merge(source, m * pitch, target, m * plane, turns, phase_pitch, room)
        done, column, h = done + size, 0, h + 1
        if h == plan[table.WIDTH_H]:
            h, d = 0, d + 1
        if d == plan[table.WIDTH_D]:
            d, n = 0, n + 1


@inner
def copy_exactly(y, source, lanes, count):
    """y[i] = source[i] for the first ``count`` elements, the last ones perhaps twice."""
    i = 0
    while i + lanes <= count:
        store(y, i, load(source, i))
        i += lanes
    if i < count and count >= lanes:
        store(y, count - lanes, load(source, count - lanes))
    elif i < count:
        store_first(y, 0, load(source, 0), count)
