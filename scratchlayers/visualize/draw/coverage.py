"""How often is each input cell read? A count in every cell."""

from __future__ import annotations

from ..measure.coverage import measure
from ..measure.layers import Layer, Layers, Size, several, titled
from ..picture import Frame, Picture
from .defaults import modes
from .grid import amounts, by, together
from .panels import row


def coverage(layers: Layer | Layers | None = None, size: Size = 5) -> Picture:
    """Show how many outputs read each input cell, for a layer or for several side by side.

    Args:
        layers: one, several, or several by their titles; by default 3×3 convolutions with the paddings "valid",
            "same" and "full".
        size: the input's size: an int, or one length per axis.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.coverage.Coverage`.

    Raises:
        ValueError: if a layer takes no such input.

    """
    chosen = modes() if layers is None else layers
    data = measure(several(chosen), size)
    most = max(counts.max() for counts in data.counts)
    titles = [
        f"{title}\n{by(c, len(out) == 1)} → {'×'.join(map(str, out))}"
        for title, c, out in zip(titled(chosen), data.counts, data.outputs, strict=True)
    ]
    placed = row([c.shape for c in data.counts], titles, "how many outputs read each input cell", least=3.4)
    marks = []
    for grid, counts in zip(placed.grids, data.counts, strict=True):
        fill = amounts(counts, most)
        marks += [*grid.shapes(fill, note=lambda cell, counts=counts: f"{counts[cell]} outputs read cell {cell}")]
        marks += grid.words(counts, fill)
    return Picture("coverage of input cells", data, placed.size, placed.words, (Frame(together(marks)),))
