"""How does a picture become pixels? matplotlib draws the ground once and every frame over a copy of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from PIL import Image as Pillow

from ..draw.marks import Image, Line, Mark, Shape, Text
from .theme import THEMES, Theme

if TYPE_CHECKING:
    from ..picture import Picture

_DPI = 100
_ALIGN = {"start": "left", "middle": "center", "end": "right"}


def stills(picture: Picture, theme: str, scale: float) -> Iterator[Pillow.Image]:
    """Yield the frames."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "path.simplify": False}):
        yield from _Easel(picture, THEMES[theme], scale).frames()


def still(picture: Picture, theme: str, scale: float) -> Pillow.Image:
    """Return the first frame."""
    return next(stills(picture, theme, scale))


class _Easel:
    """A canvas, and how marks are put on it."""

    def __init__(self, picture: Picture, theme: Theme, scale: float) -> None:
        self.picture, self.theme, self.scale = picture, theme, scale
        self.pixels = picture.unit * scale
        width, height = (round(length * self.pixels) for length in picture.size)
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width / self.pixels), ylim=(height / self.pixels, 0))
        self.axes.set_axis_off()
        self.figure.patch.set(facecolor=theme.paper or "none")

    def frames(self) -> Iterator[Pillow.Image]:
        self._put(self.picture.ground)
        self.canvas.draw()
        ground = self.canvas.copy_from_bbox(self.figure.bbox)
        for frame in self.picture.frames:
            self.canvas.restore_region(ground)
            for artist in self._put(frame.marks):
                self.axes.draw_artist(artist)
                artist.remove()
            yield Pillow.fromarray(np.asarray(self.canvas.buffer_rgba()).copy())

    def _put(self, marks: Iterable[Mark]) -> list[Artist]:
        """Add the marks, neighbouring shapes of one look as one artist, which is several times as fast."""
        groups = [list(group) for _, group in groupby(marks, _look)]
        return [self._artist(group, order) for order, group in enumerate(groups, 1)]

    def _artist(self, group: list[Mark], order: int) -> Artist:
        mark = group[0]
        if isinstance(mark, Shape):
            return self._shapes(group, order)
        if isinstance(mark, Line):
            return self._line(mark, order)
        return self._text(mark, order) if isinstance(mark, Text) else self._image(mark, order)

    def _shapes(self, group: list[Shape], order: int) -> Artist:
        first, colour = group[0], self.theme.colour
        look = {
            "facecolors": [colour(shape.fill) if shape.fill else "none" for shape in group],
            "edgecolors": [colour(shape.edge) if shape.edge else "none" for shape in group],
            "linestyles": (0, (3, 2)) if first.dashed else "-",
        }
        shapes = PolyCollection([shape.points for shape in group], linewidths=self._points(first.width), **look)
        shapes.set(alpha=first.opacity if first.opacity < 1 else None, zorder=order, joinstyle="round")
        return self.axes.add_collection(shapes, autolim=False)

    def _line(self, mark: Line, order: int) -> Artist:
        look = {"color": self.theme.colour(mark.colour), "linewidth": self._points(mark.width), "zorder": order}
        dash = (0, (3, 2)) if mark.dashed else "-"
        if mark.arrow:
            start, end = mark.points[0], mark.points[-1]
            head = f"-|>,head_length={4 * self.scale},head_width={2 * self.scale}"
            arrow = FancyArrowPatch(start, end, arrowstyle=head, mutation_scale=1, shrinkA=0, shrinkB=0, **look)
            return self.axes.add_patch(arrow)
        return self.axes.add_line(Line2D(*zip(*mark.points, strict=True), linestyle=dash, **look))

    def _text(self, mark: Text, order: int) -> Artist:
        look = {"fontsize": mark.size * self.pixels * 72 / _DPI, "fontweight": "bold" if mark.bold else "normal"}
        place = {"ha": _ALIGN[mark.align], "va": "center_baseline", "zorder": order}
        return self.axes.text(mark.x, mark.y, mark.words, color=self.theme.colour(mark.colour), **look, **place)

    def _image(self, mark: Image, order: int) -> Artist:
        extent = (mark.x, mark.x + mark.width, mark.y + mark.height, mark.y)
        image = AxesImage(self.axes, extent=extent, interpolation="nearest", zorder=order)
        image.set_data(self.theme.pixels(mark))
        self.axes.add_artist(image)
        return image

    def _points(self, pixels: float) -> float:
        return pixels * self.scale * 72 / _DPI


def _look(mark: Mark) -> tuple[object, ...]:
    """What shapes must share to be drawn as one artist; nothing else shares it."""
    return (mark.width, mark.dashed, mark.opacity) if isinstance(mark, Shape) else (id(mark),)
