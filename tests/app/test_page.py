"""A page holds what it shows: nothing is fetched, everything is escaped, the ink follows light and dark."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup
from matplotlib.figure import Figure

from lightning_app.figures import style
from lightning_app.page import INKS, Picture, Section, Table, environment, page, themed_svg


@pytest.fixture
def figure():
    made = Figure(figsize=(3, 2))
    made.add_subplot().set_title("a title", color=style.INK)
    return made


def test_everything_is_inside_and_escaped(figure):
    png = io.BytesIO()
    figure.savefig(png, format="png")
    blocks = ["a < b", Markup("<code>c</code>"), Table(["k", "v"], [["<x>", "1"]]), Picture(figure, 'a "quote"')]
    text = page("T & t", "lead", {"seed": "<0>"}, [Section("A part", [*blocks, Picture(png.getvalue(), "dots")])])
    assert {"T &amp; t", "&lt;0&gt;", "a &lt; b", "<code>c</code>", "<td>&lt;x&gt;</td>"} <= set(
        re.findall(r"T &amp; t|&lt;0&gt;|a &lt; b|<code>c</code>|<td>&lt;x&gt;</td>", text)
    )
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert [source.partition(";")[0].partition(",")[0] for source in sources] == [
        "data:",
        "data:image/svg+xml",
        "data:image/png",
    ]
    assert base64.b64decode(sources[2].partition("base64,")[2]) == png.getvalue()


def test_ink_follows_the_reader(figure):
    svg = themed_svg(figure)
    ElementTree.fromstring(svg)
    drawn = svg.split("</style>", 1)[1]
    assert "prefers-color-scheme:dark" in svg
    assert "var(--ink0)" in drawn
    assert not any(ink in drawn for ink in INKS)


def test_the_inks_are_those_of_the_pictures():
    assert list(INKS) == [style.INK, style.GREY, style.FAINT]


def test_a_forgotten_value_is_an_error():
    with pytest.raises(UndefinedError):
        environment().get_template("page.html").render(title="only")
