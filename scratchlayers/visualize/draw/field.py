"""What does one unit see? Its theoretical field as an outline, its effective one as brightness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from ..measure.field import measure
from ..measure.layers import Size
from ..picture import Frame, Picture
from .defaults import deep_net
from .grid import Cell
from .marks import Image, Line, Mark, Shape, Text, box

_SIDE = 4.0


def receptive_field(net: nn.Module | None = None, size: Size = 24, parts: Sequence[str] | None = None) -> Picture:
    """Show what the unit in the middle of each map sees: all cells it can see, and how much each of them counts.

    Args:
        net: a module; by default four 3×3 convolutions with a pooling in between, with their first weights.
        size: the input's size.
        parts: the names of parts of the net, as ``named_modules`` gives them; by default all with a window.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.field.Fields`.

    Raises:
        ValueError: if the net takes no such input, or a part has no maps.

    """
    data = measure(deep_net() if net is None else net, size, parts)
    columns = min(5, len(data.fields))
    marks: list[Mark] = []
    for n, field in enumerate(data.fields):
        x, y = 0.5 + (n % columns) * (_SIDE + 0.5), 0.5 + (n // columns) * (_SIDE + 1.5)
        h, w = field.reads.shape
        side = _SIDE / max(h, w)
        marks.append(Image(x, y, w * side, h * side, np.sqrt(field.effective), "amount"))
        marks.append(Shape(box(x, y, w * side, h * side), None, "faint", 0.8))
        marks += [
            Line(tuple((x + b * side, y + a * side) for a, b in edge), "alarm", 2.2) for edge in border(field.reads)
        ]
        rows, cols = (int(field.reads.any(axis).sum()) for axis in (1, 0))
        marks.append(Text(x + w * side / 2, y + h * side + 0.4, f"{field.part} {field.kind}".strip(), 0.36))
        marks.append(Text(x + w * side / 2, y + h * side + 0.85, f"sees {rows}×{cols}", 0.32, "soft"))
    rows = -(-len(data.fields) // columns)
    size_ = (0.5 + columns * (_SIDE + 0.5), 0.5 + rows * (_SIDE + 1.5) + 0.3)
    marks.append(
        Text(
            size_[0] / 2,
            size_[1] - 0.35,
            "outline: all it can see; colour: how much each cell counts (√ of the gradient)",
            0.32,
            "soft",
        )
    )
    return Picture(f"receptive fields of {data.net}", data, size_, (), (Frame(tuple(marks)),))


def border(cells: np.ndarray) -> list[tuple[Cell, Cell]]:
    """Return the edges, as pairs of corners, between cells that are in and cells that are not."""
    padded = np.pad(cells, 1).astype(np.int8)
    across = np.argwhere(np.diff(padded, axis=0)[:, 1:-1])
    down = np.argwhere(np.diff(padded, axis=1)[1:-1])
    edges = [((int(i), int(j)), (int(i), int(j) + 1)) for i, j in across]
    return edges + [((int(i), int(j)), (int(i) + 1, int(j))) for i, j in down]
