"""On which layers must ``scratchlayers.nn`` agree with ``torch.nn``? One table: a class, its arguments, an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..geometry import Sizes


@dataclass(frozen=True)
class Layer:
    """How to construct a layer, by the class name and arguments that torch has too, and what to feed it."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    input: Sizes
    operand: Any = None  # forward's second argument: ``output_size`` of a transposed convolution

    def __str__(self) -> str:
        words = [*map(repr, self.arguments), *(f"{name}={value!r}" for name, value in self.options.items())]
        return f"{self.name}({', '.join(words)})"


def _layer(name: str, *arguments: Any, to: Sizes, operand: Any = None, **options: Any) -> Layer:
    return Layer(name, arguments, options, to, operand)


LAYERS = (
    _layer("Conv1d", 3, 4, 3, to=(2, 3, 9)),
    _layer("Conv1d", 4, 6, 4, stride=3, padding=2, dilation=2, groups=2, bias=False, to=(2, 4, 17)),
    _layer("Conv1d", 2, 3, 2, padding="same", padding_mode="circular", to=(2, 2, 6)),
    _layer("Conv2d", 1, 4, 3, padding="same", to=(2, 1, 9, 8)),
    _layer("Conv2d", 3, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=3, to=(2, 3, 7, 8)),
    _layer("Conv2d", 2, 3, 3, padding=1, padding_mode="reflect", to=(2, 2, 5, 6)),
    _layer("Conv2d", 2, 3, 3, padding=2, padding_mode="replicate", bias=False, to=(2, 2, 4, 4)),
    _layer("Conv2d", 5, 4, 1, to=(2, 5, 3, 3)),
    _layer("Conv3d", 2, 3, 2, padding="valid", to=(2, 2, 4, 3, 5)),
    _layer("Conv3d", 2, 4, (2, 1, 3), stride=(1, 2, 1), padding=(1, 0, 1), groups=2, to=(1, 2, 4, 5, 3)),
    _layer("ConvTranspose1d", 3, 4, 3, stride=2, padding=1, output_padding=1, to=(2, 3, 5)),
    _layer("ConvTranspose2d", 4, 6, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2), groups=2, to=(2, 4, 4, 3)),
    _layer("ConvTranspose2d", 2, 3, 3, stride=2, padding=1, to=(2, 2, 4, 5), operand=(8, 9)),
    _layer("ConvTranspose3d", 2, 2, 2, stride=(2, 1, 2), bias=False, to=(2, 2, 3, 2, 2)),
    _layer("MaxPool1d", 3, stride=2, padding=1, ceil_mode=True, to=(2, 3, 8)),
    _layer("MaxPool2d", 2, to=(2, 3, 7, 6)),
    _layer("MaxPool2d", (3, 2), stride=1, padding=1, dilation=2, to=(2, 2, 7, 8)),
    _layer("MaxPool2d", 3, stride=2, padding=1, ceil_mode=True, return_indices=True, to=(2, 2, 6, 8)),
    _layer("MaxPool3d", 2, stride=(1, 2, 1), return_indices=True, to=(1, 2, 3, 5, 4)),
    _layer("AvgPool1d", 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False, to=(2, 3, 8)),
    _layer("AvgPool2d", 2, to=(2, 3, 6, 7)),
    _layer("AvgPool2d", 3, stride=2, padding=1, ceil_mode=True, to=(2, 2, 6, 8)),
    _layer("AvgPool2d", 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False, to=(2, 2, 6, 8)),
    _layer("AvgPool3d", (2, 1, 3), divisor_override=5, to=(1, 2, 4, 3, 5)),
    _layer("AdaptiveAvgPool1d", 4, to=(2, 3, 9)),
    _layer("AdaptiveAvgPool2d", 1, to=(2, 3, 5, 6)),
    _layer("AdaptiveAvgPool2d", (3, None), to=(2, 3, 7, 4)),
    _layer("AdaptiveAvgPool3d", (2, 5, 3), to=(1, 2, 3, 4, 3)),
    _layer("AdaptiveMaxPool1d", 3, return_indices=True, to=(2, 3, 8)),
    _layer("AdaptiveMaxPool2d", (2, 5), return_indices=True, to=(2, 3, 6, 7)),
    _layer("AdaptiveMaxPool3d", 2, to=(1, 2, 5, 4, 3)),
    _layer("LPPool1d", 4, 2, stride=1, to=(2, 3, 7)),
    _layer("LPPool2d", 2, (3, 2), ceil_mode=True, to=(2, 3, 7, 6)),
    _layer("LPPool3d", float("inf"), 2, to=(1, 2, 4, 5, 3)),
    _layer("FractionalMaxPool2d", 2, (3, 4), _random_samples=torch.tensor([[[0.3, 0.8]]]), to=(1, 1, 7, 6)),
    _layer(
        "FractionalMaxPool3d",
        (2, 1, 3),
        output_ratio=0.6,
        return_indices=True,
        _random_samples=torch.tensor([[[0.1, 0.9, 0.5]]]),
        to=(1, 1, 5, 4, 6),
    ),
    _layer("ZeroPad1d", (1, 2), to=(2, 3, 4)),
    _layer("ZeroPad2d", (1, -1, 2, 0), to=(2, 3, 4, 5)),
    _layer("ZeroPad3d", 1, to=(1, 2, 3, 2, 3)),
    _layer("ConstantPad1d", 2, 0.5, to=(2, 3, 4)),
    _layer("ConstantPad2d", (1, 0, -1, 2), -1.5, to=(2, 3, 4, 3)),
    _layer("ConstantPad3d", (0, 1, 2, 0, 1, 1), 2.0, to=(1, 2, 2, 3, 2)),
    _layer("ReflectionPad1d", (2, 3), to=(2, 3, 5)),
    _layer("ReflectionPad2d", (1, 2, 0, 1), to=(2, 3, 4, 5)),
    _layer("ReflectionPad3d", 1, to=(1, 2, 3, 4, 3)),
    _layer("ReplicationPad1d", (3, 0), to=(2, 3, 2)),
    _layer("ReplicationPad2d", 2, to=(2, 3, 1, 4)),
    _layer("ReplicationPad3d", (1, 0, 2, 1, 0, 1), to=(1, 2, 2, 3, 2)),
    _layer("CircularPad1d", (2, 1), to=(2, 3, 4)),
    _layer("CircularPad2d", (1, 3, 0, 2), to=(2, 3, 4, 5)),
    _layer("CircularPad3d", 1, to=(1, 2, 3, 2, 3)),
    _layer("Unfold", (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1), to=(2, 3, 6, 7)),
    _layer("Fold", (5, 4), 2, stride=(1, 2), padding=(0, 1), to=(2, 12, 12)),
)
