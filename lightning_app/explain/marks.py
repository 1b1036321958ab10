"""How are a map, a picture and a box around cells drawn?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Rectangle
from torch import Tensor

from lightning_app.explain.window import Box
from lightning_app.figures.style import AMOUNT, INK, ORANGE, PIXELS, SIGNED, bare

CELL_INK = "#07212b"  # on a cell's own colour, in the light and in the dark


def framed(axes: Axes, box: Box | None, colour: str = ORANGE) -> None:
    """Draw a box around cells."""
    if box:
        rows, columns = box.size
        corner = (box.left - 0.5, box.top - 0.5)
        axes.add_patch(Rectangle(corner, columns, rows, fill=False, edgecolor=colour, linewidth=2, clip_on=False))


def image(axes: Axes, values: Tensor, colours: Colormap = SIGNED, most: float | None = None) -> None:
    """A map on a scale whose middle is zero, or whose least is zero for an amount."""
    shown = values.detach().numpy()
    most = most or float(np.nanmax(np.abs(shown))) or 1.0
    axes.imshow(shown, cmap=colours, vmin=0 if colours is AMOUNT else -most, vmax=most, interpolation="none")
    bare(axes)


def picture(axes: Axes, pixels: Tensor) -> None:
    """uint8 pixels (c, h, w)."""
    axes.imshow(pixels.permute(1, 2, 0).squeeze(2).numpy(), cmap=PIXELS, vmin=0, vmax=255, interpolation="none")
    bare(axes)


def numbers(axes: Axes, values: Tensor, title: str) -> None:
    """A map with every number written into its cell."""
    image(axes, values)
    shown = values.detach().numpy()
    most = float(np.abs(shown).max()) or 1.0
    size = 10.5 if max(shown.shape) <= 5 else 8.5
    for (row, column), value in np.ndenumerate(shown):
        red, green, blue, _ = SIGNED(Normalize(-most, most)(value))
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{value:.2f}".replace("-", "−")
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=CELL_INK if light else "white")
    axes.set_title(title, fontsize=12, color=INK)
