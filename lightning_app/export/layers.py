"""Which numbers make a layer? Its kind, its arguments and its weights, as plain values that net.js computes with."""

import difflib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightning_app.errors import AppError
from scratchlayers.geometry import Window

Plain = dict[str, Any]
Weights = dict[str, Tensor | None]


class Block:
    """All weights of a network, one after the other: what is put in is named by [place, length]."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.length = 0

    def put(self, values: Tensor) -> list[int]:
        """Add numbers; where they lie."""
        part = values.detach().flatten().numpy().astype("<f4")
        self.parts.append(part)
        self.length += len(part)
        return [self.length - len(part), len(part)]

    def bytes(self) -> bytes:
        """float32, little end first."""
        return np.concatenate([np.zeros(0, "<f4"), *self.parts]).tobytes()


def described(net: nn.Sequential, shape: list[int], block: Block) -> list[Plain]:
    """Every layer of a network in evaluation mode, for images of ``shape``; weights go into ``block``.

    Raises an AppError that names a layer which the page cannot compute.
    """
    return [_described(number, layer, x, out, block) for number, (layer, x, out) in enumerate(_run(net, shape), 1)]


def _run(net: nn.Sequential, shape: list[int]) -> Iterator[tuple[nn.Module, Tensor, Tensor]]:
    x = torch.zeros(1, *shape)
    for layer in net:
        with torch.inference_mode():
            out = layer(x)
        yield layer, x, out
        x = out


def _described(number: int, layer: nn.Module, x: Tensor, out: Tensor, block: Block) -> Plain:
    name = type(layer).__name__
    if name not in KINDS:
        close = difflib.get_close_matches(name, KINDS, 1)
        there = f"nearest that it can: {close[0]}" if close else f"it can: {', '.join(KINDS)}"
        raise AppError(f"export-html: layer {number} ({name}) is none that the page can compute; {there}")
    kind, describe = KINDS[name]
    try:
        options, weights = describe(layer, x)
    except NotImplementedError as error:
        raise AppError(f"export-html: layer {number} ({name}): {error}") from error
    placed = {key: block.put(value) for key, value in weights.items() if value is not None}
    about = {"kind": kind, "name": name, "says": layer.extra_repr(), "shape": _three(out)}
    return {**about, **options, **placed}


def _three(x: Tensor) -> list[int]:
    """Channels, rows and columns; a vector's are n, 1 and 1."""
    return [*x.shape[1:], 1, 1][:3]


def _window(x: Tensor, layer: nn.Module, **more: Any) -> Plain:
    stride = getattr(layer, "stride", None)
    window = Window.parse(2, layer.kernel_size, stride, layer.padding, getattr(layer, "dilation", 1))
    sides = window.sides(tuple(x.shape[2:]))
    return {
        "kernel": window.kernel_size,
        "stride": window.stride,
        "padding": [before for before, _ in sides],
        "dilation": window.dilation,
        **more,
    }


def _conv(layer: nn.Conv2d, x: Tensor) -> tuple[Plain, Weights]:
    window = _window(x, layer, border=layer.padding_mode, groups=layer.groups)
    return window, {"weight": layer.weight, "bias": layer.bias}


def _max_pool(layer: nn.MaxPool2d, x: Tensor) -> tuple[Plain, Weights]:
    return _window(x, layer), {}


def _avg_pool(layer: nn.AvgPool2d, x: Tensor) -> tuple[Plain, Weights]:
    return _window(x, layer, counts_padding=layer.count_include_pad, divisor=layer.divisor_override or 0), {}


def _batch_norm(layer: nn.BatchNorm2d, x: Tensor) -> tuple[Plain, Weights]:
    """γ (x - μ) / √(σ² + ε) + β, as a factor and a summand for each channel."""
    if layer.running_var is None:
        raise NotImplementedError("without running statistics its answer depends on the other images of a batch")
    scale = (layer.running_var.double() + layer.eps).rsqrt()
    scale = scale if layer.weight is None else scale * layer.weight
    shift = -layer.running_mean * scale
    return {}, {"weight": scale, "bias": shift if layer.bias is None else shift + layer.bias}


def _linear(layer: nn.Linear, x: Tensor) -> tuple[Plain, Weights]:
    if x.ndim != 2:
        raise NotImplementedError("the page needs a Flatten before it")
    return {}, {"weight": layer.weight, "bias": layer.bias}


def _flatten(layer: nn.Flatten, x: Tensor) -> tuple[Plain, Weights]:
    if (layer.start_dim, layer.end_dim) not in ((1, -1), (1, x.ndim - 1)):
        raise NotImplementedError("the page flattens all axes of an image, from 1 to -1")
    return {}, {}


def _pad(border: str) -> Callable[[nn.Module, Tensor], tuple[Plain, Weights]]:
    def describe(layer: nn.Module, x: Tensor) -> tuple[Plain, Weights]:
        left, _, top, _ = layer.padding
        window = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "padding": [top, left]}
        return {**window, "border": border, "fill": getattr(layer, "value", 0)}, {}

    return describe


def _plain(**options: str) -> Callable[[nn.Module, Tensor], tuple[Plain, Weights]]:
    """A layer without weights, whose arguments of these names are wanted."""
    return lambda layer, x: ({ours: getattr(layer, theirs) for ours, theirs in options.items()}, {})


KINDS: dict[str, tuple[str, Callable[[Any, Tensor], tuple[Plain, Weights]]]] = {
    "Conv2d": ("conv", _conv),
    "MaxPool2d": ("max_pool", _max_pool),
    "AvgPool2d": ("avg_pool", _avg_pool),
    "AdaptiveMaxPool2d": ("global_max_pool", _plain()),
    "AdaptiveAvgPool2d": ("global_avg_pool", _plain()),
    "ZeroPad2d": ("pad", _pad("zeros")),
    "ConstantPad2d": ("pad", _pad("zeros")),
    "ReflectionPad2d": ("pad", _pad("reflect")),
    "ReplicationPad2d": ("pad", _pad("replicate")),
    "CircularPad2d": ("pad", _pad("circular")),
    "BatchNorm1d": ("batch_norm", _batch_norm),
    "BatchNorm2d": ("batch_norm", _batch_norm),
    "Linear": ("linear", _linear),
    "Flatten": ("flatten", _flatten),
    "Dropout": ("dropout", _plain()),
    "ReLU": ("relu", _plain()),
    "LeakyReLU": ("leaky_relu", _plain(slope="negative_slope")),
    "ELU": ("elu", _plain(alpha="alpha")),
    "SiLU": ("silu", _plain()),
    "Tanh": ("tanh", _plain()),
    "Sigmoid": ("sigmoid", _plain()),
}
