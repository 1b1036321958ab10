"""How does the input get into the order in which tiles read it?

A *line* is one channel of the input in the order of the positions: for every position of a block the element that one
displacement reads, or zero. Taps that read the same line a little further on need no line of their own.
"""

from __future__ import annotations

from ..jit import Longs, Real, inner, kernel
from ..simd import at, evens, length, load, load_bits, load_first, splat, store
from . import dense_table as table

BITS = 62  # of a number, for elements of a short row
EVEN = 0x5555_5555_5555_5555


@kernel
def fill(lines: Real, x: Real, plan: Longs, rows: Longs, start, count, channel, channels):
    """lines[(c · fills + f) · line + i] = what displacement f reads of channel c at position start + i, or 0."""
    lanes, step, fills, pitch = length(x), plan[table.STEP_W], plan[table.FILLS], plan[table.LINE]
    plane = plan[table.SOURCE_D] * plan[table.SOURCE_H] * plan[table.SOURCE_W]
    limit = plan[table.BATCH] * plan[table.CHANNELS] * plane
    short = plan[table.WIDTH_W] <= 2 * lanes and plan[table.WIDTH_W] * step <= BITS and step <= 2
    for f in range(fills):
        number = find_rows(rows, plan, plan[table.BASES] + 3 * f, start, count, channel)
        for c in range(channels):
            line = at(lines, (c * fills + f) * pitch)
            for r in range(number):
                row = at(rows, 6 * r)
                segment = at(line, row[0])
                if short:
                    copy_short(segment, x, lanes, row[1], row[4] + c * plane, row[5], step)
                elif step == 1:
                    copy(segment, x, limit, lanes, row[1], row[2], row[3], row[4] + c * plane)
                elif step == 2:
                    copy_every_second(segment, x, limit, lanes, row[1], row[2], row[3], row[4] + c * plane)
                else:
                    copy_apart(segment, x, lanes, row[1], row[2], row[3], row[4] + c * plane, step)


@inner
def find_rows(rows, plan, base, start, count, channel):
    """List the rows of positions start, ..., start + count − 1; return how many there are.

    Six numbers say of each: where it begins, how long it is, from and to where a displacement reads inside the source,
    which element of the source it reads at the row's beginning, and, of a short row, a bit for each of these elements.
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
        size = min(width - column, count - done)
        source_d, source_h = d * plan[table.STEP_D] + shift_d, h * plan[table.STEP_H] + shift_h
        inside = 0 <= source_d < plan[table.SOURCE_D] and 0 <= source_h < plan[table.SOURCE_H]
        inside = inside and 0 <= n < plan[table.BATCH]
        first = min(max(low - column, 0), size) if inside else size
        last = max(min(high - column, size), first)
        plane = (n * plan[table.CHANNELS] + channel) * plan[table.SOURCE_D] + source_d
        source = (plane * plan[table.SOURCE_H] + source_h) * plan[table.SOURCE_W] + column * step + shift_w
        here = at(rows, 6 * number)
        here[0], here[1], here[2], here[3], here[4] = done, size, first, last, source
        bits = (1 << min(last * step, BITS)) - (1 << min(first * step, BITS))
        here[5] = bits & EVEN if step == 2 else bits
        done, column, h, number = done + size, 0, h + 1, number + 1
        if h == plan[table.WIDTH_H]:
            h, d = 0, d + 1
        if d == plan[table.WIDTH_D]:
            d, n = 0, n + 1
    return number


# Each of these writes line[i] = x[source + i · step] for first ≤ i < last and 0 for the other i < size. Up to a
# vector beyond it may be written too: what lies there is filled later. x has ``limit`` elements.


@inner
def copy_short(line, x, lanes, size, source, bits, step):
    """A row of few elements, at step 1 or 2: a vector takes from memory only those whose bits are 1."""
    if step == 1:
        store(line, 0, load_bits(x, source, bits))
        for i in range(lanes, size, lanes):
            store(line, i, load_bits(x, source + i, bits >> i))
    else:
        for i in range(0, size, lanes):
            a, b = load_bits(x, source + 2 * i, bits >> 2 * i), 2 * i + lanes
            store(line, i, evens(a, load_bits(x, source + b, bits >> min(b, BITS))))


@inner
def copy(line, x, limit, lanes, size, first, last, source):
    """Step 1."""
    clear(line, lanes, 0, first)
    i = first
    while i < last:
        if source + i + lanes <= limit:
            store(line, i, load(x, source + i))
        else:
            store(line, i, load_first(x, source + i, last - i))
        i += lanes
    clear(line, lanes, last, size)


@inner
def copy_every_second(line, x, limit, lanes, size, first, last, source):
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
    clear(line, lanes, last, size)


@inner
def copy_apart(line, x, lanes, size, first, last, source, step):
    """Any step."""
    clear(line, lanes, 0, first)
    i = first
    while i < last:
        line[i] = x[source + i * step]
        i += 1
    clear(line, lanes, last, size)


@inner
def clear(line, lanes, i, until):
    """Write zeros from i on."""
    while i < until:
        store(line, i, splat(line, 0.0))
        i += lanes
