"""The page and the gallery in a browser: it plays, steps, answers the mouse and says the numbers."""

import shutil

import pytest

from scratchlayers import nn, visualize
from scratchlayers.__main__ import main
from scratchlayers.visualize import gallery
from scratchlayers.visualize.draw.grid import number

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium to look with")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--headless", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def errors():
    said = []
    yield said
    assert said == []


@pytest.fixture
def page(browser, errors):
    context = browser.new_context(reduced_motion="reduce", offline=True)
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("requestfailed", lambda request: errors.append(request.url))
    yield opened
    context.close()


def test_it_steps_and_says_the_sums(page, tmp_path):
    drawn = visualize.sliding_window(nn.AvgPool2d(2), 4, style="numbers")
    page.goto(drawn.save(tmp_path / "x.html").as_uri())
    for value in drawn.data.output.ravel():
        assert page.inner_text("#said").endswith(f"= {number(value)}")
        page.click("#next")
    assert page.inner_text("#count") == "1 / 4"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#count") == "4 / 4"
    assert page.evaluate("frames.filter(frame => getComputedStyle(frame).display !== 'none').length") == 1


def test_it_plays_and_pauses(page, tmp_path):
    drawn = visualize.sliding_window(nn.MaxPool2d(2), 4)
    page.goto(drawn.save(tmp_path / "x.html").as_uri())
    assert page.inner_text("#count") == "1 / 4"  # whoever wants less motion is not played to
    page.click("#play")
    page.wait_for_function("document.getElementById('count').textContent === '3 / 4'")
    page.click("#play")
    assert page.evaluate("timer") is None


def test_the_mouse_over_an_output_shows_its_window(page, tmp_path):
    drawn = visualize.sliding_window(nn.Conv2d(1, 1, 3), 5)
    page.goto(drawn.save(tmp_path / "x.html").as_uri())
    page.locator("#frame0 [data-frame='4']").hover(force=True)  # its frame goes away under the mouse
    assert page.inner_text("#count") == "5 / 9"
    assert page.inner_text("#said") == "output (1, 1) reads 9 cells"


def test_the_mouse_over_a_cell_says_what_it_is(page, tmp_path):
    page.goto(visualize.coverage([nn.Conv1d(1, 1, 3)], 5).save(tmp_path / "x.html").as_uri())
    page.locator("[data-note]").nth(1).hover(timeout=5000)
    assert page.inner_text("#said") == "2 outputs read cell (0, 1)"


def test_the_whole_gallery_is_made_and_every_picture_loads(page, tmp_path, capsys):
    assert main(["draw", "gallery", "-o", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(gallery.ALL) + 1
    page.goto((tmp_path / "index.html").as_uri())
    page.wait_for_load_state("load")
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) == len(gallery.ALL)
    assert min(widths) > 100
    for link in page.evaluate("[...document.links].map(link => link.href)"):
        page.goto(link)
        assert page.locator("svg").count() == 1
