"""Which sizes are there in a net? A block for every part that changes them or has parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2

from torch import nn

from ..measure import inside
from ..measure.inside import Step
from ..measure.layers import Values
from ..measure.learned import one_bar, untrained
from ..picture import Frame, Picture
from .grid import fitted
from .inside import noise
from .marks import Line, Mark, Shape, Text, box

_BASE = 4.6  # units from the top to the blocks' feet


def architecture(net: nn.Module | None = None, x: Values | None = None) -> Picture:
    """Show the sizes in a net as blocks: as high and wide as the maps, the longer the more channels.

    Args:
        net: a module; by default the one that tells in which direction a bar points.
        x: (C, H, W) or (H, W); by default an image of 28×28.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.inside.Steps`.

    Raises:
        ValueError: if the net does not take the input.

    """
    if net is None:
        net, x = untrained(), one_bar() if x is None else x
    data = inside.measure(net, noise(net) if x is None else x)
    steps = [Step("input", "input", data.input.shape, 0, data.input), *_telling(data.steps)]
    tallest = max(step.shape[1] for step in steps if len(step.shape) == 3)
    marks: list[Mark] = []
    x0 = 0.5
    for n, step in enumerate(steps):
        if n:
            marks.append(Line(((x0 - 0.75, _BASE - 1.5), (x0 - 0.15, _BASE - 1.5)), "soft", 1.4, arrow=True))
        block, width = _block(step, x0, _BASE, tallest)
        marks += [*block, *_label(step, x0 + width / 2)]
        x0 += max(width, 2.0) + 0.95
    return Picture(f"architecture of {data.net}", data, (x0 - 0.2, _BASE + 2.1), (), (Frame(tuple(marks)),))


def _telling(steps: Sequence[Step]) -> list[Step]:
    """Leave out those that neither change the shape nor have parameters."""
    shapes = [None, *(step.shape for step in steps)]
    return [step for step, before in zip(steps, shapes, strict=False) if step.parameters or step.shape != before]


def _label(step: Step, x: float) -> Iterator[Text]:
    count = f"{step.parameters:,} parameters" if step.parameters else ""
    lines = ((step.kind, 0.36, "ink"), ("×".join(map(str, step.shape)), 0.34, "ink"), (count, 0.28, "soft"))
    for n, (words, size, colour) in enumerate(lines):
        yield Text(x, _BASE + 0.75 + 0.45 * n, words, fitted(words, 2.5, size), colour)


def _block(step: Step, x: float, base: float, tallest: int) -> tuple[list[Mark], float]:
    """A block in space, its middle 1.5 units above the base, and how wide it is."""
    channels, height, width = step.shape if len(step.shape) == 3 else (step.shape[0], 0, 0)
    if not height:
        side = 0.18
        tall = min(3.4, 0.35 + 0.42 * log2(channels + 1))
        top = base - 1.5 - tall / 2
        return [Shape(box(x + 0.9, top, side, tall), "output")], 2.0
    h, w = 3.0 * height / tallest, 1.2 * width / tallest
    deep = 0.12 + 0.22 * log2(channels + 1)
    top, slope = base - 1.5 - h / 2 + 0.3 * w, 0.55 * w
    front = ((x, top), (x + deep, top), (x + deep, top + h), (x, top + h))
    side_face = ((x + deep, top), (x + deep + w, top - slope), (x + deep + w, top - slope + h), (x + deep, top + h))
    lid = ((x, top), (x + w, top - slope), (x + deep + w, top - slope), (x + deep, top))
    return [Shape(lid, "input"), Shape(front, "input"), Shape(side_face, "input_on")], deep + w
