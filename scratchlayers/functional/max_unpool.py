"""Max unpooling: what was the largest of each window is put back where it was, zeros elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Ints, Sizes, whole
from ..ops.pool import Unpool
from .autocast import cast
from .border import FLOATS, batched, check, nothing, refuse, spatial
from .traced import traceable

_UNPOOL: dict[int, Callable[..., Any]] = {rank: getattr(_torch, f"max_unpool{rank}d") for rank in (1, 2, 3)}


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """(N, C, L) to (N, C, L'). See :func:`max_unpool2d`."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put maxima back where they were: ``torch.nn.functional.max_unpool2d``, hand-written.

    Of several elements with one index the last is kept, and all of them read its gradient, as in torch.

    Args:
        input: (N, C, H, W) or (C, H, W), float.
        indices: flat positions over H' · W' (int64), of the input's shape, as ``max_pool2d`` returns them.
        kernel_size: the window of that pooling, an int or one per axis.
        stride: the step of that pooling, None for the window's own size.
        padding: the padding of that pooling.
        output_size: (H', W') or a whole shape, less than a stride away from what the window says, or None for that.

    Returns:
        (N, C, H', W') with H' = (H − 1) · stride − 2 · padding + KH unless ``output_size`` says another.

    Raises:
        What torch's function raises for the same arguments.

    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`max_unpool2d`."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


@traceable(_UNPOOL)
def _max_unpool(rank: int, input: Tensor, indices: Tensor, *words: Any) -> Tensor:
    try:
        input = cast(f"max_unpool{max(rank, 2)}d", input)
        size = _sized(spatial(input.shape, rank), *words)
        check(input, FLOATS)
        if indices.dtype != torch.int64 or indices.shape != input.shape or indices.device != input.device:
            raise TypeError(f"indices must be int64 and like the input, got {indices.dtype} {tuple(indices.shape)}")
        if 0 in input.shape[-rank - 1 :]:
            raise ValueError(f"unpooling needs at least one element, got shape {tuple(input.shape)}")
        if input.numel() and prod(size) and not _is_inside(indices, prod(size)):
            raise ValueError(f"indices must lie inside the result of size {size}")
    except (ValueError, TypeError, AttributeError, IndexError) as ours:
        refuse(ours, False, _UNPOOL[rank], input, indices, *words)
    if 0 in size:
        return nothing(input, (*input.shape[:-rank], *size))
    x, index = batched(input, rank), batched(indices, rank)
    y: Tensor = Unpool.call(x, index, size, library.kernels(x, rank))
    y = y.contiguous() if rank == 3 else y
    return y if x is input else y.squeeze(0)


def _sized(input_size: Sizes, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Sizes:
    """Return the size of the result; ValueError or TypeError if there is none."""
    rank = len(input_size)
    kernel, before = _whole(rank, kernel_size, "kernel_size"), _whole(rank, padding, "padding")
    steps = kernel if stride is None else _whole(rank, stride, "stride")
    if rank == 3 and min(steps) < 1:
        raise ValueError(f"stride must be at least 1, got {stride!r}")
    axes = zip(input_size, kernel, steps, before, strict=True)
    usual = tuple((n - 1) * s + k - 2 * p for n, k, s, p in axes)
    size = usual
    if output_size is not None:
        size = tuple(whole(n, "output_size") for n in output_size)
        size = size[2:] if len(size) == rank + 2 else size
        if any(not u - s < n < u + s for n, u, s in zip(size, usual, steps, strict=True)):
            raise ValueError(f"output_size must be less than a stride away from {usual}, got {output_size!r}")
    if min(size) < 0:
        raise ValueError(f"the result would have size {size}")
    return size


def _whole(rank: int, value: Any, name: str) -> Sizes:
    given = tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank
    if len(given) != rank:
        raise ValueError(f"{name} must be an int or {rank} of them, got {value!r}")
    return tuple(whole(v, name) for v in given)


def _is_inside(index: Tensor, count: int) -> bool:
    if not library.has_values(index):
        return True  # the kernel looks at them
    low, high = index.aminmax()
    return bool(low >= 0) and bool(high < count)
