"""How is a convolution cut for Winograd's algorithm? Into blocks of tiles, of channels and of filters.

The transformed inputs, weights and products of a block are 36 matrices each, small enough to stay near the core, large
enough that transforming them costs little beside multiplying them. They depend on the problem alone: where its tensors
are small the blocks are, so that a step takes little more memory than they do.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from ..choose import Problem
from ..target import lanes
from ..workspace import rounded
from .tile import VECTORS

FLOAT = 4  # bytes of an element: Winograd's algorithm is for float32
LANES = lanes(FLOAT)
PANEL = VECTORS * LANES  # columns of a register tile
TASKS = 4  # as many at least, where the blocks do not become too small for that
POINTS = 36
LEAST, SHARE = 2**20, 0.55  # bytes that a thread may take, and how much of what the problem's tensors take


class Most(NamedTuple):
    """What a block has at most."""

    tiles: int
    channels: int
    filters: int


SIZES = Most(128, 128, 64), Most(64, 64, 64), Most(64, 64, 32), Most(32, 64, 32)


class Plan(NamedTuple):
    """The number of tasks, of operations, and of elements of a thread's memory; and the kernel's last words.

    Where what the tasks find is added up at the end, also how many elements that is, and the words of that kernel.
    """

    tasks: int
    work: int
    share: int
    words: tuple[int, ...]
    found: int = 0
    ends: tuple[int, ...] = ()


def fitting(problem: Problem, plan: Callable[[Most], Plan]) -> Plan:
    """Return the plan of the largest blocks whose memory is small beside the problem's; else that of the smallest."""
    tensors = FLOAT * sum(map(prod, (problem.x_size, problem.w_size, problem.y_size)))
    for most in SIZES:
        found = plan(most)
        if FLOAT * found.share <= max(LEAST, SHARE * tensors):
            break
    return found


class Tiling(NamedTuple):
    """Tiles: ``down`` and ``across`` an image, of all images' rows so many, cut into blocks of rows and columns."""

    down: int
    across: int
    rows: int
    block_rows: int
    block_columns: int
    row_blocks: int
    column_blocks: int

    @property
    def blocks(self) -> int:
        """The number of blocks."""
        return self.row_blocks * self.column_blocks

    @property
    def block(self) -> int:
        """The most tiles of a block."""
        return self.block_rows * self.block_columns

    @property
    def count(self) -> int:
        """The number of tiles."""
        return self.rows * self.across


def tiling(images: int, height: int, width: int, dilation: int, tiles: int = SIZES[0].tiles) -> Tiling:
    """Cut outputs of this size into blocks of ``tiles``; each class of a dilated convolution's outputs is an image."""
    down, across = (ceil(ceil(size, dilation), 4) for size in (height, width))
    rows = images * dilation**2 * down
    most = min(tiles, max(ceil(rows * across, TASKS), tiles // 2))
    block_columns = ceil(across, ceil(across, most))
    block_rows = ceil(rows, ceil(rows, max(most // block_columns, 1)))
    return Tiling(down, across, rows, block_rows, block_columns, ceil(rows, block_rows), ceil(across, block_columns))


def filters_of_block(filters: int, blocks: int, most: int) -> int:
    """Return how many filters a block has: whole panels, fewer than ``most`` where there would be too few tasks."""
    while most > PANEL and blocks * ceil(filters, most) < TASKS:
        most //= 2
    return min(most, up(filters, PANEL))


def staged(cut: Tiling, width: int) -> int:
    """Return the most pixels of inputs or outputs that a block of tiles has in one image."""
    return (4 * cut.block_rows + 2) * min(width, 4 * cut.block_columns + 2)


def image_words(channels: int, height: int, width: int, last: bool) -> tuple[int, ...]:
    """Return an image's size and how far apart images, channels, rows and pixels are."""
    channel, pixel = (1, channels) if last else (height * width, 1)
    return height, width, channels * height * width, channel, width * pixel, pixel


def offsets(*sizes: int) -> tuple[int, ...]:
    """Return where parts of these sizes begin that lie behind each other on lines of their own, and where they end."""
    found = [0]
    for size in sizes:
        found.append(found[-1] + rounded(size * FLOAT) // FLOAT)
    return tuple(found)


def lead(columns: int) -> int:
    """Return how far apart the rows of a matrix are: whole lines, an odd number of them, so that no two collide."""
    return rounded(columns * FLOAT) // FLOAT


def ceil(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)


def up(a: int, b: int) -> int:
    """Return a, rounded up to a multiple of b."""
    return ceil(a, b) * b
