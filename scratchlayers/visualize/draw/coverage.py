"""How often is each input cell read? A count in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..measure.coverage import measure
from ..measure.layers import Layer, Size, name
from ..picture import Frame, Picture
from .grid import amounts, together
from .panels import row


def coverage(layers: Layer | Sequence[Layer] | Mapping[str, Layer] | None = None, size: Size = 5) -> Picture:
    """Show how many outputs read each input cell, for a layer or for several side by side.

    Args:
        layers: one, several, or several by their titles; by default 3×3 convolutions with the paddings "valid", "same" and "full".
        size: the input's size: an int, or one length per axis.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.coverage.Coverage`.

    Raises:
        ValueError: if a layer takes no such input.

    """
    chosen = modes() if layers is None else layers
    data = measure(several(chosen), size)
    most = max(counts.max() for counts in data.counts)
    sizes = ["×".join(map(str, shape)) for shape in data.outputs]
    titles = [f"{title}\n{_by(c)} → {out}" for title, c, out in zip(titled(chosen), data.counts, sizes, strict=True)]
    placed = row([c.shape for c in data.counts], titles, "how many outputs read each input cell", least=3.4)
    marks = []
    for grid, counts in zip(placed.grids, data.counts, strict=True):
        fill = amounts(counts, most)
        marks += [*grid.shapes(fill, note=lambda cell, counts=counts: f"{counts[cell]} outputs read cell {cell}")]
        marks += grid.words(counts, fill)
    return Picture("coverage of input cells", data, placed.size, placed.words, (Frame(together(marks)),))


def _by(counts: np.ndarray) -> str:
    return "×".join(map(str, counts.shape if len(counts) > 1 else counts.shape[1:]))


def several(layers: Layer | Sequence[Layer] | Mapping[str, Layer]) -> list[Layer]:
    """Return a list, also of one."""
    if isinstance(layers, Mapping):
        return list(layers.values())
    return list(layers) if isinstance(layers, list | tuple) else [layers]  # type: ignore[list-item] # then it is one


def titled(layers: Layer | Sequence[Layer] | Mapping[str, Layer]) -> list[str]:
    """Return what stands above each: its key, or what the layer says of itself."""
    return list(layers) if isinstance(layers, Mapping) else list(map(name, several(layers)))


def modes() -> dict[str, Layer]:
    """Return 3×3 convolutions with the three modes of padding."""
    from ... import nn

    return {word: nn.Conv2d(1, 1, 3, padding=word, bias=False) for word in ("valid", "same", "full")}
