"""What does every layer make of the picture, and which number is meant by ``conv2:5,3,4``?"""

import difflib
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_app.errors import MisuseError
from lightning_app.net import CLASSES

SHORT = {name: short for short, name in CLASSES.items()} | {"BatchNorm1d": "batch_norm"}


class Step(NamedTuple):
    """A layer with its input and output for the picture; ``name`` is its word in a configuration, numbered."""

    name: str
    layer: nn.Module
    x: Tensor
    y: Tensor


class Unit(NamedTuple):
    """One number that the network computes: in the output of step ``step``, at ``place`` (channel, row, column)."""

    step: int
    place: tuple[int, ...]


def trace(net: nn.Sequential, x: Tensor) -> list[Step]:
    """Every layer of the network for one scaled image (1, c, h, w)."""
    steps, seen = [], Counter()
    for layer in net:
        short = SHORT.get(type(layer).__name__, type(layer).__name__)
        seen[short] += 1
        with torch.no_grad():
            y = layer(x)
        steps.append(Step(f"{short}{seen[short]}", layer, x, y))
        x = y
    return steps


def strongest(steps: list[Step]) -> Unit:
    """The largest output of the first convolution; without one of the first linear layer, or else of the first."""
    kinds = (nn.Conv2d, nn.Linear, nn.Module)
    first = next(n for kind in kinds for n, step in enumerate(steps) if isinstance(step.layer, kind))
    y = steps[first].y[0]
    return Unit(first, tuple(int(i) for i in torch.unravel_index(y.argmax(), y.shape)))


def unit(text: str, steps: list[Step]) -> Unit:
    """The unit ``layer:channel,row,column`` (``layer:number`` in a vector); MisuseError says what there is."""
    name, _, numbers = text.partition(":")
    names = [step.name for step in steps]
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise MisuseError(f"explain: --unit {text}: no layer {name!r}, there are {', '.join(names)}{hint}")
    shape = tuple(steps[names.index(name)].y.shape[1:])
    parts = numbers.split(",")
    place = tuple(int(part) for part in parts if part.strip().isdecimal())
    if len(place) != len(parts) or len(place) != len(shape) or any(i >= n for i, n in zip(place, shape, strict=True)):
        axes = ("channel", "row", "column") if len(shape) == 3 else ("number",)
        legal = ", ".join(f"{axis} 0 to {n - 1}" for axis, n in zip(axes, shape, strict=True))
        raise MisuseError(f"explain: --unit {text}: write {name}:{','.join(axes)} with {legal}")
    return Unit(names.index(name), place)
