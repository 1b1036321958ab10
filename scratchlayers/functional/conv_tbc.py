"""Convolution of sequences laid out as (time, batch, channels): conv1d between two permutations."""

from __future__ import annotations

import torch
from torch import Tensor

from .border import COMPLEX, FLOATS, INTEGERS, check, refuse
from .conv import conv1d
from .traced import traceable

_OPERATOR = torch.conv_tbc
_DTYPES = FLOATS | INTEGERS | COMPLEX - {torch.complex32}


@traceable(_OPERATOR)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Slide filters over time: ``torch.nn.functional.conv_tbc``, hand-written.

    Args:
        input: (T, N, C), of any float, complex or integer dtype.
        weight: (K, C, O), of the same dtype.
        bias: (O,); unlike the other convolutions, this one needs it.
        pad: zeros before the first and after the last moment; negative numbers crop.

    Returns:
        (T + 2 · pad − K + 1, N, O).

    Raises:
        What torch's operator raises for the same arguments.

    """
    try:
        check(input, _DTYPES, weight)
        if (input.dim(), weight.dim(), bias.dim()) != (3, 3, 1) or type(pad) is not int:
            raise ValueError("conv_tbc takes an input (T, N, C), a weight (K, C, O), a bias (O) and an int")
        x = input.narrow(0, -pad, len(input) + 2 * pad) if pad < 0 else input
        x, w, b = x.permute(1, 2, 0), weight.permute(2, 1, 0), bias.to(weight.dtype)
        y = conv1d(x, w, b, padding=max(pad, 0))
    except (ValueError, TypeError, AttributeError, RuntimeError) as ours:
        refuse(ours, False, _OPERATOR, input, weight, bias, pad)
    return y.permute(2, 0, 1).contiguous()
