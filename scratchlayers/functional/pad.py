"""Padding with a constant, by reflection, by the edge, or around the circle; negative numbers crop."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Frame, whole
from ..ops import pad as op
from ..ops.function import autocast_may_be_on
from .autocast import cast
from .border import COMPLEX, FLOATS, INTEGERS, check, refuse, remembered
from .traced import traceable

_OPERATOR = _torch.pad
_NAMES = {"reflect": "reflection", "replicate": "replication"}
_MIRRORED = FLOATS | INTEGERS | COMPLEX - {torch.complex32}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad the last axes of a tensor: ``torch.nn.functional.pad``, hand-written.

    Args:
        input: any shape for mode "constant", else (N, C, *spatial) or (C, *spatial) with one to three spatial axes;
            any dtype, but bool only for "constant" and "circular".
        pad: how many elements to add, last axis first: (left, right, top, bottom, ...). Negative numbers crop.
        mode: "constant", "reflect", "replicate" or "circular".
        value: what "constant" fills with, 0 if None.

    Returns:
        A new tensor; every axis named in ``pad`` has grown by its two numbers.

    Raises:
        What torch's operator raises for the same arguments.

    """
    return _pad(input, pad, mode, value)


@traceable(_OPERATOR)
def _pad(input: Tensor, sides: Sequence[int], mode: str, value: float | None) -> Tensor:
    try:
        if not isinstance(sides, (list, tuple)):
            raise TypeError(f"pad must be a list or tuple of ints, got {sides!r}")
        frame = framed(input, tuple(sides), mode)
        if mode in _NAMES and autocast_may_be_on():
            input = cast(f"{_NAMES[mode]}_pad{len(sides) // 2}d", input)
        fill = _fill(value, mode, input) if value is not None and max(sides, default=0) > 0 else 0
    except (ValueError, TypeError, AttributeError, RuntimeError) as ours:
        refuse(ours, False, _OPERATOR, input, sides, mode, value)
    if frame is None:
        return input.clone()
    x = input[(None,) * (frame.rank + 2 - input.dim())] if input.dim() < frame.rank + 2 else input
    x = x.contiguous() if mode == "circular" else x
    y = op.pad(x, frame, library.kernels(x, frame.rank), fill, following=mode != "constant")
    return y.reshape(y.shape[y.dim() - input.dim() :]) if y.dim() > input.dim() else y


def framed(input: Tensor, sides: tuple[int, ...], mode: str) -> Frame | None:
    """Check the operand and return the frame of the padded tensor, None for a scalar; ValueError if there is none."""
    if mode in ("reflect", "replicate"):
        check(input, _MIRRORED)
    return _plan(input.shape, sides, mode)


@remembered
def _plan(shape: torch.Size, sides: tuple[int, ...], mode: str) -> Frame | None:
    """Lay the frame over the last axes: over all but two where ``pad`` names fewer, so that no axis must be moved."""
    named, odd = divmod(len(sides), 2)
    if odd or named > len(shape):
        raise ValueError(f"pad must name both sides of at most {len(shape)} axes, got {sides}")
    if mode != "constant" and (named not in (1, 2, 3) or len(shape) not in (named + 1, named + 2)):
        raise ValueError(f"{mode} padding of {named} axes takes {named + 1} or {named + 2} axes, got {tuple(shape)}")
    if mode in ("reflect", "replicate") and 0 in shape[-named - 1 :]:
        raise ValueError(f"{mode} padding needs something to copy, got shape {tuple(shape)}")
    if not shape:
        return None
    rank = max(named, len(shape) - 2)
    numbers = [whole(side, "pad") for side in sides]
    pairs = tuple((numbers[2 * axis], numbers[2 * axis + 1]) for axis in reversed(range(named)))
    frame = Frame.around(tuple(shape[len(shape) - rank :]), ((0, 0),) * (rank - named) + pairs, mode)
    if mode in ("reflect", "replicate") and 0 in frame.output_size:
        raise ValueError(f"{mode} padding must leave something, got {sides} around {tuple(shape)}")
    return frame


def _fill(value: float, mode: str, like: Tensor) -> float:
    """Return the value as the input's dtype holds it; an error where it cannot."""
    if not (isinstance(value, Real) or (isinstance(value, Tensor) and value.dim() == 0)):
        raise TypeError(f"value must be a number, got {value!r}")
    if mode != "constant" and value != 0:
        raise ValueError(f"{mode} padding takes no value, got {value}")
    if like.dtype == torch.bool:
        return bool(value)
    if like.is_floating_point() or like.is_complex():
        return float(value)
    least, most = torch.iinfo(like.dtype).min, torch.iinfo(like.dtype).max
    if not least <= value <= most:
        raise ValueError(f"a value of {like.dtype} lies in [{least}, {most}], got {value}")
    return int(value)
