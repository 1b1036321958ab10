"""The command ``draw``: all pictures, in the formats that they claim, and errors of one line."""

import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest
import torch

from scratchlayers import nn, visualize
from scratchlayers.__main__ import main
from scratchlayers.visualize import gallery
from scratchlayers.visualize.command import picture
from scratchlayers.visualize.spoken import layer
from scratchlayers.visualize.table import ENTRIES

SMALL = {
    "padding-modes": ["--size", "3"],
    "padding-values": ["--size", "3"],
    "receptive-field": ["--size", "8"],
    "kernels": ["--kernels", "sobel_x,box"],
    "responses": ["--kernels", "sobel_x"],
    "shapes": ["--size", "5", "--kernels", "1-3", "--strides", "1,2"],
}


def test_every_picture_has_an_entry():
    others = {"KERNELS", "Picture"}
    assert {entry.function for entry in ENTRIES} == set(visualize.__all__) - others


@cache
def small(entry):
    return picture([entry.name, *SMALL.get(entry.name, [])])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_picture_is_drawn(entry, tmp_path):
    drawn = small(entry)
    assert (len(drawn.frames) > 1) == entry.moves
    for ending in ("gif", "webp", "png", "svg", "html"):
        file = replace(drawn, frames=drawn.frames[:2]).save(tmp_path / f"x.{ending}", theme="dark", scale=0.5)
        assert file.stat().st_size > 500


def test_the_command_writes_and_says_where(tmp_path, capsys):
    file = tmp_path / "x.svg"
    assert main(["draw", "coverage", "--size", "3", "--theme", "dark", "-o", str(file)]) == 0
    assert capsys.readouterr().out == f"written to {file}\n"
    assert file.read_text("utf-8") == visualize.coverage(size=3).save(tmp_path / "y.svg", theme="dark").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_no_words_and_no_cells_lie_outside_of_a_picture(entry):
    drawn = small(entry)
    width, height = drawn.size
    for mark in [*drawn.ground, *(mark for frame in drawn.frames for mark in frame.marks)]:
        if hasattr(mark, "points"):
            places = mark.points
        elif hasattr(mark, "words"):
            half = 0.27 * mark.size * len(mark.words)
            left = {"start": 0, "middle": half, "end": 2 * half}[mark.align]
            places = [(mark.x - left, mark.y - mark.size / 2), (mark.x + 2 * half - left, mark.y + mark.size / 2)]
        else:
            places = [(mark.x, mark.y), (mark.x + mark.width, mark.y + mark.height)]
        assert all(-0.01 <= x <= width + 0.01 and -0.01 <= y <= height + 0.01 for x, y in places), mark


def test_the_gallery_holds_every_picture_and_a_page(tmp_path, monkeypatch, capsys):
    assert {shown.words.split()[0] for shown in gallery.ALL} == {entry.name for entry in ENTRIES}
    monkeypatch.setattr(
        gallery, "ALL", [shown for shown in gallery.ALL if shown.stem in ("coverage", "sliding_window_max")]
    )
    assert main(["draw", "gallery", "-o", str(tmp_path / "all")]) == 0
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert names == {
        *("coverage.html", "coverage_light.png", "coverage_dark.png", "index.html"),
        *("sliding_window_max.html", "sliding_window_max_light.gif", "sliding_window_max_dark.gif"),
    }
    out = capsys.readouterr().out
    assert "2/2 coverage" in out
    assert str(tmp_path / "all" / "index.html") in out
    text = (tmp_path / "all" / "index.html").read_text("utf-8")
    assert all(name in text for name in names - {"index.html"})


def test_alone_it_lists_the_pictures(capsys):
    assert main(["draw"]) == 0
    out = capsys.readouterr().out
    assert all(entry.name in out for entry in ENTRIES)
    assert "gallery" in out


MINE = """
import torch

class Net(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(3, 1, 3)

NET = Net()
"""


def test_layers_are_said_as_in_python_or_loaded(tmp_path):
    assert type(layer("Conv2d(1, 1, 3, stride=2)")) is nn.Conv2d
    assert type(layer("torch.nn.MaxPool2d(2)")) is torch.nn.MaxPool2d
    assert layer("Conv1d(1, 1, (3,), padding='full')").padding == (2,)
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    drawn = picture(["sliding-window", "--layer", f"{path}:NET", "--size", "4x5"])
    assert drawn.data.output.shape == (2, 3)
    assert type(layer(f"{path}:Net")).__name__ == "Net"
    assert picture(["filters", "--net", f"{path}:Net"]).data.weights[0].shape == (1, 3, 3, 3)
    assert picture(["activations", "--net", f"{path}:Net", "--size", "6"]).data.input.shape == (3, 6, 6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slidingwindow"], "no picture 'slidingwindow', did you mean 'sliding-window'"),
        (["coverage"], "required: -o/--output"),
        (["coverage", "-o", "x.jpg"], "the ending says the format"),
        (["coverage", "--layer", "Conv2b(1, 1, 3)", "-o", "x.png"], "did you mean 'Conv2d'"),
        (["coverage", "--layer", "Conv2d(1, 1)", "-o", "x.png"], "Conv2d(1, 1): "),
        (["coverage", "--layer", "Conv2d(1, 1, open('x'))", "-o", "x.png"], "write it as in Python"),
        (["coverage", "--layer", "os.system('true')", "-o", "x.png"], "there is no layer"),
        (["coverage", "--layer", "conv2d", "-o", "x.png"], "did you mean 'Conv2d'"),
        (["coverage", "--layer", "missing.py:NET", "-o", "x.png"], "there is no file missing.py"),
        (["coverage", "--size", "a", "-o", "x.png"], "--size"),
        (["coverage", "--size", "2", "--layer", "Conv2d(1, 1, 3)", "-o", "x.png"], "over an input of 2×2"),
        (["sliding-window", "--style", "numbers", "--layer", "Conv2d(2, 1, 3)", "-o", "x.gif"], "of one channel"),
        (["weight-gradient", "--layer", "MaxPool2d(2)", "-o", "x.gif"], "has no filter"),
        (["im2col", "--layer", "Conv2d(2, 1, 3)", "-o", "x.gif"], "one channel to one"),
        (["responses", "--kernels", "sobel", "-o", "x.png"], "did you mean 'sobel_"),
        (["responses", "--photo", "missing.jpg", "-o", "x.png"], "missing.jpg cannot be read as a photograph"),
        (["receptive-field", "--parts", "9", "-o", "x.png"], "no maps come out of 9"),
        (["shapes", "--size", "0", "-o", "x.png"], "from 1"),
        (["coverage", "--theme", "drak", "-o", "x.png"], "dark"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["draw", *words]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert len(err.splitlines()) == 1
    assert not out
    assert not list(tmp_path.iterdir())


def test_only_saving_needs_the_drawing_packages():
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['PIL'] = None\n"
        "import scratchlayers; from scratchlayers import nn\n"
        "p = scratchlayers.visualize.coverage([nn.MaxPool2d(2)], 4); p.save(sys.argv[1] + '/x.svg')\n"
        "try: p.save(sys.argv[1] + '/x.png')\n"
        "except ValueError as why: sys.exit('scratchlayers[viz]' not in str(why))\n"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        assert subprocess.run([sys.executable, "-c", code, folder], check=False).returncode == 0


def test_what_takes_long_says_so(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("scratchlayers.visualize.command.PATIENCE", 0.0)
    assert main(["draw", "kernels", "-o", str(tmp_path / "kernels.png")]) == 0
    seen = capfd.readouterr()
    assert seen.err == "drawing kernels, some seconds ...\n"
    assert "written to" in seen.out
