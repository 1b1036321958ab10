"""How do tensors get into the order in which a tile reads and writes them, and back?

A *line* is one channel of the input in the order of the positions: for every position of a block the element that one
displacement reads, or zero. Taps that read the same line a little further on need no line of their own.
"""

from __future__ import annotations

from ..jit import inner
from ..simd import at, evens, interleaved_high, interleaved_low, load, load_first, splat, store, store_first
from . import dense_table as table


@inner
def fill(lines, x, plan, rows, lanes, start, count, channel, channels):
    """lines[(c · fills + f) · line + i] = what displacement f reads of channel c at position start + i, or 0."""
    plane, fills, pitch = (
        plan[table.SOURCE_D] * plan[table.SOURCE_H] * plan[table.SOURCE_W],
        plan[table.FILLS],
        plan[table.LINE],
    )
    step, limit = plan[table.STEP_W], plan[table.BATCH] * plan[table.CHANNELS] * plane
    for f in range(fills):
        number = find_rows(rows, plan, plan[table.BASES] + 3 * f, start, count, channel)
        for c in range(channels):
            line = at(lines, (c * fills + f) * pitch)
            for r in range(number):
                row = at(rows, 5 * r)
                segment = at(line, row[0])
                if step == 1:
                    copy(segment, x, limit, lanes, row[1], row[2], row[3], row[4] + c * plane)
                elif step == 2:
                    copy_every_second(segment, x, limit, lanes, row[1], row[2], row[3], row[4] + c * plane)
                else:
                    copy_apart(segment, x, lanes, row[1], row[2], row[3], row[4] + c * plane, step)


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
# vector beyond it may be written too: what lies there is filled later. x has ``limit`` elements.


@inner
def copy(line, x, limit, lanes, length, first, last, source):
    """Step 1."""
    clear(line, lanes, 0, first)
    i = first
    while i < last:
        if source + i + lanes <= limit:
            store(line, i, load(x, source + i))
        else:
            store(line, i, load_first(x, source + i, last - i))
        i += lanes
    clear(line, lanes, last, length)


@inner
def copy_every_second(line, x, limit, lanes, length, first, last, source):
    """Step 2."""
    clear(line, lanes, 0, first)
    i = first
    while i < last:
        where = source + 2 * i
        if where + 2 * lanes <= limit:
            store(line, i, evens(load(x, where), load(x, where + lanes)))
        else:
            left = 2 * (last - i) - 1
            store(line, i, evens(load_first(x, where, left), load_first(x, where + lanes, left - lanes)))
        i += lanes
    clear(line, lanes, last, length)


@inner
def copy_apart(line, x, lanes, length, first, last, source, step):
    """Any step."""
    clear(line, lanes, 0, first)
    i = first
    while i < last:
        line[i] = x[source + i * step]
        i += 1
    clear(line, lanes, last, length)


@inner
def clear(line, lanes, i, until):
    """Write zeros from i on."""
    while i < until:
        store(line, i, splat(line, 0.0))
        i += lanes


@inner
def empty(y, sums, plan, lanes, pitch, start, count, filters, phases):
    """Bring sums[(phase · phases + m) · pitch + i] of position start + i to Y; y is where the first filter's Y begins.

    The phases of the last axis take turns along a row of Y. Positions that are no output's are left out.
    """
    out_d, out_h, out_w, turns = plan[table.OUTPUT_D], plan[table.OUTPUT_H], plan[table.OUTPUT_W], plan[table.PHASES_W]
    phases_d, phases_h, width = plan[table.PHASES_D], plan[table.PHASES_H], plan[table.WIDTH_W]
    plane, image = out_d * out_h * out_w, plan[table.FILTERS] * out_d * out_h * out_w
    row, column = start // width, start % width
    slab, h = row // plan[table.WIDTH_H], row % plan[table.WIDTH_H]
    n, d = slab // plan[table.WIDTH_D], slab % plan[table.WIDTH_D]
    done = 0
    while done < count:
        length = min(width - column, count - done)
        wanted = min(length, plan[table.POSITIONS_W] - column)
        if wanted > 0 and h < plan[table.POSITIONS_H] and d < plan[table.POSITIONS_D]:
            room = min(wanted * turns, out_w - column * turns)
            for phase in range(phases_d * phases_h):
                y_d, y_h = d * phases_d + phase // phases_h, h * phases_h + phase % phases_h
                if y_d < out_d and y_h < out_h:
                    target = at(y, n * image + (y_d * out_h + y_h) * out_w + column * turns)
                    source = at(sums, phase * turns * phases * pitch + done)
                    if turns == 1:
                        for m in range(filters):
                            copy_exactly(at(target, m * plane), at(source, m * pitch), lanes, room)
                    else:
                        for m in range(filters):
                            interleave(at(target, m * plane), at(source, m * pitch), lanes, turns, phases * pitch, room)
        done, column, h = done + length, 0, h + 1
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


@inner
def interleave(y, parts, lanes, turns, distance, count):
    """y[i] = parts[i % turns · distance + i // turns] for the first ``count`` elements."""
    i = 0
    if turns == 2:
        while i + 2 * lanes <= count:
            a, b = load(parts, i // 2), load(parts, distance + i // 2)
            store(y, i, interleaved_low(a, b))
            store(y, i + lanes, interleaved_high(a, b))
            i += 2 * lanes
    while i < count:
        y[i] = parts[i % turns * distance + i // turns]
        i += 1


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
