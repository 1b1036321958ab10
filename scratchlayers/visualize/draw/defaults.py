"""Which layers are shown if none are given?"""

from __future__ import annotations

import torch
from torch.nn import ReLU, Sequential

from ... import nn
from ..measure.layers import Layer, example


def convolution() -> nn.Conv2d:
    """Return a 3×3 convolution with small whole numbers."""
    return example(nn.Conv2d(1, 1, 3, bias=False))


def counted() -> nn.Conv2d:
    """Return a 3×3 convolution whose filter is the numbers from 1 to 9, so that no two are the same."""
    layer = nn.Conv2d(1, 1, 3, bias=False)
    layer.weight.data = torch.arange(1.0, 10).view(1, 1, 3, 3)
    return layer


def modes() -> dict[str, Layer]:
    """Return 3×3 convolutions with the three modes of padding."""
    return {word: nn.Conv2d(1, 1, 3, padding=word, bias=False) for word in ("valid", "same", "full")}


def paddings() -> dict[str, Layer]:
    """Return the four kinds of padding, by two cells."""
    kinds = {"zero": nn.ZeroPad2d, "reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}
    return {word: kind(2) for word, kind in (kinds | {"circular": nn.CircularPad2d}).items()}


def pools() -> dict[str, Layer]:
    """Return pooling by maximum and by average over 2×2 cells."""
    return {"maximum: to the winner": nn.MaxPool2d(2), "average: to all alike": nn.AvgPool2d(2)}


def wide_pools() -> dict[str, Layer]:
    """Return pooling by maximum, then by average, over 2×2, 4×4 and 8×8 cells."""
    kinds = (("maximum", nn.MaxPool2d), ("average", nn.AvgPool2d))
    return {f"{word} of {k}×{k}": kind(k) for word, kind in kinds for k in (2, 4, 8)}


def deep_net() -> Sequential:
    """Return four 3×3 convolutions with a pooling in between and their first weights, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        convs = [nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 8), (8, 8), (8, 8), (8, 8))]
    return Sequential(convs[0], ReLU(), convs[1], ReLU(), nn.MaxPool2d(2), convs[2], ReLU(), convs[3])
