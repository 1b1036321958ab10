"""How is a sweep cut into tasks and blocks that fit the caches, and into which tiles?"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple

from ..target import REGISTERS, lanes
from ..team import GRAIN
from .dense_layout import Layout, lay
from .sweep import Sweep

# (rows, vectors) of a tile: they take one register for every sum, one for every vector and one more
SHAPES = ((8, 3), (12, 2), (6, 4), (4, 6), (3, 8), (1, 24)) if REGISTERS == 32 else ((6, 2), (4, 3), (3, 4), (1, 12))
STEPS = 384  # of a sum at a time, so that what a tile reads stays in the first cache
ROOM = 256 * 2**10  # bytes of lines at a time, and half those of sums: both fit the second cache
MOST_TAP_ROWS, WORTH_SKIPPING = 62, 0.8  # bits of a mask; the share of products that the others are
TASKS = 16  # enough to keep a team of threads busy
PANELS = (1, 2, 4, 8)  # of positions at least, for weights that are brought to the first cache
# multiply-adds of vectors that take as long as: beginning a row to be copied, copying a vector; and for a tile, loading
# one of the vectors beyond three, and fetching a weight
ROW, VECTOR, STREAM, FETCH = 16.0, 5.0, 2.5, 0.1
# and bringing a vector of weights that fill a thread's own cache into order, by the task that needs them or by others
PACKED, APART = 10.0, 40.0
OWN = 2**20  # bytes of that cache


class Size(NamedTuple):
    """The numbers of a convolution beside its sweep; ``channels`` are read, ``filters`` written, both of one group."""

    batch: int
    groups: int
    channels: int
    filters: int
    itemsize: int


class Blocks(NamedTuple):
    """The tile's shape, the layout, and how many channels, positions, and tiles' rows are taken at a time."""

    rows: int
    vectors: int
    layout: Layout
    channels: int
    positions: int
    tiles: int

    @property
    def line(self) -> int:
        """The positions a line has to hold."""
        return self.positions + self.layout.high - self.layout.low


def blocks_of(sweep: Sweep, size: Size) -> Blocks:
    """Return the blocks that cost least, by the operations of filling lines and of multiplying."""
    # shifting an axis along which nothing is displaced changes nothing
    layouts = [lay(sweep, n) for n in range(4) if n == 0 or sweep[3 - n].displacements not in ((), (0,))]
    choices = (blocks_in(sweep, size, *shape, layout, n) for shape, layout, n in product(SHAPES, layouts, PANELS))
    return min(choices, key=lambda blocks: _cost(sweep, size, blocks))


def skips(sweep: Sweep) -> bool:
    """Whether rows of taps that read only what is around the input are left out: where they are many.

    So they are where windows reach as far as the image, with dilation. A row of taps is those of the last axis.
    """
    rows = prod(len(axis.phases[0]) for axis in sweep[:2])
    lone = all(len(axis.phases) == 1 for axis in sweep)
    return lone and 1 < rows <= MOST_TAP_ROWS and sweep[0].inside * sweep[1].inside < WORTH_SKIPPING


def computed(sweep: Sweep) -> float:
    """Return the share of a sweep's products that is computed."""
    return sweep[0].inside * sweep[1].inside if skips(sweep) else 1.0


def cost(sweep: Sweep, size: Size) -> float:
    """Return about how many multiply-adds of vectors take as long as one channel of a group."""
    return _cost(sweep, size, blocks_of(sweep, size))


def blocks_in(sweep: Sweep, size: Size, rows: int, vectors: int, layout: Layout, panels: int = 2) -> Blocks:
    """Return the blocks for a tile of this shape and this layout."""
    phases = prod(len(axis.phases) for axis in sweep)
    panel, room = vectors * lanes(size.itemsize), ROOM // size.itemsize
    tiles, total = -(-size.filters // rows), layout.total(size.batch, sweep)
    work = 2 * total * size.groups * size.filters * size.channels * _steps(sweep)
    enough = min(TASKS, work // GRAIN + 1)
    channels = _share(size.channels, STEPS // max(1, prod(max(map(len, axis.phases)) for axis in sweep)))
    room_for = room // (channels * layout.fills) - layout.high + layout.low
    room_for = min(room_for, room // (phases * rows), -(-total * size.groups // enough))
    positions = _rounded(_share(total, max(room_for // panel, panels) * panel), panel)
    tasks = size.groups * -(-total // positions)
    at_a_time = min(2 * room // (phases * rows * positions), tiles * tasks // enough)
    return Blocks(rows, vectors, layout, channels, positions, _share(tiles, max(at_a_time, 64 // (phases * rows))))


def _steps(sweep: Sweep) -> int:
    """Return how many products an output of each phase is the sum of, for one channel, all phases together."""
    return prod(sum(map(len, axis.phases)) for axis in sweep)


def _share(total: int, most: int) -> int:
    """Return the size of equal shares of at most ``most``."""
    return -(-total // -(-total // max(most, 1)))


def _rounded(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _cost(sweep: Sweep, size: Size, blocks: Blocks) -> float:
    """Return about how many multiply-adds of vectors take as long as one channel of a group."""
    rows, vectors, layout = blocks[:3]
    many = lanes(size.itemsize)
    panel, total = vectors * many, layout.total(size.batch, sweep)
    steps, phases = _steps(sweep), prod(len(axis.phases) for axis in sweep)
    tile = rows * vectors + STREAM * max(vectors - 3, 0) + FETCH * rows * panel / blocks.positions
    multiplied = -(-total // panel) * -(-size.filters // rows) * steps * tile * computed(sweep)
    per_vector = VECTOR * min(sweep[-1].step, many)
    shares = -(-size.filters // (rows * blocks.tiles))
    filled = (
        shares * layout.fills * total * blocks.line / blocks.positions * (per_vector / many + ROW / layout.widths[-1])
    )
    run, used = layout.runs(sweep)
    apart = 1 - max(used - panel + 1, 0) / run
    emptied = apart * total * size.filters * phases * (VECTOR / many + ROW / layout.widths[-1])
    weights = size.groups * size.filters * steps
    packed = (APART if blocks.positions < total else PACKED) * weights / many
    packed *= weights * size.channels * size.itemsize > OWN
    return multiplied + filled + emptied / size.channels + packed
