"""How are the tutorials' arrays drawn? As cells with their numbers, side by side, the signs between them as text."""

from io import BytesIO

import numpy as np
from IPython.display import SVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

ORANGE = "#E69F00"  # of Okabe and Ito's colours, which are told apart by all


def shown(figure: Figure) -> SVG:
    """Return a figure as a notebook displays it."""
    data = BytesIO()
    figure.savefig(data, format="svg", bbox_inches="tight", pad_inches=0.05)
    return SVG(data.getvalue())


def row(*items, titles=(), marks=(), size=0.5) -> SVG:
    """Draw arrays (1-D or 2-D) and, between them, signs (strings). ``titles`` name the arrays.

    ``marks[i]`` are the cells (row, column) of the i-th array to put a frame around.
    """
    grids = [item if isinstance(item, str) else np.atleast_2d(np.asarray(item, float)) for item in items]
    widths = [0.9 if isinstance(g, str) else g.shape[1] for g in grids]
    tall = max(g.shape[0] for g in grids if not isinstance(g, str))
    figure = Figure(figsize=(size * (sum(widths) + 0.4), size * (tall + 1)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.2, sum(widths) + 0.2), ylim=(tall + 0.15, -0.85), aspect="equal")
    axes.set_axis_off()
    titles, marks, left = iter(titles), iter(marks), 0
    for grid, width in zip(grids, widths, strict=True):
        if isinstance(grid, str):
            axes.text(left + width / 2, tall / 2, grid, ha="center", va="center", fontsize=14)
        else:
            _cells(axes, grid, left, (tall - len(grid)) / 2, next(marks, ()))
            axes.text(left + width / 2, (tall - len(grid)) / 2 - 0.3, next(titles, ""), ha="center", fontsize=10)
        left += width
    return shown(figure)


def _cells(axes, grid, left, top, marked):
    most = np.abs(grid).max() or 1
    for (i, j), value in np.ndenumerate(grid):
        shade = 1 - 0.55 * abs(value) / most
        colour = (shade, shade**0.5, 1) if value >= 0 else (1, shade**0.5, shade)
        axes.add_patch(Rectangle((left + j, top + i), 1, 1, facecolor=colour, edgecolor="#888", linewidth=0.7))
        axes.text(left + j + 0.5, top + i + 0.5, f"{value:.3g}", ha="center", va="center", fontsize=11)
    for i, j in marked:
        frame = Rectangle((left + j + 0.06, top + i + 0.06), 0.88, 0.88, fill=False, edgecolor=ORANGE, linewidth=2.5)
        axes.add_patch(frame)
