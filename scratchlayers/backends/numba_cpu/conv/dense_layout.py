"""Where do the inputs that a block of outputs reads lie, once they are packed?

The positions of all images lie in one row, image after image, axis after axis. Along an axis a tap is either *copied*:
its line holds what the tap reads, position by position; or *shifted*: taps share a line, zeros between its rows, and
read it a little further on. Copying costs time for every tap, shifting computes positions that are no output's.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from .sweep import Axis, Sweep


class Layout(NamedTuple):
    """The positions in memory: each axis' width, the displacements its lines copy, and where a tap's input lies.

    ``places[axis][e]`` is (the number of the line, how much further on) for displacement e.
    """

    widths: tuple[int, int, int]
    copied: tuple[tuple[int, ...], ...]
    places: tuple[dict[int, tuple[int, int]], ...]

    @property
    def fills(self) -> int:
        """The number of lines of a channel."""
        return prod(map(len, self.copied))

    @property
    def low(self) -> int:
        """How far before its position a tap reads (a number up to 0)."""
        return sum(min((shift for _, shift in place.values()), default=0) for place in self.places)

    @property
    def high(self) -> int:
        """How far after its position a tap reads."""
        return sum(max((shift for _, shift in place.values()), default=0) for place in self.places)

    def total(self, batch: int, sweep: Sweep) -> int:
        """The number of positions up to the last output's."""
        last = 0
        for axis, width in zip(sweep, self.widths, strict=True):
            last = last * width + axis.positions - 1
        return (batch - 1) * prod(self.widths) + last + 1

    def runs(self, sweep: Sweep) -> tuple[int, int]:
        """(every how many positions a run of outputs begins that lie together, how many of these positions it has)."""
        if any(len(axis.phases) > 1 for axis in sweep):
            return 1, 0
        run = 1
        for axis, width in zip(reversed(sweep), reversed(self.widths), strict=True):
            run *= width
            if width != axis.positions:
                return run, run // width * axis.positions
        return run, run


def lay(sweep: Sweep, shifted: int) -> Layout:
    """Return the layout in which the taps along the last ``shifted`` axes are shifted."""
    widths, copied, places, pitch = [], [], [], 1
    for number, axis in reversed(list(enumerate(sweep))):
        width, lines, place = _shifts(axis, pitch) if number >= 3 - shifted else _copies(axis)
        pitch *= width
        for kept, new in ((widths, width), (copied, lines), (places, place)):
            kept.insert(0, new)
    return Layout(tuple(widths), tuple(copied), tuple(places))


def _copies(axis: Axis) -> tuple[int, tuple[int, ...], dict[int, tuple[int, int]]]:
    lines = axis.displacements or (0,)
    return axis.positions, lines, {e: (i, 0) for i, e in enumerate(lines)}


def _shifts(axis: Axis, pitch: int) -> tuple[int, tuple[int, ...], dict[int, tuple[int, int]]]:
    """A line for each remainder by the step; rows so wide that beyond its ends one reads the next one's zeros."""
    lines = tuple(sorted({e % axis.step for e in axis.displacements})) or (0,)
    shifts = {e: e // axis.step for e in axis.displacements} or {0: 0}
    before, after = min(0, *shifts.values()), max(0, *shifts.values())
    source = -(-axis.source // axis.step)
    width = max(axis.positions + after, source - before if before else 0)
    return width, lines, {e: (lines.index(e % axis.step), shift * pitch) for e, shift in shifts.items()}
