"""What is a picture made of? Shapes, lines, words and images; their colours are roles, which a theme fills in.

Lengths are in units (one cell of a grid is one unit wide), x to the right and y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Point = tuple[float, float]
Scale = Literal["amount", "signed", "grey"]


@dataclass(frozen=True, slots=True)
class Shade:
    """A place on a scale of colours: 0 to 1, or for "signed" −1 to 1 with nothing in the middle."""

    scale: Scale
    value: float


Colour = str | Shade


@dataclass(frozen=True, slots=True)
class On:
    """The colour of words that stand on another colour: the one of the two inks that is read more easily."""

    ground: Colour


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed polygon; ``frame`` is where a page goes, and ``note`` what it says, when the mouse is over it."""

    points: tuple[Point, ...]
    fill: Colour | None
    edge: Colour | None = "edge"
    width: float = 1.0
    dashed: bool = False
    opacity: float = 1.0
    frame: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline, with a head at its end if ``arrow``; ``width`` is in pixels."""

    points: tuple[Point, ...]
    colour: Colour = "edge"
    width: float = 1.0
    dashed: bool = False
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Words around (x, y); ``size`` is the height of the letters' box in units."""

    x: float
    y: float
    words: str
    size: float = 0.36
    colour: Colour | On = "ink"
    align: Literal["start", "middle", "end"] = "middle"
    bold: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Image:
    """Values, row by row, on a scale, in the box with its upper left corner at (x, y)."""

    x: float
    y: float
    width: float
    height: float
    values: np.ndarray
    scale: Scale


Mark = Shape | Line | Text | Image


def box(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """Return the corners of a rectangle."""
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
