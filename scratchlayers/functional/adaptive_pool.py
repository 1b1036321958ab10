"""Adaptive pooling: the size of the result is asked for, and the windows follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Frame, Regions, Sizes, whole
from ..ops.pad import pad
from ..ops.pool import MaxPool, TapIndex, avg_pool
from .autocast import cast
from .border import FLOATS, batched, check, nothing, refuse, remembered, spatial
from .traced import traceable

OutputSize = int | None | tuple[int | None, ...] | list[int | None]

_AVG: dict[int, Callable[..., Any]] = {rank: getattr(_torch, f"adaptive_avg_pool{rank}d") for rank in (1, 2, 3)}
# those of torch.nn.functional that return no indices look these up when they run: ours, under scratchlayers.patch()
_MAX: dict[int, Callable[..., Any]] = {
    1: torch.adaptive_max_pool1d,
    2: _torch.adaptive_max_pool2d_with_indices,
    3: _torch.adaptive_max_pool3d_with_indices,
}


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSize) -> Tensor:
    """(N, C, L) to (N, C, L'). See :func:`adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average regions, as many as are asked for: ``torch.nn.functional.adaptive_avg_pool2d``, hand-written.

    Position p of m on an axis of n elements sees those from ⌊p n / m⌋ to ⌈(p + 1) n / m⌉.

    Args:
        input: (N, C, H, W) or (C, H, W), float.
        output_size: (H', W'), or an int for both; None leaves an axis as it is. May exceed the input's.

    Returns:
        (N, C, H', W').

    Raises:
        What torch's operator raises for the same arguments.

    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: OutputSize) -> Tensor:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(3, input, output_size)


def adaptive_max_pool1d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """(N, C, L) to (N, C, L'). See :func:`adaptive_max_pool2d`."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Keep the largest element of each region: ``torch.nn.functional.adaptive_max_pool2d``, hand-written.

    The regions are those of :func:`adaptive_avg_pool2d`, ties and NaN as in ``max_pool2d``.

    Args:
        input: (N, C, H, W) or (C, H, W), float.
        output_size: (H', W'), or an int for both; None leaves an axis as it is. May exceed the input's.
        return_indices: whether to return also where each maximum was, as flat positions over H · W (int64).

    Returns:
        (N, C, H', W'); with ``return_indices`` a pair of such.

    Raises:
        What torch's operator raises for the same arguments.

    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """(N, C, D, H, W) to (N, C, D', H', W'). See :func:`adaptive_max_pool2d`."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool1d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(1, input, output_size)


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool2d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(2, input, output_size)


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool3d` with its indices, whatever ``return_indices`` says."""
    return _with_indices(3, input, output_size)


@traceable(_AVG)
def _adaptive_avg_pool(rank: int, input: Tensor, output_size: Any) -> Tensor:
    try:
        input = cast(f"adaptive_avg_pool{rank}d", input)
        size = _asked(rank, input.shape, output_size)
        if set(size) == {1} and _is_odd(rank, input):
            return input.mean(tuple(range(-1, -rank - 1, -1)), keepdim=True)
        regions = _plan(rank, input.shape, size, False)
        if rank == 3 and 0 in input.shape[-4:]:
            raise ValueError(f"a mean over three axes needs channels, got shape {tuple(input.shape)}")
        if 0 not in size or rank == 3 or input.is_complex():
            check(input, FLOATS)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _AVG[rank], input, output_size)
    if regions is None:
        return nothing(input, (*input.shape[:-rank], *size))
    x = batched(input, rank)
    kernels = library.kernels(x, rank)
    y = avg_pool(_laid(x, regions.frame, kernels), regions.sizes, regions.grid, kernels)
    y = y.contiguous() if rank == 3 and set(size) != {1} else y  # torch's knows no channels_last over three axes
    return y if x is input else y.squeeze(0)


def _is_odd(rank: int, input: Tensor) -> bool:
    """Whether torch takes an input for a single mean that it would refuse for more of them."""
    if input.dim() not in (rank + 1, rank + 2):
        return rank > 1
    return input.is_complex() or 0 in input.shape[-rank - 1 :]


def _torchs(rank: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    pair = _MAX[rank](input, output_size)
    return pair if return_indices else pair[0]


@traceable(_torchs)
def _adaptive_max_pool(
    rank: int, input: Tensor, output_size: Any, return_indices: bool
) -> Tensor | tuple[Tensor, Tensor]:
    return _with_indices(rank, input, output_size) if return_indices else _chosen(rank, input, output_size)[0]


@traceable(_MAX)
def _with_indices(rank: int, input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    y, tap, regions, kernels = _chosen(rank, input, output_size)
    if regions is None:
        return y, torch.empty_like(y, dtype=torch.int64)
    index = TapIndex.call(tap, regions.grid, kernels)
    if regions.frame.input_size != regions.frame.output_size:
        index = _places(regions.frame, index.device)[index]
    index = index.contiguous() if rank == 3 else index
    return y, index if index.dim() == y.dim() else index.squeeze(0)


def _chosen(rank: int, input: Tensor, output_size: Any) -> Any:
    """(y, the tap of each region, batched, the regions, the kernels)."""
    try:
        input = cast(f"adaptive_max_pool{rank}d", input)
        size = _asked(rank, input.shape, output_size)
        regions = _plan(rank, input.shape, size, True)
        if 0 in input.shape[-rank - 1 :]:
            raise ValueError(f"a maximum needs at least one element, got shape {tuple(input.shape)}")
        check(input, FLOATS)
    except (ValueError, TypeError, AttributeError) as ours:
        refuse(ours, False, _MAX[rank], input, output_size)
    if regions is None:
        return nothing(input, (*input.shape[:-rank], *size)), None, None, None
    x = batched(input, rank)
    kernels = library.kernels(x, rank)
    y, tap = MaxPool.call(_laid(x, regions.frame, kernels), regions.grid, kernels)
    y = y.contiguous() if rank == 3 else y
    return y if x is input else y.squeeze(0), tap, regions, kernels


def _asked(rank: int, shape: torch.Size, output_size: Any) -> Sizes:
    """Return the size asked for, the input's where it is None; ValueError or TypeError if it is none."""
    if isinstance(output_size, int):
        return (whole(output_size, "output_size"),) * rank
    asked: tuple[Any, ...] = tuple(output_size)
    if len(asked) != rank or len(asked) >= len(shape):
        raise ValueError(f"output_size must be an int or {rank} of them, got {output_size!r}")
    kept: tuple[Any, ...] = shape[-rank:] if rank > 1 else (None,)
    return tuple(whole(n if m is None else m, "output_size") for m, n in zip(asked, kept, strict=True))


@remembered
def _plan(rank: int, shape: torch.Size, size: Sizes, repeat: bool) -> Regions | None:
    """Return the regions, None where there is nothing to compute."""
    n = spatial(shape, rank)
    if min(size) < 0 or 0 in n:
        raise ValueError(f"there are no regions of {n} elements for a result of size {size}")
    return None if 0 in (*shape, *size) else Regions.adaptive(n, size, repeat)


def _laid(x: Tensor, frame: Frame, kernels: Any) -> Tensor:
    return x if frame.input_size == frame.output_size else pad(x, frame, kernels)


def _places(frame: Frame, device: torch.device) -> Tensor:
    """Return for each flat position of what was laid end to end the one of the input that it copies."""
    place = torch.zeros((), dtype=torch.int64, device=device)
    for n, sources in zip(frame.input_size, frame.sources, strict=True):
        place = place.unsqueeze(-1) * n + torch.tensor(sources, device=device)
    return place.flatten()
