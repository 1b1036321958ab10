"""How do tensors get into the order in which a tile reads and writes them, and back?

A *line* is one channel of the input in the order of the positions: for every position of a block the element that one
displacement reads, or zero. Taps that read the same line a little further on need no line of their own.
"""

from __future__ import annotations

from ..jit import inner
from ..masks import lanes_between, load_where
from ..simd import at, evens, interleaved_high, interleaved_low, load, splat, store, store_first
from . import dense_table as table


@inner
def fill(lines, x, plan, rows, lanes, start, count, channel, channels):
    """lines[(c · fills + f) · line + i] = what displacement f reads of channel c at position start + i, or 0."""
    plane, fills, pitch = (
        plan[table.SOURCE_D] * plan[table.SOURCE_H] * plan[table.SOURCE_W],
        plan[table.FILLS],
        plan[table.LINE],
    )
    step = plan[table.STEP_W]
    for f in range(fills):
        number = find_rows(rows, plan, plan[table.BASES] + 3 * f, start, count, channel)
        for c in range(channels):
            line = at(lines, (c * fills + f) * pitch)
            for r in range(number):
                row = at(rows, 5 * r)
                segment = at(line, row[0])
                if step == 1:
                    copy(segment, x, lanes, row[1], row[2], row[3], row[4] + c * plane)
                elif step == 2:
                    copy_every_second(segment, x, lanes, row[1], row[2], row[3], row[4] + c * plane)
                else:
                    copy_apart(segment, x, row[1], row[2], row[3], row[4] + c * plane, step)


@inner
def find_rows(rows, plan, base, start, count, channel):
    """List the rows of positions start, ..., start + count − 1; return how many there are.

    Five numbers say of each: where it begins, how long it is, from and to where a displacement reads inside the source,
    and which element of the source it reads at the row's beginning.
    """
    step, width = plan[table.STEP_W], plan[table.WIDTH_W]
    shift_d, shift_h, shift_w = plan[base], plan[base + 1], plan[base + 2]
    low = max((-shift_w + step - 1) // step, 0)
    high = min((plan[table.SOURCE_W] - 1 - shift_w) // step + 1, width)
    row, column = start // width, start % width
    slab, h = row // plan[table.WIDTH_H], row % plan[table.WIDTH_H]
    n, d = slab // plan[table.WIDTH_D], slab % plan[table.WIDTH_D]
    done = number = 0
    while done < count:
        length = min(width - column, count - done)
        source_d, source_h = d * plan[table.STEP_D] + shift_d, h * plan[table.STEP_H] + shift_h
        inside = (
            0 <= n < plan[table.BATCH] and 0 <= source_d < plan[table.SOURCE_D] and 0 <= source_h < plan[table.SOURCE_H]
        )
        first = min(max(low - column, 0), length) if inside else length
        last = max(min(high - column, length), first)
        source = ((n * plan[table.CHANNELS] + channel) * plan[table.SOURCE_D] + source_d) * plan[
            table.SOURCE_H
        ] + source_h
        here = at(rows, 5 * number)
        here[0], here[1], here[2], here[3] = done, length, first, last
        here[4] = source * plan[table.SOURCE_W] + column * step + shift_w
        done, column, h, number = done + length, 0, h + 1, number + 1
        if h == plan[table.WIDTH_H]:
            h, d = 0, d + 1
        if d == plan[table.WIDTH_D]:
            d, n = 0, n + 1
    return number


# Each of these writes line[i] = x[source + i · step] for first ≤ i < last and 0 for the other i < length. Up to a
# vector beyond it may be written too: what lies there is filled later.


@inner
def copy(line, x, lanes, length, first, last, source):
    """Step 1."""
    i = 0
    while i < length:
        if first <= i and i + lanes <= last:
            store(line, i, load(x, source + i))
        else:
            store(line, i, load_between(x, source + i, first - i, last - i))
        i += lanes


@inner
def copy_every_second(line, x, lanes, length, first, last, source):
    """Step 2."""
    i = 0
    while i < length:
        where = source + 2 * i
        if first <= i and i + lanes < last:
            store(line, i, evens(load(x, where), load(x, where + lanes)))
        else:
            low, high = 2 * (first - i), 2 * (last - i) - 1
            a, b = load_between(x, where, low, high), load_between(x, where + lanes, low - lanes, high - lanes)
            store(line, i, evens(a, b))
        i += lanes


@inner
def copy_apart(line, x, length, first, last, source, step):
    """Any step."""
    i = 0
    while i < first:
        line[i] = 0.0
        i += 1
    while i < last:
        line[i] = x[source + i * step]
        i += 1
    while i < length:
        line[i] = 0.0
        i += 1


@inner
def load_between(x, index, low, high):
    """Return the vector at x[index], 0 in the lanes below ``low`` and from ``high`` on, whose memory is not read."""
    return load_where(x, index, lanes_between(x, low, high), splat(x, 0.0))


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
    for m in range(left):
        packed[m] = b[m] if biased else 0.0
        i = m
        for c in range(channels):
            for t in range(count):
                i += rows
                packed[i] = w[m * filter_step + c * channel_step + taps[t]]
    for m in range(left, rows):
        for i in range(1 + channels * count):
            packed[i * rows + m] = 0.0
