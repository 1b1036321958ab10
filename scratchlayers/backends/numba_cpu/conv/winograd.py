"""When is a convolution computed by Winograd's algorithm, and what if its numbers are not finite?

It is for float32, 3 × 3 taps, stride 1, equal dilations and one group. Its outputs share their sums: an infinity or a
NaN would reach all 16 of a tile, and a finite number may overflow on the way. But wherever an output reads one or a
sum overflows, some output is not finite; then the direct algorithm computes the call again. The check costs a
percent; the second computation only those who have such numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

from ....geometry import Sizes
from ..choose import Algorithm, Problem
from . import dense, weight_grad, winograd_forward, winograd_weight_grad
from .winograd_plan import tiling

_LEAST, _TILES = 32, 16  # channels and filters, and tiles, from which on the transforms cost less than they save


def _can(problem: Problem) -> bool:
    grid = problem.grid
    return (
        problem.dtype == torch.float32
        and problem.groups == 1
        and grid.kernel_size == (3, 3)
        and grid.stride == (1, 1)
        and grid.dilation[0] == grid.dilation[1]
    )


def _pays(problem: Problem, size: Sizes) -> bool:
    tiles = tiling(problem.batch, *size, problem.grid.dilation[0]).count
    return min(problem.channels, problem.filters) >= _LEAST and tiles >= _TILES


def _outputs_pay(problem: Problem) -> bool:
    return _pays(problem, problem.grid.output_size)


def _inputs_pay(problem: Problem) -> bool:
    return _pays(problem, problem.grid.input_size)


def _finite(run: Callable[..., Tensor | None], direct: Algorithm) -> Callable[..., Tensor]:
    """Return what ``run`` does, or ``direct`` where that finds numbers that are not finite."""

    @wraps(run)
    def checked(*arguments: object) -> Tensor:
        y = run(*arguments)
        return direct.run(*arguments) if y is None else y

    return checked


def _algorithm(pays: Callable[[Problem], bool], run: Callable[..., Tensor | None], direct: Algorithm) -> Algorithm:
    why = "4 times fewer multiplications, coarser rounding"
    return Algorithm("winograd", _can, pays, _finite(run, direct), exact=False, why=why)


CONV = _algorithm(_outputs_pay, winograd_forward.conv, dense.CONV)
INPUT_GRAD = _algorithm(_inputs_pay, winograd_forward.conv_input_grad, dense.INPUT_GRAD)
WEIGHT_GRAD = _algorithm(_outputs_pay, winograd_weight_grad.conv_weight_grad, weight_grad.WEIGHT_GRAD)
