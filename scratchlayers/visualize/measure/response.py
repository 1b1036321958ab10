"""How does a layer answer to a photograph? It is called with a filter of the bank as its weight, or as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .kernels import Kernel
from .layers import Layer, name, run, single


@dataclass(frozen=True, eq=False)
class Responses:
    """(H, W) of a photograph, and what each kernel makes of it, of the same size."""

    photo: np.ndarray
    kernels: tuple[Kernel, ...]
    maps: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Maps:
    """(H, W) of a photograph, and what each layer makes of it."""

    photo: np.ndarray
    layers: tuple[str, ...]
    maps: tuple[np.ndarray, ...]


def fixed(kernel: Kernel, conv: Callable[..., torch.nn.Module] | None = None) -> torch.nn.Module:
    """Return a convolution, by default ours, whose one filter is that kernel and will not learn."""
    if conv is None:
        from ... import nn

        conv = nn.Conv2d
    layer = conv(1, 1, kernel.values.shape, padding="same", padding_mode="replicate", bias=False)
    layer.weight = torch.nn.Parameter(torch.from_numpy(kernel.values)[None, None], requires_grad=False)
    return layer.double()


def measure(
    photo: np.ndarray, kernels: Sequence[Kernel], conv: Callable[..., torch.nn.Module] | None = None
) -> Responses:
    """Call a layer with each kernel."""
    return Responses(photo, tuple(kernels), tuple(_map(fixed(kernel, conv), photo) for kernel in kernels))


def measure_layers(photo: np.ndarray, layers: Sequence[Layer]) -> Maps:
    """Call each layer; the first channel is taken."""
    for layer in layers:
        single(layer, photo.shape)
    return Maps(photo, tuple(map(name, layers)), tuple(_map(layer, photo) for layer in layers))


def _map(layer: Layer, photo: np.ndarray) -> np.ndarray:
    return run(layer, torch.as_tensor(photo, dtype=torch.float64)[None, None])[0, 0].numpy()
