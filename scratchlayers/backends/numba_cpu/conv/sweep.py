"""Which inputs does an output of a convolution, or of its input gradient, read? One description for both.

Along an axis the outputs fall into ``len(phases)`` interleaved sets; position j of phase a is the output

    j · len(phases) + a        and its tap ``(t, e)`` reads the input    j · step + e,    0 outside the input.

A convolution has one phase and steps over its input. Its input gradient at stride s steps over gy one by one, and the
outputs of different remainder by s are reached by different taps: s phases, none of them multiplying by zeros between.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from ....geometry import Grid

Taps = tuple[tuple[int, int], ...]


class Axis(NamedTuple):
    """One axis of a sweep. A tap's t is its share of the tap's number: the shares of all axes add up to it."""

    source: int
    output: int
    step: int
    phases: tuple[Taps, ...]

    @property
    def positions(self) -> int:
        """The number of positions of the first phase; the later phases may have one less."""
        return -(-self.output // len(self.phases))

    @property
    def displacements(self) -> tuple[int, ...]:
        """What position 0 reads, over the taps of all phases, once each and in order."""
        return tuple(sorted({e for phase in self.phases for _, e in phase}))

    @property
    def inside(self) -> float:
        """The share of the first phase's taps, over all positions, that read an input and not what is around it."""

        def positions_before(place: int) -> int:
            return min(max(-(-place // self.step), 0), self.positions)

        read = sum(positions_before(self.source - e) - positions_before(-e) for _, e in self.phases[0])
        return read / max(self.positions * len(self.phases[0]), 1)


Sweep = tuple[Axis, Axis, Axis]
POINT = Axis(1, 1, 1, (((0, 0),),))


def forward(grid: Grid) -> Sweep:
    """Return how ``conv`` reads x."""
    axes = zip(grid.input_size, grid.output_size, grid.stride, _taps(grid), strict=True)
    return _three([Axis(size, out, s, (tuple(taps),)) for size, out, s, taps in axes])


def backward(grid: Grid) -> Sweep:
    """Return how ``conv_input_grad`` reads gy."""
    axes = zip(grid.output_size, grid.input_size, grid.stride, _taps(grid), strict=True)
    return _three([Axis(out, size, 1, _reaching(taps, s, min(s, size))) for out, size, s, taps in axes])


def _taps(grid: Grid) -> Iterator[list[tuple[int, int]]]:
    """Of each axis, every tap's share of its number and its distance from the window's position."""
    for a, (k, d, before) in enumerate(zip(grid.kernel_size, grid.dilation, grid.before, strict=True)):
        rest = prod(grid.kernel_size[a + 1 :])
        yield [(t * rest, t * d - before) for t in range(k)]


def _reaching(taps: list[tuple[int, int]], s: int, phases: int) -> tuple[Taps, ...]:
    """Of each phase, the taps that reach its inputs, and from which output."""
    return tuple(tuple((t, (a - e) // s) for t, e in taps if (a - e) % s == 0) for a in range(phases))


def _three(axes: list[Axis]) -> Sweep:
    """Return three axes that say the same: a pointwise one joins the one before it, where that goes on by ones."""
    kept: list[Axis] = []
    for axis in axes:
        if kept and _pointwise(axis) and kept[-1].step == len(kept[-1].phases) == 1:
            kept[-1] = _spread(kept[-1], axis.source)
        else:
            kept.append(axis)
    first, second, third = [POINT] * (3 - len(kept)) + kept
    return first, second, third


def _pointwise(axis: Axis) -> bool:
    return axis.source == axis.output and axis.step == 1 and axis.phases == POINT.phases


def _spread(axis: Axis, size: int) -> Axis:
    """Return the axis of an outer and an inner one taken together, the inner one pointwise and of this size."""
    (taps,) = axis.phases
    return Axis(axis.source * size, axis.output * size, 1, (tuple((t, e * size) for t, e in taps),))
