"""When is a convolution computed by Winograd's algorithm, and what if its numbers are not finite?

It is for float32, 3 × 3 taps, stride 1, equal dilations and one group. Its outputs share their sums: an infinity or a
NaN would reach all 16 of a tile, and a finite number may overflow on the way. But wherever an output reads one or a
sum overflows, some output is not finite; then a plain sum computes the call again. The check costs a
percent; the second computation only those who have such numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import prod

import torch
from torch import Tensor

from ....geometry import Sizes
from ..choose import Algorithm, Problem, Ready
from . import winograd_forward, winograd_weight_grad
from .dense import CONV as DENSE_CONV
from .dense import INPUT_GRAD as DENSE_INPUT_GRAD
from .dense_blocks import computed
from .sweep import backward, forward
from .weight_grad import WEIGHT_GRAD as OUTER_WEIGHT_GRAD
from .winograd_plan import PANEL, tiling

# From these numbers on the transforms cost less than the multiplications that they save, measured against plain
# sums: channels and filters, their product, tiles, and outputs a tile (fewer than 16 at an image's edges). Where
# tiles are MANY, half the product is enough; where their numbers lie APART, in dilated ones, it takes more.
_CHANNELS, _PRODUCT, _TILES, _OUTPUTS, _MANY, _APART = 16, 512, 8, 7.5, 256, 4096


def _can(problem: Problem) -> bool:
    grid = problem.grid
    return (
        problem.dtype == torch.float32
        and problem.groups == 1
        and grid.kernel_size == (3, 3)
        and grid.stride == (1, 1)
        and grid.dilation[0] == grid.dilation[1]
    )


def _pays(problem: Problem, size: Sizes, share: float = 1.0) -> bool:
    fewer, more = sorted((problem.channels, problem.filters))
    tiles = tiling(problem.batch, *size, problem.grid.dilation[0]).count
    enough = problem.batch * prod(size) * share >= _OUTPUTS * tiles and tiles >= _TILES
    near = _PRODUCT // 2 if tiles >= _MANY else _PRODUCT
    least = near if problem.grid.dilation[0] == 1 else _APART
    return enough and fewer >= _CHANNELS and fewer * more >= least


def _conv_pays(problem: Problem) -> bool:
    return _pays(problem, problem.grid.output_size, computed(forward(problem.grid)))


def _input_grad_pays(problem: Problem) -> bool:
    return _pays(problem, problem.grid.input_size, computed(backward(problem.grid)))


def _weight_grad_pays(problem: Problem) -> bool:
    return problem.channels >= PANEL and _pays(problem, problem.grid.output_size)


Attempt = Callable[[Problem], Callable[..., Tensor | None]]


def _finite(ready: Attempt, plain: Algorithm) -> Callable[[Problem], Ready]:
    """Compute as ``ready`` does, or as ``plain`` where that finds numbers that are not finite."""

    def checked_ready(problem: Problem) -> Ready:
        run, instead = ready(problem), cache(partial(plain.ready, problem))

        def checked(*operands: Tensor) -> Tensor:
            y = run(*operands)
            return instead()(*operands) if y is None else y

        return checked

    return checked_ready


def _algorithm(pays: Callable[[Problem], bool], ready: Attempt, plain: Algorithm) -> Algorithm:
    why = "4 times fewer multiplications, coarser rounding"
    return Algorithm("winograd", _can, pays, _finite(ready, plain), exact=False, why=why)


CONV = _algorithm(_conv_pays, winograd_forward.conv, DENSE_CONV)
INPUT_GRAD = _algorithm(_input_grad_pays, winograd_forward.conv_input_grad, DENSE_INPUT_GRAD)
WEIGHT_GRAD = _algorithm(_weight_grad_pays, winograd_weight_grad.conv_weight_grad, OUTER_WEIGHT_GRAD)
