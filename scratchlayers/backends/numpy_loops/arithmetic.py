"""In which dtype is a sum computed? In the widest of its kind, rounded once at the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np


def rounded_once(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Let a loop compute wide: its first argument arrives wide, its result leaves in the first argument's dtype.

    Wide is float64 for real numbers, complex128 for complex ones and int64 for integers, whose sums wrap around when
    they are put back into fewer bits.
    """

    @wraps(loop)
    def wide_loop(x: np.ndarray, *args: Any) -> np.ndarray:
        return loop(x.astype(_wide(x.dtype), copy=False), *args).astype(x.dtype, copy=False)

    return wide_loop


def _wide(dtype: np.dtype) -> np.dtype:
    if np.issubdtype(dtype, np.inexact):
        return np.promote_types(dtype, np.float64)
    return np.dtype(np.int64)
