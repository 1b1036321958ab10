"""Along one axis, which source element does each tap of a depthwise convolution read? And of its transpose?

Both are brought to one form. The source is padded, and its elements dealt out to ``split`` phases in turn: element j
goes to phase u % split, place u // split, where u = j + pad. The results are dealt out too, to ``step`` phases. Then
every phase of the results is a convolution of stride 1: its place q takes, per tap, a place q + shift of one phase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import gcd
from typing import NamedTuple

from ....geometry import Grid


class Tap(NamedTuple):
    """One weight along the axis and where its factor stands: at place q + ``shift`` of a phase of the source."""

    number: int
    phase: int
    shift: int


class Axis(NamedTuple):
    """One axis: ``taps`` has an entry for each phase of the results.

    Neighbouring taps that read one phase lie ``apart`` places apart.
    """

    size: int
    pad: int
    split: int
    out: int
    step: int
    apart: int
    taps: tuple[tuple[Tap, ...], ...]

    @property
    def places(self) -> int:
        """Places of the longest phase of the results."""
        return -(-self.out // self.step)

    @property
    def reach(self) -> int:
        """The furthest place that a tap reads beyond its result's own."""
        return max((tap.shift for phase in self.taps for tap in phase), default=0)

    @property
    def read(self) -> set[int]:
        """The phases of the source that a tap reads."""
        return {tap.phase for phase in self.taps for tap in phase}

    def source(self, first: int, places: int) -> tuple[int, int, int]:
        """(first element, how many, where the first one goes) of what ``places`` results from ``first`` on read."""
        start = first * self.split - self.pad
        low, high = max(start, 0), min(start + (places + self.reach) * self.split, self.size)
        return low, max(high - low, 0), low - start

    def results(self, phase: int, first: int, places: int) -> int:
        """How many of ``places`` places from ``first`` on exist in this phase of the results."""
        return min(max(-(-(self.out - phase) // self.step) - first, 0), places)


def forward(size: int, out: int, k: int, s: int, d: int, before: int) -> Axis:
    """Return the axis of y[q] = Σ_t w[t] · x[q · s + t · d − before]."""
    return Axis(size, before, s, out, 1, d // gcd(d, s), (tuple(Tap(t, t * d % s, t * d // s) for t in range(k)),))


def transposed(size: int, out: int, k: int, s: int, d: int, before: int) -> Axis:
    """Return the axis of gx[i] = Σ gy[q] · w[t] over all q · s + t · d − before = i: ``size`` is x's, ``out`` y's."""
    reads = []
    for phase in range(s):
        first, rest = divmod(phase + before, s)
        reads.append([(t, first - (t * d - rest) // s) for t in range(k) if t * d % s == rest])
    pad = -min((place for phase in reads for _, place in phase), default=0)
    taps = tuple(tuple(Tap(t, 0, place + pad) for t, place in phase) for phase in reads)
    return Axis(out, pad, 1, size, s, d // gcd(d, s), taps)


def axes(grid: Grid, along: Callable[..., Axis]) -> Iterator[Axis]:
    """Yield the grid's axes by ``along`` (:func:`forward` or :func:`transposed`), as three: depth, rows, columns."""
    lone = along(1, 1, 1, 1, 1, 0)
    yield from [lone] * (3 - grid.rank)
    fields = (grid.input_size, grid.output_size, grid.kernel_size, grid.stride, grid.dilation, grid.before)
    yield from (along(*numbers) for numbers in zip(*fields, strict=True))
