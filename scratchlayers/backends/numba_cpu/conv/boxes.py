"""What is a box? Some output positions of some images, and what of the input the windows at them read.

A kernel copies the input of a box, with zeros around it, and reads every window in the copy: an element is where its
window's position is, and as much further on as its channel and tap say. Channels are planes of the copy, or, of
channels_last images, the numbers of a pixel; numbers of several convolutions side by side stand together too.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np

from ....geometry import Grid
from ..workspace import LINE

SETS = 4096  # bytes after which addresses share a place of the first cache


class Numbers(NamedTuple):
    """What the kernels know of the problem, of its boxes, and of each thread's scratch."""

    channels: int  # of a group
    filters: int  # of a group
    taps: int
    groups: int
    unit: int  # convolutions side by side: groups, or images
    pixel: int  # numbers of a box that stand together: those side by side, or all channels and perhaps a gap
    images: int  # groups of images side by side
    sides: int  # groups of groups side by side
    x_image: int  # from one of the images to the next
    gy_image: int
    x_group: int  # from one of those side by side to the next
    rows: int
    columns: int
    tiles: int
    panels: int
    chunks: int
    row_parts: int
    column_parts: int
    boxes: int
    box_images: int
    plane: int  # elements of a channel in a box
    panel_at: int  # in a thread's scratch, in elements; two boxes and the places are at 0
    box_at: int
    spare_at: int
    longs: int  # 8 bytes, and elements, of a thread's scratch
    reals: int


class Axis(NamedTuple):
    """One axis of the grid, and how many output positions of it a box holds.

    A box has every ``step``-th element of the input; in it windows are ``hop`` apart and ``window`` long.
    """

    size: int
    out: int
    before: int
    stride: int
    step: int
    hop: int
    window: int
    box: int
    reach: int
    boxes: int


# where each of them stands in a plan's table
NUMBER = Numbers(*range(len(Numbers._fields)))
DEPTH, HEIGHT, WIDTH = (
    Axis(*range(start, start + len(Axis._fields)))
    for start in range(len(NUMBER), len(NUMBER) + 3 * len(Axis._fields), len(Axis._fields))
)
TABLES = len(NUMBER) + 3 * len(DEPTH)


def is_product(grid: Grid) -> bool:
    """Return whether a convolution is a product of two matrices, the pixels of channels_last images and w."""
    still = grid.input_size == grid.output_size and not any(grid.before)
    return still and set(grid.kernel_size) == set(grid.stride) == {1}


def pitch(channels: int, hop: int, size: int) -> int:
    """Return how far apart a copy has pixels: so that windows' places do not all share one of the first cache."""
    return channels if channels * hop * size % SETS else channels + LINE // size


def as_one(grid: Grid, images: int) -> Grid:
    """Return the grid of all images' pixels, for a product of matrices and a :func:`joined` grid."""
    (size,) = grid.input_size
    return grid._replace(input_size=(images * size,), output_size=(images * size,))


def joined(grid: Grid) -> Grid:
    """Return a grid of the same windows with fewer axes: a pointwise one joins the one before, if that steps by 1."""
    kept: list[tuple[int, ...]] = []
    for axis in zip(*grid, strict=True):
        size, out, taps, stride, dilation, before, after = kept[-1] if kept else (0,) * 7
        if stride == 1 and axis[0] == axis[1] and axis[2:4] == (1, 1) and axis[5] == 0:
            n = axis[0]
            kept[-1] = (size * n, out * n, taps, 1, dilation * n, before * n, after * n)
        else:
            kept.append(axis)
    return Grid(*zip(*kept, strict=True))


def boxes_of(grid, images: int, steps: int) -> tuple[int, list[Axis]]:
    """Return the images and the axes of a box of at most so many steps, the innermost axes whole if they fit."""
    axes: list[Axis] = []
    for size, out, taps, stride, dilation, before in reversed([*zip(*grid[:-1], strict=True)]):
        box = _even(out, max(steps, 1))
        step = stride if taps == 1 else 1
        hop, window = stride // step, (taps - 1) * dilation + 1
        axes.insert(
            0, Axis(size, out, before, stride, step, hop, window, box, (box - 1) * hop + window, ceil(out / box))
        )
        steps = steps // box if box == out else 1
    lone = Axis(1, 1, 0, 1, 1, 1, 1, 1, 1, 1)
    return _even(images, max(steps, 1)), [lone] * (3 - grid.rank) + axes


def _even(count: int, most: int) -> int:
    return ceil(count / ceil(count / most))


def tap_places(of: Numbers, axes, grid) -> np.ndarray:
    """Return how far from a position's place each (channel, tap) is in a box, whose channels are planes or pixels."""
    _, height, width = axes
    steps = np.array([height.reach * width.reach, width.reach, 1])[-grid.rank :] * grid.dilation * of.pixel
    taps = (steps[:, None] * np.indices(grid.kernel_size).reshape(grid.rank, -1)).sum(0)
    between = of.plane if of.pixel == of.unit else 1
    return (np.arange(of.channels)[:, None] * between + taps).reshape(-1)
