"""How does a loop written for arrays run on tensors? Tensors become arrays on the way in, and arrays tensors again.

NumPy has no bfloat16 and no complex32: they travel as float32 and complex64, which hold them exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

_STAND_IN = {torch.bfloat16: torch.float32, torch.complex32: torch.complex64}

DTYPES = frozenset(
    {
        torch.bool,
        *(torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
        *(torch.float16, torch.float32, torch.float64, torch.bfloat16),
        *(torch.complex32, torch.complex64, torch.complex128),
    }
)


def on_tensors(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return the loop as a kernel: it takes CPU tensors for arrays, by position, and returns fresh ones.

    As in torch, overflow and invalid operations make inf and NaN and no warning.
    """

    @wraps(loop)
    def kernel(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            result = loop(*map(_to_array, args))
        if isinstance(result, tuple):
            return tuple(_to_tensor(array, args[0].dtype) for array in result)
        return _to_tensor(result, args[0].dtype)

    return kernel


def array_dtype(dtype: torch.dtype) -> np.dtype:
    """Return the dtype in which NumPy holds a torch dtype."""
    return _to_array(torch.empty(0, dtype=dtype)).dtype


def _to_array(value: Any) -> Any:
    """A tensor as an array, which may share its memory; anything else unchanged."""
    if not isinstance(value, Tensor):
        return value
    x = value.detach().resolve_conj().resolve_neg()
    return x.to(_STAND_IN.get(x.dtype, x.dtype)).numpy()


def _to_tensor(array: np.ndarray, dtype: torch.dtype) -> Tensor:
    """An array as a tensor; as one of ``dtype`` if the array's dtype stands in for that."""
    y = torch.from_numpy(array)
    return y.to(dtype) if y.dtype == _STAND_IN.get(dtype) else y
