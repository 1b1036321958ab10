"""Which memory format does a result have? The one torch's own operator would give it."""

from __future__ import annotations

import torch
from torch import Tensor

from . import legacy_vmap
from .function import functorch_is_active

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def like(result: Tensor, *operands: Tensor) -> Tensor:
    """Return ``result`` channels_last if an operand is, else contiguous; copied only where it is not so already.

    A kernel may have made it as a view of a fresh buffer. A Function that returned that view could not be followed by
    an operation in place, so it is let go of its base.
    """
    for x in operands:
        strides = x.stride()
        if strides[1] <= strides[-1]:
            break
    else:
        if result.is_contiguous() and not result._is_view():
            return result
    return _made_like(result, operands)


def _made_like(result: Tensor, operands: tuple[Tensor, ...]) -> Tensor:
    for x in operands if result.dim() in _CHANNELS_LAST else ():
        if is_channels_last(x):
            result = result.contiguous(memory_format=_CHANNELS_LAST[x.dim()])
            break
    else:
        result = result.contiguous()
    return result.detach() if result._is_view() else result


def is_channels_last(x: Tensor) -> bool:
    """Whether torch would suggest channels_last for ``x``: going outwards from the channels, strides only grow.

    Of several readings of the strides of an axis with one element, torch prefers the contiguous one.
    """
    strides = x.stride()
    if strides[1] > strides[-1] or strides[1] == 0 or len(strides) not in _CHANNELS_LAST:
        return False
    sizes, least = x.shape, 0
    for axis in (1, *range(x.dim() - 1, 1, -1), 0):
        if sizes[axis] == 0 or strides[axis] < least or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] * max(sizes[axis], 1)
    return True


def laid(gy: Tensor, channels_last: bool) -> Tensor:
    """Return a gradient channels_last or not, as forward's operands were: torch's operators first make it so.

    Inside a transform, where a tensor may have more axes than it shows, it stays as it is.
    """
    if is_channels_last(gy) == channels_last or functorch_is_active() or legacy_vmap.is_active():
        return gy
    return gy.clone(memory_format=_CHANNELS_LAST[gy.dim()] if channels_last else torch.contiguous_format)
