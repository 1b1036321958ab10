"""Where does a task of a depthwise convolution keep its padded source, and which vectors does it compute from it?

A task takes one block of one channel of one image. It first copies what the block reads, with its border of zeros,
into scratch memory: a plane per phase, one after the other. There each tap is one constant distance. Results are
computed in tiles of ``ROWS`` vectors, a ``pitch`` apart:

* by rows: a vector lies within a row, and the vectors of a tile one above the other. Taps in one column then share what
  they load: row i serves result i with the first tap, result i − 1 with the second.
* flat: planes narrower than a vector, and 1-D signals, are one long row. Vectors run on from one row of the plane into
  the next, and those of a tile follow one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

from ..workspace import LINE, rounded
from .depthwise_axis import Axis

CACHED = 96 * 2**10  # bytes of padded source that a block may have: what stays in a core's own cache


class Part(NamedTuple):
    """What a block has of one axis: its first place, and how many."""

    first: int
    places: int


Block = tuple[Part, Part, Part]


class Layout(NamedTuple):
    """The numbers of a layout, in elements; ``lead`` source planes, one after the other, make one result."""

    axes: tuple[Axis, Axis, Axis]
    lead: int
    lanes: int
    blocks: tuple[Block, ...]
    flat: bool
    pitch: int  # from one row of a padded plane to the next
    rows: int
    depth: int
    plane: int  # from one padded plane to the next

    @property
    def phases(self) -> tuple[tuple[int, int, int], ...]:
        """The phases of the results: (depth, row, column)."""
        return tuple(product(*(range(axis.step) for axis in self.axes)))

    def place(self, lead: int, depth: tuple[int, int], row: tuple[int, int], column: tuple[int, int]) -> int:
        """Return where in scratch memory (phase, place) of every axis stands."""
        (a, z), (b, i), (c, j) = depth, row, column
        planes = (((lead * self.axes[0].split + a) * self.depth + z) * self.axes[1].split + b) * self.axes[2].split + c
        return planes * self.plane + i * self.pitch + j

    @property
    def padded(self) -> int:
        """All elements of the padded source."""
        return self.lead * self.depth * prod(axis.split for axis in self.axes) * self.plane


def layout(axes: tuple[Axis, Axis, Axis], lead: int, itemsize: int, lanes: int) -> Layout:
    """Return the layout of the source for these axes."""
    blocks = tuple(_blocks(axes, lead * itemsize))
    largest = [max(block[axis].places for block in blocks) for axis in range(3)]
    depth, rows, columns = (axis.reach + most for axis, most in zip(axes, largest, strict=True))
    whole = largest[2] == axes[2].places
    shared = _shared(axes[2], columns) if whole else columns
    narrow = largest[1] == 1 or (whole and _pays_flat(largest[1], largest[2], shared, lanes))
    flat = lanes > 1 and narrow
    full = -(-largest[2] // lanes) * lanes + axes[2].reach
    pitch = shared if flat else rounded(full * itemsize) // itemsize
    plane = lined((rows - 1) * pitch + max(pitch, columns) + 2 * lanes, itemsize)
    return Layout(axes, lead, lanes, blocks, flat, pitch, rows, depth, plane)


def _blocks(axes: tuple[Axis, Axis, Axis], cost: int) -> Iterator[Block]:
    """Cut the results into blocks whose source stays in the cache: first along the rows, then depth, then columns."""
    pieces = [1, 1, 1]

    def places(axis: int) -> int:
        return -(-axes[axis].places // pieces[axis])

    def nbytes() -> int:
        return cost * prod((places(a) + axes[a].reach) * axes[a].split for a in range(3))

    while nbytes() > CACHED:
        # an axis is cut while a piece is longer than what it reads beyond itself
        able = [a for a, least in ((1, 16), (0, 4), (2, 1024)) if places(a) >= 2 * max(least, axes[a].reach)]
        if not able:
            break
        pieces[able[0]] += 1
    cuts = [
        [Part(axis.places * i // n, axis.places * (i + 1) // n - axis.places * i // n) for i in range(n)]
        for axis, n in zip(axes, pieces, strict=True)
    ]
    yield from product(*cuts)


def _shared(axis: Axis, columns: int) -> int:
    """Return the pitch of rows that lie so close that the zeros behind one are those before the next."""
    _, count, start = axis.source(0, axis.places)
    data, end = start // axis.split, -(-(start + count) // axis.split)
    return max(end, columns - data, axis.places)


def _pays_flat(rows: int, columns: int, pitch: int, lanes: int) -> bool:
    """Whether vectors that run on from row to row are so much fewer that it outweighs what rows share."""
    return 1.5 * ((rows - 1) * pitch + columns) / lanes < rows * -(-columns // lanes)


def flat_vectors(plan: Layout) -> int:
    """Return how many vectors the largest block of a flat plane has."""
    rows, columns = (max(block[axis].places for block in plan.blocks) for axis in (1, 2))
    return -(-((rows - 1) * plan.pitch + columns) // plan.lanes)


def lined(count: int, itemsize: int) -> int:
    """Return ``count`` elements rounded up to whole cache lines."""
    line = LINE // itemsize
    return -(-count // line) * line
