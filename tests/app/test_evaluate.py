"""`validate` and `test`: of trained weights only, and with what was typed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_app import net

from .conftest import TINY


@pytest.fixture
def runs(trained, tmp_path):
    """A copy of the trained run, as runs/trained, the latest."""
    shutil.copytree(trained.parent, tmp_path / "runs", symlinks=True)
    return tmp_path / "runs"


def test_the_best_checkpoint_of_the_latest_run_is_taken_and_named(app, runs, results):
    outcome = app("test")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(f"test accuracy {results['test_accuracy']:.2%} on 355 digits images · scratch layers")
    assert "runs/trained/checkpoints/best.ckpt" in outcome.out
    written = json.loads((runs / "trained/test.json").read_text())
    assert written["confusion_matrix"] == results["confusion_matrix"]


def test_validate_says_what_it_measured(app, runs):
    outcome = app("validate", "--ckpt_path", "last")
    assert outcome.code == 0, outcome.err
    assert "144 digits validation images · scratch layers · runs/trained/checkpoints/last.ckpt" in outcome.out
    written = json.loads((runs / "trained/validate.json").read_text())
    assert f"{written['val_accuracy']:.2%}" in outcome.out
    assert written["dataset"] == "digits"


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_random_weights_are_never_evaluated(app, command):
    message = app(command, *(["x.png"] if command == "predict" else [])).message
    assert "no finished run in runs" in message
    assert "--ckpt_path" in message


@pytest.mark.parametrize("command", ["fit", "test", "validate"])
def test_a_missing_checkpoint_lists_those_there_are(app, runs, command):
    message = app(command, "--ckpt_path", "nothere.ckpt").message
    assert "no checkpoint nothere.ckpt; there are: runs/" in message
    assert "runs/trained/checkpoints/last.ckpt" in message


def test_what_is_typed_beats_the_checkpoint(app, runs, results, monkeypatch):
    built = []
    original = net.build

    def build(layers, *arguments):
        built.append(original(layers, *arguments))
        return built[-1]

    monkeypatch.setattr("lightning_app.model.build", build)
    outcome = app("test", "--model.layers", "torch")
    assert "torch layers" in outcome.out
    assert {type(layer).__module__.split(".")[0] for layer in built[0]} == {"torch"}
    written = json.loads((runs / "trained/test.json").read_text())
    assert (written["layers"], written["confusion_matrix"]) == ("torch", results["confusion_matrix"])


def test_what_is_not_typed_comes_from_the_checkpoint_not_from_the_defaults(app):
    small = "[{conv: [4, 5]}, relu, {max_pool: 4}, flatten, {linear: classes}]"
    assert app("fit", *TINY, "--model.net", small, "--data.validation", "0.5", "--name", "small").code == 0
    outcome = app("validate")
    assert outcome.code == 0, outcome.err
    assert "of 721 digits validation images · torch layers" in outcome.out


def test_weights_that_do_not_fit_are_one_line(app, runs):
    message = app("test", "--model.net", "[flatten, {linear: classes}]").message
    assert "weights do not fit the network asked for by --model.net" in message


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04rubbish"])
@pytest.mark.parametrize("command", ["test", "predict", "fit"])
def test_a_broken_checkpoint_is_one_line(app, tmp_path, content, command):
    (tmp_path / "x.ckpt").write_bytes(content)
    files = ["x.png"] if command == "predict" else []
    assert "x.ckpt: not a readable checkpoint" in app(command, *files, "--ckpt_path", "x.ckpt").message


def test_another_programs_checkpoint_is_one_line(app, tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "x.ckpt")
    assert "x.ckpt: not a checkpoint of lightning_app" in app("test", "--ckpt_path", "x.ckpt").message


class Exploding:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("command", ["test", "predict", "fit"])
def test_nothing_in_a_checkpoint_is_executed(app, tmp_path, command):
    torch.save({"state_dict": Exploding()}, tmp_path / "x.ckpt")
    files = ["x.png"] if command == "predict" else []
    assert "not a readable checkpoint" in app(command, *files, "--ckpt_path", "x.ckpt").message
    assert not Path("exploded").exists()
