"""What of x and gy does a weight gradient copy for each box of output positions?

Of x what the box's windows read, with zeros around the input; gy with the filters beside each other. A box is (first,
count) along images, depth, height and width.
"""

from __future__ import annotations

from ..jit import inner
from ..masks import lanes_between, load_apart, load_where
from ..simd import at, evens, interleaved_high, interleaved_low, length, load, prefetch, splat, store
from .transpose import transpose
from .weight_grad_plan import DEPTH, HEIGHT, NUMBER, WIDTH

AHEAD = 3  # images or channels between what is copied and what is asked for


@inner
def cut(plan, number):
    """Return box number ``number``; those at the end of an axis may be smaller."""
    w, rest = number % plan[WIDTH.boxes] * plan[WIDTH.box], number // plan[WIDTH.boxes]
    h, rest = rest % plan[HEIGHT.boxes] * plan[HEIGHT.box], rest // plan[HEIGHT.boxes]
    d, n = rest % plan[DEPTH.boxes] * plan[DEPTH.box], rest // plan[DEPTH.boxes] * plan[NUMBER.box_images]
    return (
        *(n, min(plan[NUMBER.box_images], plan[NUMBER.images] - n)),
        *(d, min(plan[DEPTH.box], plan[DEPTH.out] - d)),
        *(h, min(plan[HEIGHT.box], plan[HEIGHT.out] - h)),
        *(w, min(plan[WIDTH.box], plan[WIDTH.out] - w)),
    )


@inner
def write_places(plan, places, box, channels):
    """places[i] = where the window of position i begins in the copy of x; return how many there are."""
    hop, line = plan[WIDTH.hop] * plan[NUMBER.unit], plan[WIDTH.reach] * plan[NUMBER.unit]
    i = 0
    for n in range(box[1]):
        for d in range(box[3]):
            for h in range(box[5]):
                place = n * channels * plan[NUMBER.plane]
                place += (d * plan[DEPTH.hop] * plan[HEIGHT.reach] + h * plan[HEIGHT.hop]) * line
                for w in range(box[7]):
                    places[i + w] = place + w * hop
                i += box[7]
    return i


@inner
def pack_gy(plan, gy, columns, panel, box):
    """panel[i · plan.columns + j] = gy[columns[j] + position i of the box]."""
    _, n, d0, d, h0, h, w0, w = box
    height, width, step = plan[HEIGHT.out], plan[WIDTH.out], plan[NUMBER.columns]
    if w == width:
        w, h = w * h, 1
        if h0 == 0 and w == width * height:
            w, d = w * d, 1
    i = 0
    for image in range(box[0], box[0] + n):
        for z in range(d0, d0 + d):
            for y in range(h0, h0 + h):
                start = image * plan[NUMBER.gy_image] + (z * height + y) * width + w0
                for k in range(0, w, length(gy)):
                    for j in range(0, step, length(gy)):
                        transpose(gy, at(columns, j), start + k, w - k, panel, (i + k) * step + j, step)
                i += w


@inner
def ask_for_gy(plan, gy, columns, box, first, last):
    """Prefetch what :func:`pack_gy` will read for columns first to last."""
    height, width = plan[HEIGHT.out], plan[WIDTH.out]
    for j in range(first, last):
        for image in range(box[0], box[0] + box[1]):
            for z in range(box[2], box[2] + box[3]):
                for y in range(box[4], box[4] + box[5]):
                    start = image * plan[NUMBER.gy_image] + (z * height + y) * width + box[6]
                    for k in range(0, box[7], length(gy)):
                        prefetch(gy, columns[j] + start + k)


@inner
def copy_x(plan, x, own, box, side, first, last):
    """Copy channels first to last of a box, UNIT of them from groups or images side by side, element by element."""
    unit, plane = plan[NUMBER.unit], plan[NUMBER.plane]
    size = plan[DEPTH.size] * plan[HEIGHT.size] * plan[WIDTH.size]
    streams = unit if plan[NUMBER.groups] == 1 else plan[NUMBER.groups]
    target = at(own, plan[NUMBER.box_at])
    for image in range(box[0], box[0] + box[1]):
        for channel in range(first, last):
            single, other, rounds = target, at(own, plan[NUMBER.spare_at]), unit
            while rounds > 1:
                single, other, rounds = other, single, rounds // 2
            for u in range(unit):
                start = image * plan[NUMBER.x_image] + channel * size
                start += min(side * unit + u, streams - 1) * plan[NUMBER.x_group]
                later = u + AHEAD
                ahead = later // unit * size + (later % unit - u) * plan[NUMBER.x_group]
                _copy(plan, at(x, start), at(single, u * (plane // unit)), box, ahead)
            rounds, count = unit, plane // unit
            while rounds > 1:
                rounds //= 2
                for u in range(rounds):
                    _interleave(
                        at(single, u * count), at(single, (u + rounds) * count), at(other, 2 * u * count), count
                    )
                single, other, count = other, single, 2 * count
            target = at(target, plane)


@inner
def _interleave(a, b, y, count):
    """y[2i] = a[i], y[2i + 1] = b[i]; count is a multiple of lanes."""
    for i in range(0, count, length(a)):
        low, high = load(a, i), load(b, i)
        store(y, 2 * i, interleaved_low(low, high))
        store(y, 2 * i + length(a), interleaved_high(low, high))


@inner
def _copy(plan, x, y, box, ahead):
    """Copy what the windows of a box read of one channel, line after line; each ends in what is left of a vector."""
    z0, step_z = box[2] * plan[DEPTH.stride] - plan[DEPTH.before], plan[DEPTH.step]
    y0, step_y = box[4] * plan[HEIGHT.stride] - plan[HEIGHT.before], plan[HEIGHT.step]
    x0, step = box[6] * plan[WIDTH.stride] - plan[WIDTH.before], plan[WIDTH.step]
    count = (box[7] - 1) * plan[WIDTH.hop] + plan[WIDTH.window]
    for i in range((box[3] - 1) * plan[DEPTH.hop] + plan[DEPTH.window]):
        z = z0 + i * step_z
        for j in range((box[5] - 1) * plan[HEIGHT.hop] + plan[HEIGHT.window]):
            h = y0 + j * step_y
            inside = 0 <= z < plan[DEPTH.size] and 0 <= h < plan[HEIGHT.size]
            line = at(y, (i * plan[HEIGHT.reach] + j) * plan[WIDTH.reach])
            source = at(x, (z * plan[HEIGHT.size] + h) * plan[WIDTH.size] + x0)
            _copy_line(source, line, count, step, -x0, plan[WIDTH.size] - x0 if inside else -x0, ahead)


@inner
def _copy_line(x, y, count, step, low, high, ahead):
    """y[i] = x[i · step] for i < count, 0 unless i · step is at least low and below high; up to a vector's end."""
    full, zeros = length(x), splat(x, 0)
    for i in range(0, count, full):
        k = i * step
        prefetch(x, k + ahead)
        value = load_where(x, k, lanes_between(x, low - k, high - k), zeros)
        if step == 2:
            k += full
            prefetch(x, k + ahead)
            value = evens(value, load_where(x, k, lanes_between(x, low - k, high - k), zeros))
        if step > 2:
            first, last = (low - k + step - 1) // step, (high - k + step - 1) // step
            value = load_apart(x, k, step, lanes_between(x, first, last), zeros)
        store(y, i, value)
