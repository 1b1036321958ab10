"""How many operations does a kernel take? Formulas for torch's FlopCounterMode, which give torch's own numbers.

Torch counts a multiplication and an addition for every product that a convolution sums, whether or not its input
element lies in the padding, and counts nothing for biases, pooling and padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from .library import NAMESPACE

Shape = Sequence[int]


def _conv(how: str, x: Shape, w: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    """At each output position, each element of w meets one of x."""
    return 2 * x[0] * prod(out_shape[2:]) * prod(w)


def _conv_input_grad(how: str, gy: Shape, w: Shape, *_: Any, **__: Any) -> int:
    """At each position of gy, each element of w meets one of gy."""
    return 2 * gy[0] * prod(gy[2:]) * prod(w)


def _conv_weight_grad(how: str, x: Shape, gy: Shape, *_: Any, out_shape: Shape, **__: Any) -> int:
    """Each element of gy meets every tap of every channel of x: torch counts as if there were one group."""
    return 2 * prod(gy) * x[1] * prod(out_shape[2:])


for _formula in (_conv, _conv_input_grad, _conv_weight_grad):
    _kernel = getattr(getattr(torch.ops, NAMESPACE), _formula.__name__[1:])
    register_flop_formula(_kernel)(_formula)
