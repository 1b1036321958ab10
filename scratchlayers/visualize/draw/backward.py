"""How does a gradient go back through a layer? Each output's share in turn, and the sum that grows from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..measure.backward import Backward, measure
from ..measure.layers import Layer, Layers, Size, Values, several, titled
from ..picture import Frame, Picture
from .defaults import convolution, pools
from .grid import Cell, Flat, amounts, by, cells_of, number, signs, together
from .marks import Text
from .panels import row


def input_gradient(layer: Layer | None = None, size: Size = 5, *, x: Values | None = None) -> Picture:
    """Show how each output's gradient is spread over the window that it came from, and how these add up.

    For a convolution each share is the filter times the output's gradient; for a maximum all of it goes to the winner.

    Args:
        layer: any layer that reads one channel; by default a 3×3 convolution.
        size: the input's size.
        x: the input, (H, W) or (L,), instead of small whole numbers.

    Returns:
        A picture with a frame an output; its ``data`` is a :class:`~scratchlayers.visualize.measure.backward.Backward`.

    Raises:
        ValueError: if the layer takes no such input.

    """
    data = measure(convolution() if layer is None else layer, size, of="input", x=x)
    titles = ["gradient of the output\n∂L/∂y", "its share\nof this output", "gradient of the input\n∂L/∂x so far"]
    return _grown(data, titles, data.input.shape, f"backward of {data.layer}, for its input")


def weight_gradient(layer: Layer | None = None, size: Size = 5, *, x: Values | None = None) -> Picture:
    """Show how each output's gradient times the window that it read adds to the gradient of the filter.

    Args:
        layer: a convolution that reads one channel; by default one of 3×3.
        size: the input's size.
        x: the input, (H, W) or (L,), instead of small whole numbers.

    Returns:
        A picture with a frame an output; its ``data`` is a :class:`~scratchlayers.visualize.measure.backward.Backward`.

    Raises:
        ValueError: if the layer takes no such input, or has no filter.

    """
    data = measure(convolution() if layer is None else layer, size, of="weight", x=x)
    titles = [
        "input x",
        "gradient of the output\n∂L/∂y",
        "its share\nof this output",
        "gradient of the weight\n∂L/∂w so far",
    ]
    return _grown(data, titles, data.parts[0].shape, f"backward of {data.layer}, for its weight")


def _grown(data: Backward, titles: Sequence[str], part: tuple[int, ...], title: str) -> Picture:
    shapes = [data.gradient.shape, part, part]
    with_input = len(titles) == 4
    placed = row([data.input.shape, *shapes] if with_input else shapes, titles, title, gap=1.2, least=3.6)
    signs_ = [
        Text((a.x + a.width + b.x) / 2, a.middle[1], word, 0.6)
        for word, a, b in zip(("·" if with_input else "→", "→", "+ ="), placed.grids, placed.grids[1:], strict=False)
    ]
    incoming, share, total = placed.grids[-3:]
    ground = together(
        placed.words,
        signs_[:-1],
        incoming.shapes("output", frames=True),
        incoming.words(data.gradient, "output"),
        *([placed.grids[0].shapes("input"), placed.grids[0].words(data.input, "input")] if with_input else []),
    )
    sums = data.parts.cumsum(0)
    frames = []
    for order, place in enumerate(np.ndindex(data.gradient.shape)):
        window = cells_of(data.reads[place])
        marks = together(
            incoming.shapes("output_on", [place]),
            incoming.words(data.gradient, "output_on", [place], bold=True),
            _shown(share, data.parts[order], float(np.abs(data.parts).max()), None if with_input else window),
            _shown(total, sums[order], float(np.abs(sums).max()), None),
            *(
                [placed.grids[0].shapes("input_on", window), placed.grids[0].words(data.input, "input_on", window)]
                if with_input
                else []
            ),
            [] if with_input else [*share.around(window), *total.around(window)],
        )
        frames.append(Frame(marks, f"output {place}: ∂L/∂y = {number(data.gradient[place])}, its share is added"))
    return Picture(title, data, placed.size, ground, tuple(frames), seconds=0.9, unit=38)


def _shown(grid: Flat, values: np.ndarray, top: float, cells: Sequence[Cell] | None):
    """Return the cells with their numbers; those that are not named are empty."""
    fill = signs(values, top)
    named = grid.cells() if cells is None else cells
    return together(grid.shapes("cell"), grid.shapes(fill, named), grid.words(values, fill, named))


def pool_gradient(layers: Layers | None = None, size: Size = 4, *, x: Values | None = None) -> Picture:
    """Show where layers send the same gradient: a maximum to the cell that won, an average to all, in equal parts.

    Args:
        layers: by default 2×2 pooling by maximum and by average.
        size: the input's size.
        x: the input, (H, W) or (L,), instead of small whole numbers.

    Returns:
        A picture; its ``data`` is a tuple of :class:`~scratchlayers.visualize.measure.backward.Backward`, one a layer.

    Raises:
        ValueError: if a layer takes no such input.

    """
    chosen = pools() if layers is None else layers
    data = tuple(measure(layer, size, of="input", x=x) for layer in several(chosen))
    first = data[0]
    if any(d.gradient.shape != first.gradient.shape for d in data):
        made = ", ".join(f"{d.layer}: {by(d.gradient)}" for d in data)
        raise ValueError(f"layers that are given one gradient have outputs of one size, not {made}")
    titles = ["input\nx", "gradient of the output\n∂L/∂y", *(f"{title}\n∂L/∂x" for title in titled(chosen))]
    placed = row([first.input.shape, first.gradient.shape, *(d.input.shape for d in data)], titles, gap=1.1, least=3.4)
    grids = placed.grids
    top = max(float(np.abs(d.gradient).max()) for d in data)
    fill = amounts(first.gradient, top)
    marks = [
        *grids[0].shapes("cell"),
        *grids[0].words(first.input, "cell"),
        *grids[1].shapes(fill),
        *grids[1].words(first.gradient, fill),
    ]
    for grid, d in zip(grids[2:], data, strict=True):
        total = d.parts.sum(0)
        fill = amounts(total, top)
        marks += [*grid.shapes(fill), *grid.words(total, fill)]
    for grid, d in zip((grids[0], *grids[2:]), (first, *data), strict=True):
        windows = [cells_of(d.reads[place]) for place in np.ndindex(d.gradient.shape)]
        marks += [frame for window in windows for frame in grid.around(window)]
    return Picture("the gradient through pooling", data, placed.size, placed.words, (Frame(tuple(marks)),))
