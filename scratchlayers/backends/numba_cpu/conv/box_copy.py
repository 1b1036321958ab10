"""How does the input of a box get into its copy? Plane by plane, or, of channels_last images, pixel by pixel.

A box is written down as (first, count) along images, depth, height and width.
"""

from __future__ import annotations

from ..call import call
from ..jit import Longs, Real, inner, kernel
from ..masks import lanes_between, load_where
from ..simd import at, evens, interleaved_high, interleaved_low, length, load, load_first, prefetch, splat, store
from .boxes import DEPTH, HEIGHT, NUMBER, WIDTH

AHEAD = 3  # images or channels between what is copied and what is asked for


@inner
def cut(plan, number, box):
    """Write down box number ``number``; those at the end of an axis may be smaller."""
    w, rest = number % plan[WIDTH.boxes] * plan[WIDTH.box], number // plan[WIDTH.boxes]
    h, rest = rest % plan[HEIGHT.boxes] * plan[HEIGHT.box], rest // plan[HEIGHT.boxes]
    d, n = rest % plan[DEPTH.boxes] * plan[DEPTH.box], rest // plan[DEPTH.boxes] * plan[NUMBER.box_images]
    box[0], box[1] = n, min(plan[NUMBER.box_images], plan[NUMBER.images] - n)
    box[2], box[3] = d, min(plan[DEPTH.box], plan[DEPTH.out] - d)
    box[4], box[5] = h, min(plan[HEIGHT.box], plan[HEIGHT.out] - h)
    box[6], box[7] = w, min(plan[WIDTH.box], plan[WIDTH.out] - w)


@inner
def write_places(plan, places, box, channels):
    """places[i] = where the window of position i begins in the copy of x; return how many there are."""
    hop, line = plan[WIDTH.hop] * plan[NUMBER.pixel], plan[WIDTH.reach] * plan[NUMBER.pixel]
    width, i = box[7], 0
    for n in range(box[1]):
        for d in range(box[3]):
            for h in range(box[5]):
                place = n * channels * plan[NUMBER.plane]
                place += (d * plan[DEPTH.hop] * plan[HEIGHT.reach] + h * plan[HEIGHT.hop]) * line
                for w in range(width):
                    places[i + w] = place + w * hop
                i += width
    return i


@kernel
def copy_x(plan: Longs, x: Real, target: Real, spare: Real, box: Longs, side, first, last, copy):
    """Copy channels first to last of a box, UNIT of them from groups or images side by side, element by element.

    ``copy`` is the address of :func:`copy_planes`.
    """
    unit, plane, channels = plan[NUMBER.unit], plan[NUMBER.plane], last - first
    size = plan[DEPTH.size] * plan[HEIGHT.size] * plan[WIDTH.size]
    streams = unit if plan[NUMBER.groups] == 1 else plan[NUMBER.groups]
    for image in range(box[0], box[0] + box[1]):
        start = image * plan[NUMBER.x_image] + first * size
        if unit == 1:
            start += min(side, streams - 1) * plan[NUMBER.x_group]
            call(copy, (plan, at(x, start), target, box, AHEAD * size, channels))
            target = at(target, channels * plane)
            continue
        for channel in range(channels):
            single, other, rounds, count = target, spare, unit, plane // unit
            while rounds > 1:
                single, other, rounds = other, single, rounds // 2
            for u in range(unit):
                begin = start + channel * size + min(side * unit + u, streams - 1) * plan[NUMBER.x_group]
                later = u + AHEAD
                ahead = later // unit * size + (later % unit - u) * plan[NUMBER.x_group]
                call(copy, (plan, at(x, begin), at(single, u * count), box, ahead, 1))
            rounds = unit
            while rounds > 1:
                rounds //= 2
                for u in range(rounds):
                    a, b, y = at(single, u * count), at(single, (u + rounds) * count), at(other, 2 * u * count)
                    for i in range(0, count, length(x)):
                        low, high = load(a, i), load(b, i)
                        store(y, 2 * i, interleaved_low(low, high))
                        store(y, 2 * i + length(x), interleaved_high(low, high))
                single, other, count = other, single, 2 * count
            target = at(target, plane)


@inner
def read_along(plan, axis, first, count):
    """Along an axis, what the windows at these positions read: from which element, every how manieth, how many."""
    begin = first * plan[axis.stride] - plan[axis.before]
    return begin, plan[axis.step], (count - 1) * plan[axis.hop] + plan[axis.window]


