"""What of gy does a weight gradient copy for each box? A panel of filters, at every position all beside each other."""

from __future__ import annotations

from ..jit import Longs, Real, inner, kernel
from ..simd import at, length, prefetch
from .box_copy import copy_numbers
from .boxes import DEPTH, HEIGHT, NUMBER, WIDTH
from .transpose import transpose


@kernel
def pack_gy(plan: Longs, gy: Real, columns: Longs, panel: Real, box: Longs):
    """panel[i · plan.columns + j] = gy[columns[j] + position i of the box]."""
    height, width, step = plan[HEIGHT.out], plan[WIDTH.out], plan[NUMBER.columns]
    d, h, w, full = box[3], box[5], box[7], length(gy)
    if w == width:
        w, h = w * h, 1
        if w == width * height:
            w, d = w * d, 1
    i = 0
    for image in range(box[0], box[0] + box[1]):
        for z in range(box[2], box[2] + d):
            for y in range(box[4], box[4] + h):
                start = image * plan[NUMBER.gy_image] + (z * height + y) * width + box[6]
                for k in range(0, w, full):
                    for j in range(0, step, full):
                        transpose(gy, at(columns, j), start + k, w - k, panel, (i + k) * step + j, step)
                i += w


@kernel
def pack_pixels(plan: Longs, gy: Real, columns: Longs, panel: Real, box: Longs):
    """As :func:`pack_gy`, of a channels_last gy."""
    depth, height, width, step = plan[DEPTH.out], plan[HEIGHT.out], plan[WIDTH.out], plan[NUMBER.columns]
    filters, first = plan[NUMBER.filters], columns[0] // (depth * height * width)
    some, i = min(step, filters - first), 0
    for image in range(box[0], box[0] + box[1]):
        for z in range(box[2], box[2] + box[3]):
            for y in range(box[4], box[4] + box[5]):
                start = ((image * depth + z) * height + y) * width + box[6]
                for k in range(box[7]):
                    copy_numbers(at(panel, i * step), at(gy, (start + k) * filters + first), 0, some, step)
                    i += 1


@inner
def ask_for_gy(plan, gy, columns, box, first, last):
    """Prefetch what :func:`pack_gy` will read for columns first to last."""
    full, width = length(gy), plan[WIDTH.out]
    for j in range(first, last):
        for image in range(box[0], box[0] + box[1]):
            for z in range(box[2], box[2] + box[3]):
                for y in range(box[4], box[4] + box[5]):
                    start = columns[j] + image * plan[NUMBER.gy_image] + (z * plan[HEIGHT.out] + y) * width + box[6]
                    for k in range(0, box[7], full):
                        prefetch(gy, start + k)
