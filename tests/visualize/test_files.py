"""Every picture is saved in every format, a page says the same numbers, and what cannot be done is said in a line."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from scratchlayers import nn, visualize
from scratchlayers.visualize.draw.grid import number
from scratchlayers.visualize.draw.marks import On, Shade
from scratchlayers.visualize.picture import Frame, Picture
from scratchlayers.visualize.render.page import page, plain
from scratchlayers.visualize.render.theme import THEMES, contrast, rgb

MOVING = visualize.sliding_window(nn.MaxPool2d(2), 4, style="numbers")
STILL = visualize.coverage([nn.Conv1d(1, 1, 3)], 5)
FORMATS = ("gif", "webp", "png", "apng", "svg", "html")


@pytest.mark.parametrize(("ending", "theme"), [*product(FORMATS, (None, "both")), ("png", "dark"), ("svg", "dark")])
def test_a_picture_is_saved_in_each_format(ending, theme, tmp_path):
    for picture in (MOVING, STILL):
        file = picture.save(tmp_path / "new" / f"x.{ending}", theme=theme, scale=0.5)
        assert [path.name for path in file.parent.iterdir()] == [f"x.{ending}"]
        if ending in ("svg", "html"):
            assert file.read_text("utf-8").count('class="frame"') == len(picture.frames)
            continue
        with Image.open(file) as image:
            assert getattr(image, "n_frames", 1) == len(picture.frames)
            assert image.size == tuple(round(0.5 * picture.unit * length) for length in picture.size)
            corner = image.convert("RGBA").getpixel((0, 0))
        expected = THEMES[theme or "light"].paper
        assert corner[3] == 0 if expected is None else np.abs(np.subtract(corner[:3], rgb(expected))).max() < 8


def test_moving_frames_differ_and_last_as_long_as_they_should(tmp_path):
    for ending in ("gif", "webp", "apng"):
        with Image.open(MOVING.save(tmp_path / f"x.{ending}")) as image:
            seen = []
            for frame in range(image.n_frames):
                image.seek(frame)
                image.load()
                seen.append((image.convert("RGB").tobytes(), image.info["duration"]))
        assert len({pixels for pixels, _ in seen}) == 4
        assert [duration for _, duration in seen] == [1000, 1000, 1000, 2000]


def test_an_svg_is_well_formed_follows_the_reader_and_moves(tmp_path):
    text = MOVING.save(tmp_path / "x.svg").read_text("utf-8")
    ElementTree.fromstring(text)
    assert "prefers-color-scheme:dark" in text
    assert "@keyframes" in text
    assert "prefers-color-scheme" not in MOVING.save(tmp_path / "x.svg", theme="dark").read_text("utf-8")


class Words(HTMLParser):
    """Collects the texts of each frame and of the ground, and the data."""

    def __init__(self, text):
        super().__init__()
        self.groups, self.texts, self.inside, self.scripts = [], [], None, {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "g":
            self.texts.append([])
        self.inside = (tag, dict(attrs).get("id"))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside and self.inside[0] == "text":
            self.texts[-1].append(data)
        elif self.inside and self.inside[0] == "script" and self.inside[1]:
            self.scripts[self.inside[1]] = json.loads(data)


def test_a_page_says_the_numbers_that_were_measured():
    words, data = Words(page(MOVING)), MOVING.data
    assert set(map(number, data.input.ravel())) <= set(words.texts[0])
    for order, (texts, value) in enumerate(zip(words.texts[1:], data.output.ravel(), strict=True)):
        assert texts.count(number(value)) >= 1
        assert f"= {number(value)}" in " ".join(texts)
        assert f"= {number(value)}" in words.scripts["captions"][order]
    told = words.scripts["data"]
    for field in ("input", "output", "weights", "reads"):
        np.testing.assert_allclose(told[field], getattr(data, field), atol=1e-6)


def test_a_page_needs_no_network():
    for picture in (MOVING, visualize.responses(np.random.default_rng(0).random((16, 16)))):
        text = page(picture).replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text
        assert not re.search(r"<(link|script src|img)", text)


def test_words_in_data_end_no_script():
    data = {"words": "</script><b>"}
    text = page(dataclasses.replace(STILL, data=data, title="a </title> & b"))
    assert "</script><b>" not in text
    assert Words(text).scripts["data"] == data


def test_a_notebook_gets_a_frame_of_its_own_and_a_png():
    assert MOVING._repr_html_().startswith("<iframe")
    assert "<svg" not in MOVING._repr_html_()  # escaped, so that the styles of two pictures do not mix
    assert MOVING._repr_png_().startswith(b"\x89PNG")


def test_plain_keeps_nested_data():
    @dataclasses.dataclass
    class Inner:
        a: np.ndarray

    assert plain((Inner(np.eye(2)), {(1, 2): np.float32(0.5)})) == [{"a": [[1, 0], [0, 1]]}, {"(1, 2)": 0.5}]


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_words_can_be_read_on_every_colour(theme):
    for role in set(theme.roles) - {"ink", "soft", "edge", "faint"}:
        assert contrast(theme.colour(On(role)), theme.colour(role)) >= 4.5
    for scale in ("amount", "signed"):
        for place in np.linspace(-1 if scale == "signed" else 0, 1, 41):
            ground = Shade(scale, float(place))
            assert contrast(theme.colour(On(ground)), theme.colour(ground)) >= 4.5
    if theme.paper:
        assert contrast(theme.roles["ink"], theme.paper) > 7
        assert contrast(theme.roles["soft"], theme.paper) > 4.5
    else:
        assert min(contrast(theme.roles["ink"], paper) for paper in ("#ffffff", "#0d1117")) > 3


def test_what_is_on_differs_in_lightness_from_what_is_not():
    for theme in THEMES.values():
        for role in ("input", "output", "weight"):
            assert contrast(theme.roles[role], theme.roles[f"{role}_on"]) > 1.35, (theme.name, role)


def test_numbers_are_short_and_have_a_minus_sign_proper():
    said = [number(x) for x in (0.0, -0.0, 3.0, -2.0, 0.25, 1 / 3, -123.456, 1e-9, np.inf, -np.inf)]
    assert said == ["0", "0", "3", "−2", "0.25", "0.33", "−123.5", "0", "∞", "−∞"]


def test_nothing_is_left_of_a_picture_that_could_not_be_written(tmp_path):
    broken = Picture("broken", None, (1, 1), (), (Frame((object(),)),))
    with pytest.raises(AttributeError):
        broken.save(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_saved_is_said_in_a_line(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"'x.jpg': the ending says the format, one of .gif"):
        STILL.save(tmp_path / "x.jpg")
    with pytest.raises(ValueError, match="no theme 'drak', did you mean 'dark'"):
        STILL.save(tmp_path / "x.png", theme="drak")
    with pytest.raises(ValueError, match="scale"):
        STILL.save(tmp_path / "x.png", scale=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        STILL.save(tmp_path / "file" / "x.svg")
    monkeypatch.setitem(__import__("sys").modules, "scratchlayers.visualize.render.raster", None)
    with pytest.raises(ValueError, match=r'pip install "scratchlayers\[viz\]"'):
        STILL.save(tmp_path / "x.png")
