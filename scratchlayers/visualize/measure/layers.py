"""How is a layer called that is only known as an object? With an input of the right number of channels and axes."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

Layer = Callable[[Tensor], Any]
Layers = Sequence[Layer] | Mapping[str, Layer]
Size = int | Sequence[int]
Values = Tensor | np.ndarray

_UNSAID = {"padding=0", "dilation=1", "padding=valid", "ceil_mode=False", "bias=False"}


def channels(layer: Layer) -> int:
    """Return how many channels it reads: what its first part with ``in_channels`` says, else 1."""
    parts = layer.modules() if isinstance(layer, nn.Module) else [layer]
    return next((part.in_channels for part in parts if hasattr(part, "in_channels")), 1)


def name(layer: Layer) -> str:
    """Return what a title says of it."""
    if isinstance(layer, nn.Module):
        words = re.sub(r"\((\d+)(?:, \1)*,?\)", r"\1", layer.extra_repr()).replace("kernel_size=", "")
        unsaid = _UNSAID | {"stride=1"} if hasattr(layer, "in_channels") else _UNSAID  # a pool's default is its kernel
        said = ", ".join(word for word in words.split(", ") if word and word not in unsaid)
        return f"{type(layer).__name__}({said})" if said else type(layer).__name__
    return getattr(layer, "__name__", type(layer).__name__)


def several(layers: Layer | Layers) -> list[Layer]:
    """Return a list, also of one."""
    if isinstance(layers, Mapping):
        return list(layers.values())
    return list(layers) if isinstance(layers, list | tuple) else [layers]


def titled(layers: Layer | Layers) -> list[str]:
    """Return what stands above each: its key, or what the layer says of itself."""
    return list(layers) if isinstance(layers, Mapping) else list(map(name, several(layers)))


def sizes(layer: Layer, size: Size) -> tuple[int, ...]:
    """Return the spatial sizes of an input that the layer takes; ValueError if it takes none such.

    An int stands for a square, or for a line if the layer has one axis.
    """
    tries = [(size, size), (size,)] if isinstance(size, int) else [tuple(size)]
    if any(type(length) is not int or length < 1 for tried in tries for length in tried) or len(tries[0]) > 2:
        raise ValueError(f"a size is one or two lengths from 1, not {size!r}: pictures show one or two axes")
    if isinstance(layer, nn.Module) and any(map(is_lazy, layer.parameters())):
        raise ValueError(f"{name(layer)} does not know its channels yet: call it once, then draw it")
    reasons = []
    for tried in tries:
        x = torch.rand(1, channels(layer), *tried, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        try:
            out, *others = (run(layer, x) for _ in range(4))
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as why:
            reasons.append(str(why).splitlines()[0])
        else:
            if not all(torch.equal(out, other) for other in others):
                raise ValueError(f"{name(layer)} is random: it cannot be drawn, since no two calls agree")
            if out.ndim == len(tried) + 2:
                return tried
            reasons.append(f"its output has the shape {tuple(out.shape)}")
    shown = "×".join(map(str, tries[0]))
    raise ValueError(f"{name(layer)} cannot be drawn over an input of {shown}: {reasons[0]}")


def single(layer: Layer, size: Size) -> tuple[int, ...]:
    """Return the spatial sizes, like ``sizes``; ValueError too for a layer that reads several channels."""
    if channels(layer) > 1:
        raise ValueError(f"{name(layer)} reads {channels(layer)} channels; this is drawn for one")
    return sizes(layer, size)


def differentiating(measure: Callable) -> Callable:
    """Return it with gradients on, also where the caller has turned them off."""

    @wraps(measure)
    def on(*args: Any, **named: Any) -> Any:
        with torch.inference_mode(False), torch.enable_grad():
            return measure(*args, **named)

    return on


def run(layer: Layer, x: Tensor) -> Tensor:
    """Return what the layer makes of x, the first if it returns several, in x's dtype."""
    with torch.no_grad():
        return called(ready(layer, x.dtype), x)


def called(layer: Layer, x: Tensor) -> Tensor:
    """Call it, so that it can be differentiated."""
    return first(layer(x))


def first(out: Any) -> Tensor:
    """Return the first of several outputs, or the one."""
    return out[0] if isinstance(out, tuple) else out


def ready(layer: Layer, dtype: torch.dtype = torch.float64) -> Layer:
    """Return a copy for evaluation in that dtype on the CPU; the caller's layer is left as it is."""
    return copy.deepcopy(layer).to("cpu", dtype).eval() if isinstance(layer, nn.Module) else layer


def generic(layer: Layer) -> Layer:
    """Return a copy whose weights are positive and all different, so that no two contributions cancel."""
    layer = ready(layer)
    for part in layer.modules() if isinstance(layer, nn.Module) else ():
        if getattr(part, "running_mean", None) is not None:
            part.reset_running_stats()  # a mean that is taken off may cut a unit off behind a ReLU
    draw = torch.Generator().manual_seed(0)
    for parameter in _parameters(layer):
        fan = max(1, prod(parameter.shape[1:]))
        parameter.data = (0.5 + torch.rand(parameter.shape, generator=draw, dtype=torch.float64)) / fan
    return layer


def example(layer: Any) -> Any:
    """Give a layer small whole numbers for weights, and return it: sums of them are done in one's head."""
    draw = torch.Generator().manual_seed(3)
    for parameter in _parameters(layer):
        low, high = (0, 1) if parameter.ndim == 1 else (-1, 3)
        parameter.data = torch.randint(low, high, parameter.shape, generator=draw).to(parameter.dtype)
    return layer


def numbers(*shape: int, low: int = 0, high: int = 6, start: int = 0) -> Tensor:
    """Return small whole numbers, the same at every call."""
    draw = torch.Generator().manual_seed(start)
    return torch.randint(low, high, shape, generator=draw).to(torch.float64)


def _parameters(layer: Layer) -> Iterator[nn.Parameter]:
    return layer.parameters() if isinstance(layer, nn.Module) else iter(())
