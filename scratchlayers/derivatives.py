"""What is the derivative of a kernel's operator, and how does it map over one more axis? As the op that calls it.

A function of ours records its op itself, at the innermost level of what is recorded. A transform around a transform,
both compiled, finds no more than the operator that this op has called; and so may whoever calls the operator alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from . import library
from .contract import NAMES
from .ops.conv import Conv, InputGrad, WeightGrad
from .ops.function import Op
from .ops.linear_map import LinearMap
from .ops.pad import Pad
from .ops.pool import MaxPool, TapIndex, Unpool

_PAIRS = {"pad": "pad_adjoint", "avg_pool": "avg_pool_adjoint", "unfold": "fold"}
_TAPPED_PAIRS = {"gather": "scatter", "take": "put"}
_ADJOINTS, _TAPPED = ({**pairs, **{a: n for n, a in pairs.items()}} for pairs in (_PAIRS, _TAPPED_PAIRS))

_OPS: dict[str, type[Op]] = {
    "conv": Conv,
    "conv_input_grad": InputGrad,
    "conv_weight_grad": WeightGrad,
    "max_pool": MaxPool,
    "tap_index": TapIndex,
    **dict.fromkeys((*_ADJOINTS, *_TAPPED), LinearMap),
    "pad": Pad,
}


def _op(name: str, operands: tuple[Any, ...]) -> type[Op]:
    """Return the op that calls a kernel with these operands."""
    return Unpool if name == "put" and operands[3:] == (True,) else _OPS[name]


def _arranged(op: type[Op], name: str, operands: tuple[Any, ...], kernels: Any) -> tuple[Any, ...]:
    """Return what the op of a kernel takes for these operands of the kernel."""
    x, *how = operands
    if op is Unpool:
        return x, *how[:2], kernels
    if name == "pad":
        frame, *value = how
        return x, frame, *(value or [0]), kernels
    if name in _ADJOINTS:
        return x, None, name, _ADJOINTS[name], tuple(how), kernels
    if name in _TAPPED:
        return x, how[0], name, _TAPPED[name], tuple(how[1:2]), kernels
    if name == "conv_input_grad":
        w, grid, groups, *b = how
        return x, w, *(b or [None]), grid, groups, kernels
    return *operands, kernels


def _derived(name: str, how: str, *operands: Any) -> Any:
    """Call the op of a kernel, whose forward calls the operator again, below autograd."""
    operands = library.arguments(name, operands)
    op = _op(name, operands)
    return op.call(*_arranged(op, name, operands, library.operators(*library.asked(how))))


def _mapped(name: str, info: Any, dims: Any, how: str, *operands: Any) -> Any:
    """Map the op of a kernel over one more axis."""
    operands = library.arguments(name, operands)
    op = _op(name, operands)
    args = _arranged(op, name, operands, library.operators(*library.asked(how)))
    return op.vmap(info, _arranged(op, name, dims[1:], None), *args)


def _register() -> torch.library.Library:
    fragment = torch.library.Library(library.NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]  # torch has no types here
    for name in NAMES:
        fragment.impl(name, partial(_derived, name), "Autograd")  # type: ignore[no-untyped-call]  # torch has no types here
        torch.library.register_vmap(f"{library.NAMESPACE}::{name}", partial(_mapped, name), lib=fragment)
    return fragment


_LIBRARY = _register()
