import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lightning_app.data import digits

from .photo.test_read import photographed


@pytest.fixture
def sheets(tmp_path):
    """Twenty photographs of real test digits, and which digits they are."""
    test = digits.load().test
    random = np.random.default_rng(0)
    answers = {}
    for place in range(20):
        path = tmp_path / f"{place}.{'jpg' if place % 2 else 'png'}"
        photographed(test.x[place, 0].numpy(), random, dark=place % 3 == 0).save(path)
        answers[str(path)] = str(int(test.y[place]))
    return answers


def ask(app, trained, *arguments):
    return app("predict", *arguments, "--ckpt_path", trained / "checkpoints" / "best.ckpt")


def test_photographs_are_recognised(app, trained, sheets):
    outcome = ask(app, trained, *sheets, "--json")
    assert outcome.code == 0, outcome.err
    answers = [json.loads(line) for line in outcome.out.splitlines()]
    assert [answer["file"] for answer in answers] == list(sheets)
    right = sum(answer["class"] == sheets[answer["file"]] for answer in answers)
    assert right >= 17  # of 20, by a network of four short epochs
    for answer in answers:
        assert sum(answer["ranking"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["probability"] == answer["ranking"][answer["class"]] == max(answer["ranking"].values())


def test_a_line_per_file(app, trained, sheets):
    first, second = list(sheets)[:2]
    lines = ask(app, trained, first, second).out.splitlines()
    assert [line.split()[2] for line in lines] == [first, second]
    assert "%" in lines[0]


@pytest.mark.parametrize("layers", ["torch", "numpy"])
def test_any_pack_of_layers_gives_the_same_answer(app, trained, sheets, layers):
    file = next(iter(sheets))
    answers = [json.loads(ask(app, trained, file, "--json", *more).out) for more in ([], ["--model.layers", layers])]
    assert answers[0]["ranking"] == pytest.approx(answers[1]["ranking"], abs=1e-5)


def test_files_that_fail_are_named_and_the_others_answered(app, trained, sheets):
    outcome = ask(app, trained, "absent.png", next(iter(sheets)))
    assert outcome.message == "error: absent.png: no such file"
    assert len(outcome.out.splitlines()) == 1


def test_it_needs_no_trainer(trained, sheets):
    probe = "import sys; from lightning_app.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"
    command = ["predict", next(iter(sheets)), "--ckpt_path", str(trained / "checkpoints/last.ckpt")]
    done = subprocess.run(
        [sys.executable, "-c", probe, *command], capture_output=True, text=True, timeout=100, check=True
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert "torch" in modules
    assert not {"pytorch_lightning", "torchmetrics", "matplotlib", "jsonargparse"} & modules


def test_options_that_are_unknown_are_one_line(app):
    outcome = app("predict", "x.png", "--jsn")
    assert outcome.code == 2
    assert "--jsn" in outcome.message


def test_help(app):
    outcome = app("predict", "--help")
    assert outcome.code == 0
    assert "--json" in outcome.out


def test_an_image_of_another_digit_is_not_called_the_same(app, trained, tmp_path):
    test = digits.load().test
    for label in (0, 1):
        place = int((test.y == label).int().argmax())
        Image.fromarray(test.x[place, 0].numpy()).save(tmp_path / f"{label}.png")
    lines = ask(app, trained, tmp_path / "0.png", tmp_path / "1.png").out.splitlines()
    assert [line[0] for line in lines] == ["0", "1"]
