"""The page computes what Python computes: driven in a real browser, cell by cell, for nets of every kind of layer."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lightning_app import checkpoint
from lightning_app.data import digits
from lightning_app.errors import AppError
from lightning_app.export.layers import KINDS, Block, described
from lightning_app.net import CLASSES, build
from lightning_app.photo.read import laid, read
from lightning_app.pixels import scaled
from lightning_app.predict import network

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
END = ["flatten", {"linear": "classes"}]
NETS = {
    "the main one": None,
    "convolutions": [
        {"conv": {"out_channels": 4, "kernel_size": [3, 5], "stride": [2, 1], "padding": [0, 2], "dilation": [1, 2]}},
        "leaky_relu",
        {"conv": {"out_channels": 8, "kernel_size": 3, "groups": 2, "padding": "same", "padding_mode": "reflect"}},
        "silu",
        {"conv": {"out_channels": 4, "kernel_size": 2, "padding": 1, "padding_mode": "circular", "bias": False}},
        {"conv": {"out_channels": 4, "kernel_size": 4, "padding": "full"}},
        "tanh",
        *END,
    ],
    "pooling": [
        {"max_pool": {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}},
        {"conv": [3, 3]},
        {"avg_pool": {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}},
        {"avg_pool": {"kernel_size": 2, "stride": 1, "padding": 1, "count_include_pad": False}},
        {"avg_pool": {"kernel_size": 2, "stride": 1, "divisor_override": 3}},
        {"conv": [12, 2]},
        "elu",
        "global_avg_pool",
        *END,
    ],
    "padding": [
        {"zero_pad": [[1, 2, 3, 0]]},
        {"reflection_pad": [[2, 1, 0, 3]]},
        {"constant_pad": [1, 1.5]},
        {"replication_pad": 2},
        {"circular_pad": [[1, 2, 2, 1]]},
        {"zero_pad": [[-1, 0, 0, -2]]},
        {"conv": {"out_channels": 6, "kernel_size": 5, "stride": 3}},
        "batch_norm",
        "sigmoid",
        "dropout",
        "global_max_pool",
        "flatten",
        {"linear": 7},
        "batch_norm",
        {"linear": "classes"},
    ],
}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A Chromium; in CI its absence is a failure, elsewhere a skip that says why."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        missing = "no chromium or google-chrome on the PATH: the page cannot be tested (apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open a page file; at the end nothing may have been said on the console or asked of a network."""
    pages, complaints = [], []

    def opened(path: Path, width: int = 1280, height: int = 800, scheme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


def strange(trained: Path, folder: Path, net: list) -> Path:
    """A checkpoint of ``net`` with random weights, also in the batch norms' statistics."""
    content = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    torch.manual_seed(0)
    built = build("scratch", net, (1, 28, 28), 10)
    for values in built.state_dict().values():
        if values.is_floating_point():
            values.uniform_(-0.5, 0.5)
    for name, values in built.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2)
    content["hyper_parameters"] |= {"net": net, "layers": "scratch"}
    content["state_dict"] = {f"net.{name}": value for name, value in built.state_dict().items()}
    torch.save(content, folder / "strange.ckpt")
    return folder / "strange.ckpt"


def outputs(net: nn.Sequential, pixels: np.ndarray) -> list[np.ndarray]:
    """What Python computes: the scaled image, and every layer's output."""
    x = scaled(torch.from_numpy(pixels.astype(np.uint8)).reshape(1, 1, 28, 28))
    found = [x]
    with torch.inference_mode():
        for layer in net:
            found.append(layer(found[-1]))
    return [each.double().numpy().ravel() for each in found]


