import gzip
import os
from pathlib import Path

import pytest

from lightning_app.data import mnist
from lightning_app.errors import AppError

from .miniature import TEST, TRAIN, write


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("inside", ["", "mnist", "MNIST/raw"])
def test_found_in_the_root_given(files, nowhere, packed, inside):
    write(nowhere / "mine" / inside, files, packed)
    images = mnist.load(mnist.locate(str(nowhere / "mine")))
    assert images.name == "mnist"
    assert images.train.x.shape == (TRAIN, 1, 28, 28)
    assert images.test.y.tolist() == list(range(TEST))


def test_the_order_is_root_variable_cache(files, nowhere, monkeypatch):
    places = [nowhere / name for name in ("root", "variable", "cache/scratchlayers")]
    monkeypatch.setenv(mnist.ROOT_VARIABLE, str(places[1]))
    for place in reversed(places):
        write(place, files)
        assert mnist.locate(str(places[0])) == place


def test_an_incomplete_folder_is_passed_over(files, nowhere):
    write(nowhere / "mine", dict(list(files.items())[:3]))
    assert mnist.locate(str(nowhere / "mine")) is None


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda data: data[:-1], "only"),
        (lambda data: data + b"x", "more found"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "SHA-256"),
        (lambda data: data + bytes(10**8), "more found"),  # packed, 100 kB
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_files_with_other_bytes_are_refused(files, nowhere, damage, why, packed):
    first = mnist.FILES[0].name
    write(nowhere, {**files, first: damage(files[first])}, packed)
    with pytest.raises(AppError, match=f"{first}.*{why}"):
        mnist.load(nowhere)


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(bytes(1000))[:-9], b"\x1f\x8b\x08" + bytes(30)],
    ids=["nothing", "another format", "cut off", "a header only"],
)
def test_broken_gzip_is_refused(files, nowhere, content):
    write(nowhere, files)
    (nowhere / f"{mnist.FILES[0].name}.gz").write_bytes(content)
    with pytest.raises(AppError, match=r"ubyte\.gz: "):
        mnist.load(nowhere)


def test_the_published_files_are_accepted():
    folder = mnist.locate(None) if mnist.ROOT_VARIABLE in os.environ else None
    if folder is None:
        pytest.skip(f"no MNIST in ${mnist.ROOT_VARIABLE}")
    images = mnist.load(Path(folder))
    assert images.train.y.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.test.x.float().mean() / 255 == pytest.approx(0.1325, abs=1e-4)
