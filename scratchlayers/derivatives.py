"""What is the derivative of a kernel's operator? The op of which the kernel is the forward.

A function of ours records its op itself, at the innermost level of what is recorded. A transform around a transform,
both compiled, finds no more than the operator that this op has called; and so may whoever calls the operator alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from . import library
from .contract import NAMES
from .ops.conv import Conv, InputGrad, WeightGrad
from .ops.linear_map import LinearMap
from .ops.pool import MaxPool, TapIndex

_PAIRS = {"pad": "pad_adjoint", "avg_pool": "avg_pool_adjoint", "unfold": "fold"}
_TAPPED_PAIRS = {"gather": "scatter", "take": "put"}
_ADJOINTS, _TAPPED = ({**pairs, **{a: n for n, a in pairs.items()}} for pairs in (_PAIRS, _TAPPED_PAIRS))


def _input_grad(gy: Any, w: Any, grid: Any, groups: Any, *b_and_kernels: Any) -> Any:
    *b, kernels = b_and_kernels
    return InputGrad.call(gy, w, *(b or [None]), grid, groups, kernels)


def _linear(name: str, x: Any, *how_and_kernels: Any) -> Any:
    *how, kernels = how_and_kernels
    return LinearMap.call(x, name, _ADJOINTS[name], None, tuple(how), kernels)


def _tapped(name: str, x: Any, tap: Any, *how_and_kernels: Any) -> Any:
    *how, kernels = how_and_kernels
    return LinearMap.call(x, name, _TAPPED[name], tap, tuple(how), kernels)


_OPS: dict[str, Callable[..., Any]] = {
    "conv": Conv.call,
    "conv_input_grad": _input_grad,
    "conv_weight_grad": WeightGrad.call,
    "max_pool": MaxPool.call,
    "tap_index": TapIndex.call,
    **{name: partial(_linear, name) for name in _ADJOINTS},
    **{name: partial(_tapped, name) for name in _TAPPED},
}


def _derived(name: str, how: str, *operands: Any) -> Any:
    """Call the op of a kernel, whose forward calls the operator again, below autograd."""
    return _OPS[name](*library.arguments(name, operands), library.operators(*library.asked(how)))


def _register() -> torch.library.Library:
    fragment = torch.library.Library(library.NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]  # torch has no types here
    for name in NAMES:
        fragment.impl(name, partial(_derived, name), "Autograd")  # type: ignore[no-untyped-call]  # torch has no types here
    return fragment


_LIBRARY = _register()