def draw(page, strokes: list[list[tuple[float, float]]]) -> None:
    """With the mouse, in parts of the sheet."""
    page.click("#clear")
    sheet = page.locator("#sheet").bounding_box()
    for (x, y), *rest in strokes:
        page.mouse.move(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"])
        page.mouse.down()
        for u, v in rest:
            page.mouse.move(sheet["x"] + u * sheet["width"], sheet["y"] + v * sheet["height"], steps=4)
        page.mouse.up()
    settled(page)


def settled(page) -> None:
    """After what is drawn at the next frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def tensors(page) -> list[np.ndarray]:
    return [np.array(values) for values in page.evaluate("Draw.state.tensors.map((each) => Array.from(each.data))")]


SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]]
SMALL = [[(0.7, 0.1), (0.72, 0.3)]]
TWO_STROKES = [[(0.3, 0.1), (0.25, 0.5), (0.7, 0.5)], [(0.6, 0.3), (0.62, 0.95)]]
DOT = [[(0.5, 0.5), (0.5, 0.5)]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETS)
def test_every_layer_agrees_with_python(kind, app, trained, tmp_path, open_page):
    source = trained if NETS[kind] is None else strange(trained, tmp_path, NETS[kind])
    file = tmp_path / "draw.html"
    assert app("export-html", source, "-o", file).code == 0
    net = network(checkpoint.read(checkpoint.find(str(source), "")))
    page = open_page(file)
    for strokes in (SEVEN, TWO_STROKES):
        draw(page, strokes)
        expected = outputs(net, np.array(page.evaluate("Array.from(Draw.state.pixels)")))
        found = tensors(page)
        assert len(found) == len(expected) > 5
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
        probabilities = torch.from_numpy(expected[-1]).softmax(0)
        np.testing.assert_allclose(page.evaluate("Draw.state.probabilities"), probabilities, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strokes", [SEVEN, SMALL, TWO_STROKES, DOT], ids=["seven", "small", "two strokes", "dot"])
def test_a_drawing_is_prepared_as_python_does_it(strokes, app, trained, tmp_path, open_page):
    app("export-html", trained, "-o", tmp_path / "draw.html")
    page = open_page(tmp_path / "draw.html")
    draw(page, strokes)
    ink = page.evaluate("(({data, width, height}) => ({data: Array.from(data), width, height}))(Draw.ink())")
    grey = np.array(ink["data"], np.uint8).reshape(ink["height"], ink["width"])
    assert grey.max() == 255
    pixels = np.array(page.evaluate("Array.from(Draw.state.pixels)")).reshape(28, 28)
    np.testing.assert_array_equal(pixels, laid(grey))


@pytest.mark.slow
def test_for_another_size_a_drawing_is_resized_as_python_does_it(trained, tmp_path, app, open_page):
    content = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    content["data"]["shape"] = [1, 12, 16]
    content["hyper_parameters"]["net"] = END
    content["state_dict"] = {"net.1.weight": torch.zeros(10, 192), "net.1.bias": torch.zeros(10)}
    torch.save(content, tmp_path / "other.ckpt")
    assert app("export-html", "other.ckpt").code == 0
    page = open_page(tmp_path / "draw.html")
    draw(page, SEVEN)
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "drawing.png")
    expected = read(tmp_path / "drawing.png", [1, 12, 16]).numpy().ravel().astype(int)
    np.testing.assert_allclose(page.evaluate("Array.from(Draw.state.pixels)"), expected, atol=1)


@pytest.mark.slow
def test_the_saved_drawing_gets_the_same_answer_from_predict(app, trained, tmp_path, open_page):
    app("export-html", trained, "-o", tmp_path / "draw.html")
    page = open_page(tmp_path / "draw.html")
    for strokes in (SEVEN, SMALL, TWO_STROKES):
        draw(page, strokes)
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / "drawing.png")
        answer = json.loads(app("predict", "drawing.png", "--json", "--ckpt_path", trained).out)
        assert answer["class"] == page.inner_text("#answer")
        shown = dict(zip("0123456789", page.evaluate("Draw.state.probabilities"), strict=True))
        assert shown == pytest.approx(answer["ranking"], abs=1e-4)


@pytest.mark.slow
def test_a_number_is_the_sum_of_the_products_that_are_shown(app, trained, tmp_path, open_page):
    app("export-html", strange(trained, tmp_path, NETS["convolutions"]), "-o", tmp_path / "draw.html")
    page = open_page(tmp_path / "draw.html")
    worst = page.evaluate(
        """Math.max(...Draw.model.layers.flatMap((layer, k) => [0, 1, 2].map((c) => {
            const before = Draw.state.tensors[k], after = Draw.state.tensors[k + 1];
            const i = Math.floor(after.shape[1] / 2), j = after.shape[2] - 1;
            const { terms, bias, weighted } = Net.explained(layer, before, c, i, j);
            const total = terms.reduce((sum, term) => sum + term.x * term.weight, bias);
            return weighted ? Math.abs(total - Net.at(after, c, i, j)) : 0;
        })))"""
    )
    assert worst < 1e-4


@pytest.mark.slow
def test_pointing_at_a_cell_frames_its_window(app, trained, tmp_path, open_page):
    app("export-html", trained, "-o", tmp_path / "draw.html")
    page = open_page(tmp_path / "draw.html")
    map_of_first_layer = page.locator(".layer:nth-child(2) .map canvas").first
    place = map_of_first_layer.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    content = page.inner_text("#inspector")
    assert "Conv2d · map 0, row 7, column 7" in content
    assert "Σ of 25 products" in content
    frame = page.locator(".layer:first-child .box").bounding_box()
    picture = page.locator(".layer:first-child .map canvas").bounding_box()
    assert frame["width"] / picture["width"] == pytest.approx(5 / 28, rel=0.01)
    assert (frame["x"] - picture["x"]) / picture["width"] == pytest.approx((7 * 2 - 2) / 28, rel=0.01)
    map_of_first_layer.click(position={"x": 5, "y": 5})
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("Draw.state.cell")
    page.keyboard.press("Escape")
    assert (moved["index"], moved["c"]) == (1, 0)
    assert page.evaluate("Draw.state.cell") is None


@pytest.mark.slow
def test_a_finger_draws(app, trained, tmp_path, browser):
    app("export-html", trained, "-o", tmp_path / "draw.html", "--samples", "0")
    context = browser.new_context(viewport={"width": 800, "height": 1100}, has_touch=True)
    page = context.new_page()
    page.goto((tmp_path / "draw.html").as_uri())
    assert page.evaluate("Draw.state.pixels") is None
    assert page.inner_text("#sure") == "draw a digit"
    page.locator("#sheet").tap()
    settled(page)
    assert page.evaluate("Math.max(...Draw.state.pixels)") == 255
    page.click("#undo")
    settled(page)
    assert page.evaluate("Draw.state.pixels") is None
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 1100), (1920, 1080)])
def test_nothing_overlaps(width, height, app, trained, tmp_path, open_page):
    app("export-html", trained, "-o", tmp_path / "draw.html")
    page = open_page(tmp_path / "draw.html", width, height, "dark")
    page.evaluate("Draw.look({index: 1, c: 5, i: 3, j: 4}, true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for parts in ("body > header, aside, #maps, #inspector", ".layer", ".made > *", ".matrix", ".result > *"):
        boxes = [each.bounding_box() for each in page.locator(parts).all()]
        assert len(boxes) > 1
        for number, a in enumerate(boxes):
            for b in boxes[:number]:
                across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
                down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
                assert min(across, down) < 1, (parts, a, b)


def test_the_page_is_one_file(app, trained, tmp_path):
    outcome = app("export-html", trained, "-o", tmp_path / "pages" / "draw.html", "--samples", "3")
    assert outcome.code == 0, outcome.err
    assert str(tmp_path / "pages" / "draw.html") in outcome.out
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["draw.html"]
    text = (tmp_path / "pages" / "draw.html").read_text("utf-8")
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
    model = json.loads(re.search(r'id="model">(.*?)</script>', text)[1])
    assert len(model["samples"]) == 3
    assert model["parameters"] == 22394
    assert len(model["layers"]) == 12


def test_a_class_cannot_end_the_script(trained, tmp_path, app):
    content = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    content["data"]["classes"][3] = "</script><script>alert(1)</script>"
    torch.save(content, tmp_path / "evil.ckpt")
    assert app("export-html", "evil.ckpt").code == 0
    assert "<script>alert" not in (tmp_path / "draw.html").read_text("utf-8")


def test_weights_come_back_from_the_block():
    torch.manual_seed(0)
    net = build("scratch", NETS["convolutions"], (1, 28, 28), 10).eval()
    block = Block()
    layers = described(net, [1, 28, 28], block)
    numbers = np.frombuffer(block.bytes(), "<f4")
    place, length = layers[0]["weight"]
    np.testing.assert_array_equal(numbers[place : place + length], net[0].weight.detach().numpy().ravel())
    assert layers[-1]["shape"] == [10, 1, 1]


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.ConvTranspose2d(1, 2, 3), r"layer 1 \(ConvTranspose2d\) is none that the page can compute"),
        (nn.BatchNorm2d(1, track_running_stats=False), r"layer 1 \(BatchNorm2d\): without running statistics"),
        (nn.Linear(28, 3), r"layer 1 \(Linear\): the page needs a Flatten before it"),
        (nn.Flatten(2), r"layer 1 \(Flatten\): the page flattens all axes"),
    ],
)
def test_a_layer_that_cannot_be_shown_is_named(layer, says):
    with pytest.raises(AppError, match=says):
        described(nn.Sequential(layer).eval(), [1, 28, 28], Block())


def test_which_layers_of_a_configuration_the_page_lacks():
    assert set(CLASSES.values()) - set(KINDS) == {"ConvTranspose2d", "GELU"}


def test_colours_are_refused(trained, tmp_path, app):
    content = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    content["data"]["shape"] = [3, 28, 28]
    torch.save(content, tmp_path / "coloured.ckpt")
    assert "one draws in grey" in app("export-html", "coloured.ckpt").message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nowhere"], "no checkpoint nowhere"),
        (["--sampels", "3"], "did you mean --samples?"),
        (["--samples", "-1"], "is no whole number from 0 on"),
        (["--samples", "many"], "see scratchlab export-html --help"),
    ],
)
def test_misuse_is_one_line(app, options, says):
    assert says in app("export-html", *options).message


def test_laid_puts_a_tie_where_the_browser_does():
    """A centre of mass exactly between two pixels: whole numbers decide, and halves go to the even row."""
    strokes = np.zeros((60, 60), np.uint8)
    strokes[10:50, 29:31] = 255
    image = laid(strokes)
    assert image.sum(0).argmax() in (13, 14)
    assert digits.load().shape == image[None].shape
