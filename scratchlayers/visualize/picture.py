"""What does every function of this package return? A picture: marks, the numbers behind them, and how to save it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from .draw.marks import Mark

PIXELS = 44  # of a unit


@dataclass(frozen=True)
class Frame:
    """What one step of an animation adds to the ground, and a line that says what happens in it."""

    marks: tuple[Mark, ...]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing, moving if it has several frames; in a notebook it shows itself.

    Attributes:
        title: what it shows.
        data: the numbers that were measured, which are all that is drawn.
        size: width and height in units.
        ground: the marks that all frames share.
        frames: one, or an animation's steps.
        seconds: how long each step stays.
        unit: pixels of a unit.

    """

    title: str
    data: Any
    size: tuple[float, float]
    ground: tuple[Mark, ...] = ()
    frames: tuple[Frame, ...] = field(default=(Frame(()),))
    seconds: float = 0.7
    unit: int = PIXELS

    def save(self, file: str | PathLike[str], *, theme: str | None = None, scale: float = 1.0) -> Path:
        """Write it in the format of the file's ending, whole or not at all, and return the path.

        Args:
            file: .gif, .webp, .png or .apng (which move if the picture does), .svg, or .html, a page with play, step
                and hover that needs no network.
            theme: "light", "dark", or "both", which has no ground and is read on a white and on a dark one; without
                it .svg and .html follow the reader's setting, the others are light.
            scale: enlarges the pixels of .gif, .webp and .png.

        Raises:
            ValueError: for an ending or a theme that is not known; for a package that is missing.

        """
        from .render.files import save

        return save(self, Path(file), theme, scale)

    def _repr_html_(self) -> str:
        from .render.page import page

        width, height = (round(length * self.unit) for length in self.size)
        style = f"width:100%;max-width:{width + 40}px;height:{height + 170}px;border:0"
        return f'<iframe style="{style}" srcdoc="{escape(page(self))}"></iframe>'

    def _repr_png_(self) -> bytes:
        from .render.raster import still

        file = io.BytesIO()
        still(self, "light", 1.0).save(file, "PNG")
        return file.getvalue()
