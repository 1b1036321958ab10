"""How does a page hold everything that it shows? One HTML file: style, pictures and tables inside, light and dark.

A page is a title, a lead, a few facts and sections; a section is a title and blocks: paragraphs (str; `Markup` where it
is HTML), `Picture` and `Table`. A page with more than that extends ``templates/page.html`` (see `environment`).
"""

import base64
import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {b"\x89PNG": "image/png", b"GIF8": "image/gif", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
# the colours of figures/style.py that say "ink", not "data", in the light and in the dark
INKS = {"#073642": "#dbe4e6", "#657b83": "#93a4a9", "#dfe5e6": "#2b3d44"}


class Picture(NamedTuple):
    """A picture: a matplotlib Figure, the bytes of an image file, or its path. ``alt`` says what is seen."""

    source: "Figure | bytes | Path"
    alt: str
    caption: str = ""
    wide: bool = True


class Table(NamedTuple):
    """Rows under a head. Numbers come as text, already rounded; the first column names the row."""

    head: list[str]
    rows: list[list[str]]
    caption: str = ""


class Section(NamedTuple):
    """A part of a page."""

    title: str
    blocks: "list[str | Picture | Table]"

    @property
    def anchor(self) -> str:
        """The section's place in the page's address."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


def page(title: str, lead: str, facts: dict[str, str], sections: list[Section], **more: Any) -> str:
    """The whole page as text, which names no other file and no other machine."""
    values = {"title": title, "lead": lead, "facts": facts, "sections": sections, **more}
    return environment().get_template("page.html").render(values)


@cache
def environment() -> Environment:
    """The templates; everything is escaped unless it is `Markup`, and a name left out is an error."""
    made = Environment(
        loader=PackageLoader("lightning_app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["data_uri"] = data_uri
    made.tests["picture"] = lambda block: isinstance(block, Picture)
    made.tests["table"] = lambda block: isinstance(block, Table)
    made.tests["paper"] = lambda picture: isinstance(picture.source, (bytes, Path))
    return made


def data_uri(source: "Figure | bytes | Path") -> Markup:
    """The picture itself as an address. A Figure becomes an SVG whose ink follows the reader's light or dark."""
    content = source.read_bytes() if isinstance(source, Path) else source
    if not isinstance(content, bytes):
        return _encoded("image/svg+xml", themed_svg(content).encode())
    kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), "image/svg+xml")
    return _encoded(kind, content)


def themed_svg(figure: "Figure") -> str:
    """The figure on no ground, its ink (`INKS`) changed where dark is preferred."""
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context({"svg.hashsalt": "scratchlab"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    svg = out.getvalue()
    names = {ink: f"var(--ink{number})" for number, ink in enumerate(INKS)}
    for ink, name in names.items():
        svg = svg.replace(ink, name)
    light, dark = (";".join(f"--ink{n}:{c}" for n, c in enumerate(colours)) for colours in (INKS, INKS.values()))
    style = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return svg.replace("<defs>", f"{style}<defs>", 1)


def _encoded(kind: str, content: bytes) -> Markup:
    return Markup(f"data:{kind};base64,{base64.b64encode(content).decode()}")
