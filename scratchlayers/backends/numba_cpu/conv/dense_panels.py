"""How do tensors get into the order in which a tile reads and writes them, and back?

A *line* is one channel of the input in the order of the positions: for every position of a block the element that one
displacement reads, or zero. Taps that read the same line a little further on need no line of their own.
"""

from __future__ import annotations

from ..jit import inner
from ..simd import at, evens, interleaved_high, interleaved_low, load, load_first, splat, store, store_first
from . import dense_table as table


@inner
def fill(lines, x, plan, lanes, start, count, channel, channels):
    """lines[(c · fills + f) · line + i] = what displacement f reads of channel c at position start + i, or 0.

    For a column of a row of positions the displacement adds to the row and the column of the source.
    """
    for f in range(plan[table.FILLS]):
        base = plan[table.BASES] + 3 * f
        shift_d, shift_h, shift_w = plan[base], plan[base + 1], plan[base + 2]
        low = max((-shift_w + plan[table.STEP_W] - 1) // plan[table.STEP_W], 0)
        high = min((plan[table.SOURCE_W] - 1 - shift_w) // plan[table.STEP_W] + 1, plan[table.WIDTH_W])
        row, column = start // plan[table.WIDTH_W], start % plan[table.WIDTH_W]
        slab, h = row // plan[table.WIDTH_H], row % plan[table.WIDTH_H]
        n, d = slab // plan[table.WIDTH_D], slab % plan[table.WIDTH_D]
        done = 0
        while done < count:
            length = min(plan[table.WIDTH_W] - column, count - done)
            source_d, source_h = d * plan[table.STEP_D] + shift_d, h * plan[table.STEP_H] + shift_h
            inside = (
                0 <= n < plan[table.BATCH]
                and 0 <= source_d < plan[table.SOURCE_D]
                and 0 <= source_h < plan[table.SOURCE_H]
            )
            first = min(max(low - column, 0), length) if inside else length
            last = max(min(high - column, length), first) if inside else length
            source = ((n * plan[table.CHANNELS] + channel) * plan[table.SOURCE_D] + source_d) * plan[
                table.SOURCE_H
            ] + source_h
            source = source * plan[table.SOURCE_W] + (column + first) * plan[table.STEP_W] + shift_w
            plane = plan[table.SOURCE_D] * plan[table.SOURCE_H] * plan[table.SOURCE_W]
            for c in range(channels):
                line = at(lines, (c * plan[table.FILLS] + f) * plan[table.LINE] + done)
                run(line, x, lanes, first, last, length, source + c * plane, plan[table.STEP_W])
            done, column, h = done + length, 0, h + 1
            if h == plan[table.WIDTH_H]:
                h, d = 0, d + 1
            if d == plan[table.WIDTH_D]:
                d, n = 0, n + 1


@inner
def run(line, x, lanes, first, last, length, source, step):
    """line[first + i] = x[source + i · step] up to ``last``, and 0 before and after it, up to ``length`` and beyond.

    What is written beyond, less than a vector, is what comes next to be filled.
    """
    zero = splat(line, 0.0)
    i = 0
    while i < first:
        store(line, i, zero)
        i += lanes
    i = first
    if step == 1:
        while i + lanes <= last:
            store(line, i, load(x, source + i - first))
            i += lanes
        if i < last:
            store(line, i, load_first(x, source + i - first, last - i))
            i += lanes
    elif step == 2:
        while i + lanes < last:
            where = source + 2 * (i - first)
            store(line, i, evens(load(x, where), load(x, where + lanes)))
            i += lanes
        if i < last:
            where, left = source + 2 * (i - first), 2 * (last - i) - 1
            store(line, i, evens(load_first(x, where, left), load_first(x, where + lanes, left - lanes)))
            i += lanes
    else:
        while i < last:
            line[i] = x[source + (i - first) * step]
            i += 1
    while i < length:
        store(line, i, zero)
        i += lanes


@inner
def empty(y, sums, plan, lanes, pitch, start, count, filter, filters, phases):
    """Bring sums[(phase · phases + m) · pitch + i] of position start + i to Y of this and the next filters.

    The phases of the last axis take turns along a row of Y. Positions that are no output's are left out.
    """
    out_d, out_h, out_w, turns = plan[table.OUTPUT_D], plan[table.OUTPUT_H], plan[table.OUTPUT_W], plan[table.PHASES_W]
    row, column = start // plan[table.WIDTH_W], start % plan[table.WIDTH_W]
    slab, h = row // plan[table.WIDTH_H], row % plan[table.WIDTH_H]
    n, d = slab // plan[table.WIDTH_D], slab % plan[table.WIDTH_D]
    done = 0
    while done < count:
        length = min(plan[table.WIDTH_W] - column, count - done)
        wanted = (
            min(length, plan[table.POSITIONS_W] - column)
            if h < plan[table.POSITIONS_H] and d < plan[table.POSITIONS_D]
            else 0
        )
        if wanted > 0:
            for phase in range(plan[table.PHASES_D] * plan[table.PHASES_H]):
                y_d, y_h = (
                    d * plan[table.PHASES_D] + phase // plan[table.PHASES_H],
                    h * plan[table.PHASES_H] + phase % plan[table.PHASES_H],
                )
                if y_d < out_d and y_h < out_h:
                    for m in range(filters):
                        target = (((n * plan[table.FILTERS] + filter + m) * out_d + y_d) * out_h + y_h) * out_w
                        target += column * turns
                        room = min(wanted * turns, out_w - column * turns)
                        parts = at(sums, (phase * turns * phases + m) * pitch + done)
                        interleave(at(y, target), parts, lanes, turns, phases * pitch, room)
        done, column, h = done + length, 0, h + 1
        if h == plan[table.WIDTH_H]:
            h, d = 0, d + 1
        if d == plan[table.WIDTH_D]:
            d, n = 0, n + 1


@inner
def interleave(y, parts, lanes, turns, distance, count):
    """y[i] = parts[i % turns · distance + i // turns] for the first ``count`` elements."""
    i = 0
    if turns == 1:
        while i + lanes <= count:
            store(y, i, load(parts, i))
            i += lanes
        if i < count:
            store_first(y, i, load(parts, i), count - i)
    elif turns == 2:
        while i < count:
            a, b = load(parts, i // 2), load(parts, distance + i // 2)
            store_first(y, i, interleaved_low(a, b), count - i)
            store_first(y, i + lanes, interleaved_high(a, b), count - i - lanes)
            i += 2 * lanes
    else:
        for turn in range(turns):
            i = turn
            while i < count:
                y[i] = parts[turn * distance + i // turns]
                i += turns


@inner
def pack(packed, w, b, biased, rows, left, channels, taps, count, channel_step, filter_step):
    """packed[m] = b[m], 0 without one; packed[(1 + c · count + t) · rows + m] = w[m, c, taps[t]].

    Rows that are no filter's, from ``left`` on, are 0.
    """
    for m in range(rows):
        packed[m] = b[m] if biased and m < left else 0.0
    i = rows
    for c in range(channels):
        for t in range(count):
            source = c * channel_step + taps[t]
            for m in range(rows):
                packed[i + m] = w[source + m * filter_step] if m < left else 0.0
            i += rows
