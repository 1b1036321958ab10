"""How far do windows reach beyond the border? Three modes of padding over the same input, side by side."""

from __future__ import annotations

from ..measure.layers import Layers, Size, several, titled
from ..measure.sliding import Sliding, measure
from ..picture import Frame, Picture
from .defaults import modes
from .grid import Flat, by, cells_of, together
from .marks import Mark, Text
from .panels import row


def padding_modes(layers: Layers | None = None, size: Size = 5) -> Picture:
    """Show where the windows of several layers reach beyond the same input, and the size that comes out.

    Args:
        layers: by default 3×3 convolutions with the paddings "valid", "same" and "full".
        size: the input's size.

    Returns:
        A moving picture, a frame a window; its ``data`` is a tuple of what ``sliding_window`` measures, one a layer.

    Raises:
        ValueError: if a layer takes no such input.

    """
    chosen = modes() if layers is None else layers
    data = tuple(measure(layer, size) for layer in several(chosen))
    sizes = [f"{by(d.input, d.line)} → {by(d.output, d.line)}" for d in data]
    titles = list(map("\n".join, zip(titled(chosen), sizes, strict=True)))
    inputs = row([d.framed for d in data], titles, least=5.2, words=1.5)
    top = inputs.size[1] + 0.6
    panels = [_Panel(d, grid, top) for d, grid in zip(data, inputs.grids, strict=True)]
    ground = together(inputs.words, *(panel.still() for panel in panels))
    count = max(d.output.size for d in data)
    said = "every window of each, all from first to last; cells beyond the border are dashed"
    frames = tuple(Frame(together(*(panel.at(step / count) for panel in panels)), said) for step in range(count))
    whole = (inputs.size[0], top + max(d.output.shape[0] for d in data) + 0.5)
    return Picture("padding: valid, same, full", data, whole, ground, frames, seconds=0.35, unit=26)


class _Panel:
    """One layer: its input in the middle of a grid with room for the padding, and below it the output."""

    def __init__(self, data: Sliding, grid: Flat, top: float) -> None:
        self.data = data
        self.source = Flat(grid.x + data.padding[1][0], grid.y + data.padding[0][0], *data.input.shape)
        self.target = Flat(grid.middle[0] - data.output.shape[1] / 2, top, *data.output.shape)

    def still(self) -> tuple[Mark, ...]:
        """What does not move."""
        return together(
            self.source.shapes(None, self.data.ring, edge="soft", dashed=True),
            self.source.shapes("input"),
            Text(self.target.middle[0], self.target.y - 0.45, "↓", 0.5, "soft"),
            self.target.shapes("output"),
        )

    def at(self, share: float) -> tuple[Mark, ...]:
        """The window when that share of all has passed."""
        order = int(share * self.data.output.size + 1e-9)
        place = divmod(order, self.data.output.shape[1])
        read, outside = cells_of(self.data.reads[place]), self.data.outside[order]
        return together(
            self.source.shapes("outside_on", outside, edge="soft", dashed=True),
            self.source.shapes("input_on", read),
            self.source.around([*read, *outside], width=1.6),
            self.target.shapes("output_on", [place]),
        )
