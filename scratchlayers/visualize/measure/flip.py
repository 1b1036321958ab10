"""What is the difference between convolution and cross-correlation? The same layer with its filter turned by 180°."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .layers import Layer, Size, called, name, ready, sizes


@dataclass(frozen=True, eq=False)
class Flip:
    """(H, W) input, (KH, KW) filter and the filter turned, and what the layer makes of each."""

    layer: str
    input: np.ndarray
    weight: np.ndarray
    turned: np.ndarray
    correlation: np.ndarray
    convolution: np.ndarray


def measure(layer: Layer, size: Size = 5, x: np.ndarray | None = None) -> Flip:
    """Call the layer with its filter, and with the turned one, without bias; x is one 1 among zeros if not given."""
    layer = ready(layer)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, torch.nn.Parameter) or weight.ndim != 4 or weight.shape[:2] != (1, 1):
        raise ValueError(f"{name(layer)}: turning is drawn for a convolution of one channel to one over two axes")
    if getattr(layer, "transposed", False):
        raise ValueError(f"{name(layer)} turns its filter itself: draw a convolution that is not transposed")
    values = _impulse(sizes(layer, size)) if x is None else torch.as_tensor(x, dtype=torch.float64)[None, None]
    turned = weight.detach().flip(2, 3)
    with torch.no_grad():
        if getattr(layer, "bias", None) is not None:
            layer.bias.zero_()
        correlation = called(layer, values)[0, 0].clone()
        weight.copy_(turned)
        convolution = called(layer, values)[0, 0]
    arrays = (values, turned.flip(2, 3), turned)
    return Flip(name(layer), *(a[0, 0].numpy() for a in arrays), correlation.numpy(), convolution.numpy())


def _impulse(shape: tuple[int, ...]) -> torch.Tensor:
    values = torch.zeros(1, 1, *shape, dtype=torch.float64)
    values[(0, 0, *(length // 2 for length in shape))] = 1
    return values
