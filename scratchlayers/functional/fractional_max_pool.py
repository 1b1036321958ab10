"""Fractional max pooling: windows of one size whose places are drawn by chance, so that a size may shrink by 1.5."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
import torch.nn.functional as _torch
from torch import Tensor

from .. import library
from ..geometry import Ints, Sizes, Window, per_axis
from ..ops.linear_map import LinearMap
from ..ops.pool import MaxPool
from .autocast import cast
from .border import FLOATS, batched, check, refuse, spatial
from .traced import traceable

_FRACTIONAL: dict[int, Callable[..., Any]] = {
    rank: getattr(_torch, f"fractional_max_pool{rank}d_with_indices") for rank in (2, 3)
}


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Keep the largest of each of some random windows: ``torch.nn.functional.fractional_max_pool2d``, hand-written.

    On an axis of n elements, with α = (n − k) / (m − 1) and a random u in [0, 1), the window at position p begins at
    ⌊(p + u) α⌋ − ⌊u α⌋, the last one at n − k (Graham, "Fractional max-pooling", arXiv:1412.6071). From one seed the
    windows are torch's.

    Args:
        input: (N, C, H, W) or (C, H, W), float.
        kernel_size: the window, an int or one per axis.
        output_size: (H', W'), or an int for both.
        output_ratio: used without ``output_size``: (H' / H, W' / W).
        return_indices: whether to return also where each maximum was, as flat positions over H · W (int64).
        _random_samples: the u of each channel, (N, C, 2) in the input's dtype, for W and for H.

    Returns:
        (N, C, H', W'); with ``return_indices`` a pair of such.

    Raises:
        What torch's function raises for the same arguments; ValueError for a window of no elements.

    """
    pair = _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return pair if return_indices else pair[0]


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """(N, C, D, H, W) to (N, C, D', H', W'); samples for D, H, W. See :func:`fractional_max_pool2d`."""
    pair = _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return pair if return_indices else pair[0]


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`fractional_max_pool2d` with its indices, whatever ``return_indices`` says."""
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`fractional_max_pool3d` with its indices, whatever ``return_indices`` says."""
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


@traceable(lambda rank, *words: _FRACTIONAL[rank](*words[:-1], True, words[-1]))
def _fractional_max_pool(
    rank: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Tensor, Tensor]:
    drawn = input.dtype if isinstance(input, Tensor) else None
    try:
        input, samples = cast(f"fractional_max_pool{rank}d", input, samples)
        n = spatial(input.shape, rank)
        kernel, size = _ints(rank, kernel_size, 1), _size(n, output_size, output_ratio)
        if 0 in input.shape[-rank - 1 :]:
            raise ValueError(f"a maximum needs at least one element, got shape {tuple(input.shape)}")
        if any(k + m - (rank == 2) > size for k, m, size in zip(kernel, size, n, strict=True)):
            raise ValueError(f"{size} windows of {kernel} elements do not fit an input of {n}")
        check(input, FLOATS, samples)
        if samples is not None and samples.requires_grad:
            raise ValueError("_random_samples have no gradient")
        x = batched(input, rank)
        if samples is not None and (
            samples.dim() != 3 or len(samples) < len(x) or samples.shape[1:] != (x.shape[1], rank)
        ):
            raise ValueError(f"_random_samples must be (N, C, {rank}), got {tuple(samples.shape)}")
    except (ValueError, TypeError, AttributeError, IndexError) as ours:
        refuse(ours, False, _FRACTIONAL[rank], input, kernel_size, output_size, output_ratio, True, samples)
    if samples is None:
        samples = torch.rand(*x.shape[:2], rank, dtype=drawn, device=x.device).to(x.dtype)
    kernels = library.kernels(x, rank)
    if 0 in (len(x), *size):
        index = torch.zeros(*x.shape[:2], *size, dtype=torch.int64, device=x.device)
    else:
        index = _chosen(x, kernel, _starts(samples[: len(x)], n, kernel, size), size, kernels)
    y: Tensor = LinearMap.call(x, index, "take", "put", (n,), kernels).contiguous()
    return (y, index) if x is input else (y.squeeze(0), index.squeeze(0))


def _chosen(x: Tensor, kernel: Sizes, starts: list[Tensor], size: Sizes, kernels: Any) -> Tensor:
    """Return where the largest element of each window is: all windows are laid in a row, and that is pooled."""
    n, taps = x.shape[2:], prod(kernel)
    places = torch.zeros(*x.shape[:2], 1, 1, dtype=torch.int64, device=x.device)
    for length, k, start in zip(n, kernel, starts, strict=True):
        at = start.unsqueeze(-1) + torch.arange(k, device=x.device)
        m, t = places.shape[2:]
        places = (places * length)[:, :, :, None, :, None] + at[:, :, None, :, None, :]
        places = places.reshape(*x.shape[:2], m * start.shape[2], t * k)
    ones = (1,) * (len(n) - 1)
    row = places.reshape(*x.shape[:2], *ones, -1)
    with torch.no_grad():
        seen = LinearMap.call(x.detach(), row, "take", "put", (tuple(n),), kernels)
        _, tap = MaxPool.call(seen, Window.parse(len(n), (*ones, taps)).over(tuple(seen.shape[2:])), kernels)
    return (
        row.reshape(*x.shape[:2], -1, taps)
        .gather(3, tap.flatten(2).to(torch.int64).unsqueeze(-1))
        .reshape(*x.shape[:2], *size)
    )


def _starts(samples: Tensor, n: Sizes, kernel: Sizes, size: Sizes) -> list[Tensor]:
    """Return for each axis where the windows of each channel begin, computed in the dtype of the samples, as torch."""
    starts = []
    for axis, (length, k, m) in enumerate(zip(n, kernel, size, strict=True)):
        u = samples[..., 1 - axis if len(n) == 2 else axis].unsqueeze(-1)
        last = torch.full((*u.shape[:2], 1), length - k, device=u.device)
        alpha = torch.tensor(length - k, dtype=u.dtype) / torch.tensor(max(m - 1, 1), dtype=u.dtype)
        p = torch.arange(m - 1, device=u.device).to(u.dtype)
        drawn = ((p + u) * alpha.to(u.device)).to(torch.int64) - (u * alpha.to(u.device)).to(torch.int64)
        starts.append(torch.cat([drawn.clamp(0, length - k), last], -1))
    return starts


def _size(n: Sizes, output_size: Any, output_ratio: Any) -> Sizes:
    """Return the size asked for; ValueError or TypeError if there is none."""
    if output_size is not None:
        return _ints(len(n), output_size, 0)
    if output_ratio is None:
        raise ValueError("either output_size or output_ratio must be given")
    if len(n) == 2 and len(output_ratio) > 2:
        raise ValueError(f"output_ratio must be a pair, got {output_ratio!r}")
    ratios = tuple(output_ratio) if isinstance(output_ratio, (list, tuple)) else (output_ratio,) * len(n)
    return _ints(len(n), [int(size * ratios[axis]) for axis, size in enumerate(n)], 0)


def _ints(rank: int, value: Any, least: int) -> Sizes:
    """Return one int per axis of an int or as many as there are axes: unlike elsewhere in torch, not of one."""
    if isinstance(value, (list, tuple)) and len(value) != rank:
        raise ValueError(f"expected an int or {rank} of them, got {value!r}")
    return per_axis(rank, value, "a size", least)
