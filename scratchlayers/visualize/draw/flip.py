"""What is the difference between convolution and cross-correlation? One turns the filter by 180° first."""

from __future__ import annotations

from ..measure.flip import measure
from ..measure.layers import Layer, Size, Values
from ..picture import Frame, Picture
from .defaults import counted
from .grid import Flat, signs, together
from .marks import Line, Mark, Text


def flip(layer: Layer | None = None, size: Size = 5, *, x: Values | None = None) -> Picture:
    """Show what a layer makes of an input with its filter, and with the filter turned by 180°.

    The layers that are called convolutions compute the first, cross-correlation; the second is what mathematics calls
    a convolution. Of a single 1 the second gives the filter itself, the first the filter turned.

    Args:
        layer: a convolution of one channel to one; by default 3×3 with the numbers 1 to 9.
        size: the input's size.
        x: the input, (H, W), instead of one 1 among zeros.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.flip.Flip`.

    Raises:
        ValueError: for another kind of layer, or if it takes no such input.

    """
    data = measure(counted() if layer is None else layer, size, x)
    h, w = data.input.shape
    kh, kw = data.weight.shape
    p, q = data.correlation.shape
    tall = max(kh, p) + 1.5
    source = Flat(0.5, 0.9 + tall - h / 2 - 0.4, h, w)
    marks: list[Mark] = [source.title("input x"), *source.shapes("input"), *source.words(data.input, "input")]
    kernels, middle = [], source.x + w + 2.2
    words = (
        ("cross-correlation", "y[p] = Σ x[p + t] · w[t]", data.weight, data.correlation),
        ("convolution", "y[p] = Σ x[p − t] · w[t]", data.turned, data.convolution),
    )
    for n, (title, formula, weight, out) in enumerate(words):
        y = 1.3 + n * (tall + 0.5)
        kernel = Flat(middle, y + (tall - 1.5 - kh) / 2, kh, kw)
        result = Flat(middle + kw + 1.6, y + (tall - 1.5 - p) / 2, p, q)
        kernels.append(kernel)
        fill = signs(out)
        centre = (kernel.x + result.x + q) / 2
        marks += [
            Text(centre, y - 0.75, f"{title}:  {formula}", 0.36),
            *kernel.shapes("weight"), *kernel.words(weight, "weight"),
            Text((kernel.x + kw + result.x) / 2, kernel.middle[1], "→", 0.6),
            *result.shapes(fill), *result.words(out, fill),
            Line(((source.x + w + 0.3, source.middle[1]), (kernel.x - 0.3, kernel.middle[1])), "soft", 1.4, arrow=True),
        ]  # fmt: skip
    marks += _turn(kernels[0], kernels[1])
    size_ = (middle + kw + 1.6 + q + 1.0, 1.3 + 2 * tall)
    return Picture("cross-correlation and convolution", data, size_, (), (Frame(together(marks)),))


def _turn(upper: Flat, lower: Flat) -> list[Mark]:
    """An arrow from the filter to the turned one."""
    x = upper.middle[0]
    start, end = (x, upper.y + upper.height + 0.15), (x, lower.y - 1.05)
    return [
        Line((start, end), "weight_on", 2.0, arrow=True),
        Text(x + 0.25, (start[1] + end[1]) / 2, "turned by 180°", 0.32, "soft", "start"),
    ]
