"""How does a picture become SVG? Classes carry the colours of both themes; style alone makes it move."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from ..draw.marks import Colour, Image, Line, Mark, On, Shape, Text
from .theme import THEMES, Theme

if TYPE_CHECKING:
    from ..picture import Picture

_FONT = "font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif"


def svg(picture: Picture, theme: str | None = None) -> str:
    """Return a file that plays by itself."""
    pen = Pen(picture, theme)
    body = pen.body()
    return pen.opened(pen.style() + _playing(picture)) + body + "</svg>\n"


class Pen:
    """Writes marks; remembers which colours it used."""

    def __init__(self, picture: Picture, theme: str | None) -> None:
        self.picture = picture
        self.themes = [THEMES[theme]] if theme else [THEMES["light"], THEMES["dark"]]
        self.classes: dict[tuple[str, Colour | On], str] = {}

    def opened(self, style: str, extra: str = "") -> str:
        """Return the opening tag, the title and the style."""
        width, height = (length * self.picture.unit for length in self.picture.size)
        title = escape(self.picture.title)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        return f'{head} width="{width:g}" height="{height:g}"{extra}><title>{title}</title><style>{style}</style>\n'

    def body(self) -> str:
        """Return the ground and a group a frame."""
        width, height = (length * self.picture.unit for length in self.picture.size)
        paper = f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n'
        groups = [
            f'<g class="frame" id="frame{n}"{self._delay(n)}>{self.marks(frame.marks)}</g>\n'
            for n, frame in enumerate(self.picture.frames)
        ]
        return f"{paper}<g>{self.marks(self.picture.ground)}</g>\n{''.join(groups)}"

    def style(self) -> str:
        """Return the rules for the colours that were used; the second theme's hold where the reader prefers dark."""
        light, *dark = [self._rules(theme) for theme in self.themes]
        common = f"text{{{_FONT};dominant-baseline:central}}image{{image-rendering:pixelated}}"
        return common + light + "".join(f"@media(prefers-color-scheme:dark){{{rules}}}" for rules in dark)

    def marks(self, marks: Iterable[Mark]) -> str:
        """Return them one after the other."""
        return "".join(map(self._mark, marks))

    def _mark(self, mark: Mark) -> str:
        if isinstance(mark, Shape):
            return self._shape(mark)
        if isinstance(mark, Line):
            return self._line(mark)
        return self._text(mark) if isinstance(mark, Text) else self._image(mark)

    def _shape(self, mark: Shape) -> str:
        names = [self._class("fill", mark.fill), self._class("stroke", mark.edge)]
        extra = ' stroke-dasharray="4 3"' * mark.dashed
        extra += f' stroke-width="{mark.width:g}"' if mark.width != 1 and mark.edge else ""
        extra += f' opacity="{mark.opacity:g}"' if mark.opacity != 1 else ""
        extra += f' data-frame="{mark.frame}"' if mark.frame is not None else ""
        extra += f' data-note="{escape(mark.note)}"' if mark.note else ""
        return f'<polygon class="{" ".join(names)}" points="{self._points(mark.points)}"{extra}/>'

    def _line(self, mark: Line) -> str:
        extra = f' stroke-width="{mark.width:g}"' + ' stroke-dasharray="4 3"' * mark.dashed
        stroke = self._class("stroke", mark.colour)
        line = f'<polyline class="none {stroke}" points="{self._points(mark.points)}"{extra}/>'
        return line + (self._head(mark) if mark.arrow else "")

    def _head(self, mark: Line) -> str:
        (x0, y0), (x1, y1) = mark.points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1
        along, across = 6 / self.picture.unit, 3 / self.picture.unit
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - along * dx, y1 - along * dy)
        sides = [(back[0] - across * dy, back[1] + across * dx), (back[0] + across * dy, back[1] - across * dx)]
        return f'<polygon class="{self._class("fill", mark.colour)}" points="{self._points(((x1, y1), *sides))}"/>'

    def _text(self, mark: Text) -> str:
        unit = self.picture.unit
        anchor = f' text-anchor="{mark.align}"' if mark.align != "start" else ""
        weight = ' font-weight="bold"' * mark.bold
        place = f'x="{mark.x * unit:.7g}" y="{mark.y * unit:.7g}" font-size="{mark.size * unit:.3g}"'
        fill = self._class("fill", mark.colour)
        return f'<text class="{fill}" {place}{anchor}{weight}>{escape(mark.words)}</text>'

    def _image(self, mark: Image) -> str:
        unit = self.picture.unit
        place = " ".join(f'{name}="{getattr(mark, name) * unit:.7g}"' for name in ("x", "y", "width", "height"))
        places = [theme.pixels(mark) for theme in self.themes]
        names = ["day", "night"] if len(places) > 1 and (places[0] != places[1]).any() else [""]
        return "".join(
            f'<image class="{name}" {place} preserveAspectRatio="none" href="{_embedded(pixels)}"/>'
            for name, pixels in zip(names, places, strict=False)
        )

    def _class(self, what: str, colour: Colour | On | None) -> str:
        if colour is None:
            return "none" if what == "fill" else ""
        return self.classes.setdefault((what, colour), f"{what[0]}{len(self.classes)}")

    def _rules(self, theme: Theme) -> str:
        used = "".join(f".{name}{{{what}:{theme.colour(c)}}}" for (what, c), name in self.classes.items())
        day = ("inline", "none") if theme is self.themes[0] else ("none", "inline")
        shown = f".day{{display:{day[0]}}}.night{{display:{day[1]}}}"
        return f".none{{fill:none}}.paper{{fill:{theme.paper or 'none'}}}{shown}{used}"

    def _points(self, points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{x * self.picture.unit:.7g},{y * self.picture.unit:.7g}" for x, y in points)

    def _delay(self, number: int) -> str:
        many = len(self.picture.frames) > 1
        return f' style="animation-delay:{number * self.picture.seconds:g}s"' if many else ""


def _playing(picture: Picture) -> str:
    """The rules that show each group for its share of a round."""
    count = len(picture.frames)
    if count == 1:
        return ""
    round_ = f"animation:play {count * picture.seconds:g}s step-end infinite"
    steps = f"0%{{visibility:visible}}{100 / count:.6g}%{{visibility:hidden}}"
    return f".frame{{visibility:hidden;{round_}}}@keyframes play{{{steps}}}"


def _embedded(pixels) -> str:
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
