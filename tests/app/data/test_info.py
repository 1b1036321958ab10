"""What `data info` says of data that are here, are not here, and are not what they should be."""

import gzip
import json

import numpy as np
import pytest

from lightning_app.data import mnist


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    monkeypatch.delenv(mnist.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_built_in_digits(app):
    outcome = app("data", "info", "--data.dataset", "digits", "--json")
    found = json.loads(outcome.out)["digits"]
    assert found["training images"] + found["test images"] == 1797
    assert sum(each["training"] for each in found["classes"].values()) == 1442
    assert len(found["files"]["digits.npz"]["sha256"]) == 64


def test_what_is_not_here_says_what_would_be_downloaded(app, nothing, tmp_path):
    outcome = app("data", "info")
    assert outcome.code == 0
    assert "mnist: not here" in outcome.out
    assert "train-images-idx3-ubyte.gz" in outcome.out
    assert "https://" in outcome.out
    found = json.loads(app("data", "info", "--json").out)["mnist"]
    assert found["into"] == str(tmp_path / "cache" / "scratchlayers" / "mnist")
    assert not (tmp_path / "cache").exists()


def test_a_wrong_file_is_named_and_is_the_exit_code(app, nothing, tmp_path):
    for file in mnist.FILES:
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(bytes(file.size), 1))
    outcome = app("data", "info", "--data.dataset", "mnist", "--data.root", tmp_path)
    assert outcome.code == 1
    assert "wrong" in outcome.out
    assert "SHA-256" in outcome.out


def test_images_of_ones_own(app, tmp_path):
    np.savez(tmp_path / "own.npz", x_train=np.zeros((20, 6, 5), np.uint8), y_train=np.arange(20) % 2)
    found = json.loads(app("data", "info", "--data.dataset", "npz", "--data.root", tmp_path / "own.npz", "--json").out)[
        "npz"
    ]
    assert found["image"] == "1 × 6 × 5"
    assert found["classes"] == {"0": {"training": 8, "test": 2}, "1": {"training": 8, "test": 2}}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["inf"], "did you mean info?"),
        (["info", "--data.dataset", "digit"], "did you mean digits?"),
        (["info", "--data.dataset", "npz"], "needs --data.root"),
    ],
)
def test_misuse_is_one_line(app, arguments, hint):
    assert hint in app("data", *arguments).message
