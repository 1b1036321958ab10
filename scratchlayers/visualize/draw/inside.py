"""What is inside a net? Its filters, and what each part makes of an input."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..measure import inside
from ..measure.layers import Values, channels
from ..measure.learned import one_bar, trained, untrained
from ..picture import Frame, Picture
from .grid import Flat, number, signs
from .marks import Image, Mark, Shape, Text, box

_MOST = 8  # maps or filters in a row


def filters(net: nn.Module | None = None, *, before: nn.Module | None = None) -> Picture:
    """Show the filters of every convolution of a net, a row each, with one scale of colours in a row.

    Args:
        net: a module; by default a small one that has just learned to tell in which direction a bar points.
        before: the same net before training, drawn above each row; of the default one it is.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.inside.Filters`, or the two of them.

    Raises:
        ValueError: if there are no filters over two axes.

    """
    if net is None:
        net, before = trained(), untrained()
    nets = [inside.filters(one) for one in (before, net) if one is not None]
    when = ["before training", "after"] if before is not None else [""]
    marks: list[Mark] = []
    y = 0.4
    for n, name in enumerate(nets[-1].names):
        for found, word in zip(nets, when, strict=True):
            weight = found.weights[n]
            top = float(max(np.abs(one.weights[n]).max() for one in nets))
            title = ", ".join(filter(None, (name, word)))
            marks.append(
                Text(
                    0.4,
                    y + 0.2,
                    f"{title}: {weight.shape[0]} filters, {'×'.join(map(str, weight.shape[1:]))}{_left_out(weight)}",
                    0.34,
                    "ink",
                    "start",
                )
            )
            marks += _row([one[0] for one in weight[:_MOST]], y + 0.55, top)
            y += 3.0
    return Picture(
        "filters",
        nets[0] if len(nets) == 1 else tuple(nets),
        (0.8 + 2.3 * _MOST, y),
        (),
        (Frame(tuple(marks)),),
        unit=40,
    )


def _left_out(weight: np.ndarray) -> str:
    """Which filters, and which channels of them, are shown, if not all."""
    first = f"the first {_MOST}" if len(weight) > _MOST else ""
    channel = "their first channel" if weight.shape[1] > 1 else ""
    return f" (shown: {', '.join(filter(None, (first, channel)))})" if first or channel else ""


def _row(kernels: list[np.ndarray], y: float, top: float) -> list[Mark]:
    marks: list[Mark] = []
    for n, kernel in enumerate(kernels):
        side = 2.1 / max(kernel.shape)
        grid = Flat(0.4 + 2.3 * n, y, *kernel.shape, side)
        fill = signs(kernel, top)
        marks += grid.shapes(fill, width=0.5, note=lambda cell, k=kernel: f"{number(k[cell])}")
    return marks


def activations(net: nn.Module | None = None, x: Values | None = None) -> Picture:
    """Show what each part of a net makes of one input: maps, or numbers as a line.

    Args:
        net: a module; by default a small one that has learned to tell in which direction a bar points.
        x: (C, H, W) or (H, W); by default a bar, or noise for a net of yours.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.inside.Steps`.

    Raises:
        ValueError: if the net does not take the input.

    """
    if net is None:
        net, x = trained(), one_bar() if x is None else x
    data = inside.measure(net, noise(net) if x is None else x)
    marks: list[Mark] = [Text(0.4, 0.6, f"input {'×'.join(map(str, data.input.shape))}", 0.34, "ink", "start")]
    marks += _maps(data.input, 0.95)
    y = 3.45
    for step in data.steps:
        marks.append(
            Text(
                0.4,
                y + 0.2,
                f"{step.name} {step.kind}: {'×'.join(map(str, step.shape))}{_cut(step.output)}",
                0.34,
                "ink",
                "start",
            )
        )
        marks += _maps(step.output, y + 0.55) if step.output.ndim == 3 else _line(step.output, y + 0.55)
        y += 3.0 if step.output.ndim == 3 else 1.4 if step.output.size > 16 else 2.0
    return Picture(f"activations of {data.net}", data, (0.8 + 2.3 * _MOST, y), (), (Frame(tuple(marks)),), unit=40)


def noise(net: nn.Module) -> torch.Tensor:
    """Return an image of 28×28 for the net, always the same."""
    return torch.rand((channels(net), 28, 28), generator=torch.Generator().manual_seed(0))


def _cut(output: np.ndarray) -> str:
    return f" (shown: the first {_MOST})" if output.ndim == 3 and len(output) > _MOST else ""


def _maps(output: np.ndarray, y: float) -> list[Mark]:
    shown, top = output[:_MOST], float(np.abs(output).max()) or 1.0
    marks: list[Mark] = []
    for n, values in enumerate(shown):
        height, width = (2.1 * length / max(values.shape) for length in values.shape)
        scale = "signed" if output.min() < 0 else "amount"
        marks.append(Image(0.4 + 2.3 * n, y, width, height, values / top, scale))
        marks.append(Shape(box(0.4 + 2.3 * n, y, width, height), None, "faint", 0.8))
    return marks


def _line(output: np.ndarray, y: float) -> list[Mark]:
    flat = output.reshape(1, -1)
    width = 2.3 * _MOST - 0.2
    if flat.size > 16:
        top = float(np.abs(flat).max()) or 1.0
        return [Image(0.4, y, width, 0.6, flat / top, "signed"), Shape(box(0.4, y, width, 0.6), None, "faint", 0.8)]
    grid = Flat(0.4, y, 1, flat.size, min(1.2, width / flat.size))
    fill = signs(flat)
    return [*grid.shapes(fill), *grid.words(flat, fill)]