@kernel
def copy_planes(plan: Longs, x: Real, y: Real, box: Longs, ahead, planes):
    """Copy what the windows of a box read of some channels, line after line; each ends in what is left of a vector.

    Meanwhile ask for what is ``ahead``.
    """
    z0, step_z, depth = read_along(plan, DEPTH, box[2], box[3])
    y0, step_y, height = read_along(plan, HEIGHT, box[4], box[5])
    x0, step, count = read_along(plan, WIDTH, box[6], box[7])
    reach = plan[WIDTH.reach]
    size, full, zeros = plan[DEPTH.size] * plan[HEIGHT.size] * plan[WIDTH.size], length(x), splat(x, 0)
    for i in range(depth):
        for j in range(height):
            z, h = z0 + i * step_z, y0 + j * step_y
            inside = 0 <= z < plan[DEPTH.size] and 0 <= h < plan[HEIGHT.size]
            low, high = -x0, plan[WIDTH.size] - x0 if inside else -x0
            source = at(x, (z * plan[HEIGHT.size] + h) * plan[WIDTH.size] + x0)
            line = at(y, (i * plan[HEIGHT.reach] + j) * reach)
            for _ in range(planes):
                copy_line(source, line, count, step, low, high, ahead, full, zeros)
                source, line = at(source, size), at(line, plan[NUMBER.plane])


@inner
def copy_line(source, line, count, step, low, high, ahead, full, zeros):
    """line[k] = source[k · step] for k < count, 0 outside low ≤ k · step < high."""
    if step <= 2:
        for k in range(0, count, full):
            value = zeros
            for part in range(step):
                s = k * step + part * full
                prefetch(source, s + ahead)
                taken = load_where(source, s, lanes_between(source, low - s, high - s), zeros)
                value = taken if part == 0 else evens(value, taken)
            store(line, k, value)
    else:
        for k in range(count):
            line[k] = source[k * step] if low <= k * step < high else 0


@kernel
def copy_pixels(plan: Longs, x: Real, target: Real, spare: Real, box: Longs, side, first, last, copy):
    """Copy a box of channels_last images, all channels of a pixel beside each other: as :func:`copy_x` is called."""
    z0, step_z, depth = read_along(plan, DEPTH, box[2], box[3])
    y0, step_y, height = read_along(plan, HEIGHT, box[4], box[5])
    x0, step, count = read_along(plan, WIDTH, box[6], box[7])
    reach = plan[WIDTH.reach]
    pixel, channels, width = plan[NUMBER.pixel], plan[NUMBER.channels], plan[WIDTH.size]
    low, high = min(max((step - 1 - x0) // step, 0), count), max(min((width - 1 - x0) // step + 1, count), 0)
    for image in range(box[0], box[0] + box[1]):
        for i in range(depth):
            for j in range(height):
                z, h = z0 + i * step_z, y0 + j * step_y
                line = at(target, (i * plan[HEIGHT.reach] + j) * reach * pixel)
                if not (0 <= z < plan[DEPTH.size] and 0 <= h < plan[HEIGHT.size]):
                    copy_numbers(line, line, 0, 0, count * pixel)
                    continue
                row = (image * plan[DEPTH.size] + z) * plan[HEIGHT.size] + h
                source = at(x, (row * width + x0) * channels)
                copy_numbers(line, line, 0, 0, low * pixel)
                if step == 1 and pixel == channels:
                    copy_numbers(line, source, low * pixel, high * pixel, high * pixel)
                else:
                    for k in range(low, high):
                        copy_numbers(at(line, k * pixel), at(source, k * step * channels), 0, channels, channels)
                copy_numbers(line, line, high * pixel, high * pixel, count * pixel)
        target = at(target, plan[NUMBER.plane])


@inner
def copy_numbers(line, source, first, last, end):
    """line[k] = source[k] for first ≤ k < last, and 0 from there to ``end``; up to a vector beyond may be 0 too."""
    full, zeros = length(line), splat(line, 0)
    for k in range(first, last, full):
        if k + full <= last:
            store(line, k, load(source, k))
        else:
            store(line, k, load_first(source, k, last - k))
    for k in range(last, end, full):
        store(line, k, zeros)
