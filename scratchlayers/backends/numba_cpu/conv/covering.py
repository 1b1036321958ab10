"""A window that covers the input along an axis has one position there: its taps are channels, and the axis is none.

So is the last convolution of many classifiers, and the first of many generators: a product of two matrices. Seen with
the axis, most of what an input gradient's windows read would be the zeros around a single number.
"""

from __future__ import annotations

from itertools import takewhile
from math import prod

from torch import Tensor

from ....geometry import Grid, Sizes
from ..choose import Problem, Ready
from ..layout import strides
from ..target import lanes

_POINT = Grid((1,), (1,), (1,), (1,), (1,), (0,), (0,))
MANY = 4  # taps along an axis that is worth being moved


def flattened(problem: Problem) -> tuple[Problem, int] | None:
    """Return the problem without the first axes, if the window covers them, and how many channels each became.

    Groups stay apart where nothing but matrices is left, whose rows fill vectors.
    """
    axes = [*zip(*problem.grid, strict=True)]
    covered = [*takewhile(_is_covered, axes)]
    rest, whole, taps = axes[len(covered) :], len(covered) == len(axes), prod(axis[2] for axis in covered)
    if taps == 1 or problem.last or (problem.gy_last and not whole):
        return None
    row = problem.channels // problem.groups * taps
    if problem.groups > 1 and (not whole or row < lanes(problem.dtype.itemsize)):
        return None
    grid = _POINT if whole else Grid(*zip(*rest, strict=True))
    # single positions are pixels, whose channels lie together, as well as planes
    return problem._replace(channels=problem.channels * taps, grid=grid, last=whole, gy_last=whole), taps


def covered_first(problem: Problem) -> tuple[Problem, tuple[int, ...]] | None:
    """Return the problem with the axes that the window covers before the others, and in which order they then are.

    None where that is how they are, or where it is not worth turning the weights and the result.
    """
    axes = [*zip(*problem.grid, strict=True)]
    order = tuple(sorted(range(len(axes)), key=lambda a: not _is_covered(axes[a])))
    taps = max((axis[2] for axis in axes if _is_covered(axis)), default=1)
    if order == tuple(range(len(axes))) or taps < MANY or problem.groups > 1 or problem.last:
        return None
    return problem._replace(grid=Grid(*zip(*(axes[a] for a in order), strict=True))), order


def _is_covered(axis: Sizes) -> bool:
    size, out, taps, _, dilation, before, _ = axis
    return size == taps and out == 1 and before == 0 and (taps == 1 or dilation == 1)


def shaped(ready: Ready, shape: Sizes, taps: int) -> Ready:
    """Return what computes the problem as it was, of results of this shape, by what computes it flattened.

    A bias is repeated for the ``taps`` that each of its channels became.
    """
    steps = strides(shape, False)

    def run(a: Tensor, b: Tensor, *bias: Tensor | None) -> Tensor:
        several = (each if each is None or taps == 1 else each.repeat_interleave(taps) for each in bias)
        return ready(a, b, *several).as_strided(shape, steps)

    return run


def reordered(ready: Ready, order: tuple[int, ...]) -> Ready:
    """Return what computes an input gradient by what computes it with the axes in another order.

    gy has one position along each axis that was moved, and so is the same.
    """
    there = (0, 1, *(2 + a for a in order))
    back = tuple(there.index(a) for a in range(len(there)))

    def run(gy: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        return ready(gy, w.permute(there).contiguous(), b).permute(back).contiguous()

    return run
