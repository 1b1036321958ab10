import time

import pytest

from lightning_app.data import choose, mnist
from lightning_app.errors import AppError

from .miniature import write


def test_auto_takes_mnist_where_it_is(files, nowhere):
    write(nowhere, files)
    choose.prepare("auto", str(nowhere))
    assert choose.load("auto", str(nowhere)).name == "mnist"


def test_auto_offline_takes_the_digits_says_so_once_and_is_quick(nowhere, capsys):
    start = time.perf_counter()
    choose.prepare("auto", None)
    assert choose.load("auto", None).name == "digits"
    assert time.perf_counter() - start < 5
    (line,) = capsys.readouterr().out.strip().split("\n")
    assert "built-in digits" in line


def test_mnist_offline_says_what_to_do(nowhere):
    with pytest.raises(AppError) as caught:
        choose.prepare("mnist", None)
    for part in ("127.0.0.1:9", "t10k-labels-idx1-ubyte.gz", mnist.ROOT_VARIABLE, "--data.dataset digits", "cache"):
        assert part in str(caught.value)


def test_mnist_that_is_not_here_names_the_places(nowhere):
    with pytest.raises(AppError, match="looked in"):
        choose.load("mnist", str(nowhere))


@pytest.mark.parametrize("name", ["digits", "npz", "folder"])
def test_the_network_is_asked_for_mnist_only(nowhere, name, monkeypatch):
    monkeypatch.setattr(choose.download, "fetch", lambda folder: pytest.fail("asked the network"))
    choose.prepare(name, None)


@pytest.mark.parametrize("name", ["npz", "folder"])
def test_own_data_need_a_place(name):
    with pytest.raises(AppError, match=f"--data.dataset {name} needs --data.root"):
        choose.load(name, None)
