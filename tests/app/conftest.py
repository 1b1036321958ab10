"""The application is run in this process, in a folder of the test's own, on the digits that travel with it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from lightning_app.__main__ import main

TINY = ("--data.dataset", "digits", "--data.batch_size", "360", "--trainer.max_epochs", "2", "--model.layers", "torch")


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The one line that a known failure prints."""
        assert self.code != 0
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        return self.err.strip()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Outcome]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, of the hand-written layers on the digits. Tests only read it."""
    runs = tmp_path_factory.mktemp("runs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    size = ("--data.dataset", "digits", "--data.batch_size", "96", "--trainer.max_epochs", "4")
    assert main(["fit", *size, "--runs", str(runs), "--name", "trained"]) == 0
    torch.set_num_threads(threads)
    return runs / "trained"


@pytest.fixture(scope="session")
def results(trained: Path) -> dict:
    return json.loads((trained / "results.json").read_text())
