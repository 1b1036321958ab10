"""A run that is stopped and resumed ends exactly where one that was never stopped ends."""

import json
import signal
from pathlib import Path

import pytest
import torch

from lightning_app.data.batches import Shuffled
from lightning_app.model import Classifier

from .conftest import TINY

NET = "[{conv: [4, 5]}, batch_norm, relu, {dropout: 0.3}, {max_pool: 4}, flatten, {linear: classes}]"
OPTIONS = (*TINY[:4], "--trainer.max_epochs", "3", "--model.net", NET, "--seed_everything", "7", "--model.lr", "0.02")


def checkpoint(name: str, which: str = "last") -> dict:
    return torch.load(Path("runs", name, "checkpoints", f"{which}.ckpt"), weights_only=True)


def results(name: str) -> dict:
    content = json.loads(Path("runs", name, "results.json").read_text())
    return {key: value for key, value in content.items() if key != "training_seconds"}


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


@pytest.fixture
def stopped(app, monkeypatch):
    """A run of three epochs whose power fails in the middle of the second; returns the app."""
    step = Classifier.training_step

    def failing(self, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (1, 2):
            raise OSError("power failure")
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "training_step", failing)
        with pytest.raises(OSError, match="power failure"):
            app("fit", *OPTIONS, "--name", "stopped")
    return app


def resume(app, *options: str):
    return app("fit", "--ckpt_path", "runs/stopped/checkpoints/last.ckpt", *options)


def test_resuming_is_exact_and_needs_no_option_again(stopped):
    outcome = resume(stopped)
    assert outcome.code == 0, outcome.err
    assert "after epoch 1 of 3" in outcome.out
    assert stopped("fit", *OPTIONS, "--name", "whole").code == 0
    resumed, whole = checkpoint("stopped"), checkpoint("whole")
    for part in ("state_dict", "optimizer_states", "hyper_parameters", "global_step", "epoch", "data"):
        assert equal(resumed[part], whole[part]), part
    rows = [[row["train_loss"] for row in c["callbacks"]["History"]["epochs"]] for c in (resumed, whole)]
    assert rows[0] == rows[1]
    assert equal(checkpoint("stopped", "best")["state_dict"], checkpoint("whole", "best")["state_dict"])
    assert Path("runs/stopped/metrics.csv").read_text() == Path("runs/whole/metrics.csv").read_text()
    assert results("stopped") == results("whole")


def test_it_would_not_be_exact_without_the_epoch_in_the_order(stopped, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Shuffled, "set_epoch", lambda self, epoch: None)
        assert resume(stopped).code == 0
    assert stopped("fit", *OPTIONS, "--name", "whole").code == 0
    assert not equal(checkpoint("stopped")["state_dict"], checkpoint("whole")["state_dict"])


def test_more_epochs_and_another_rate_are_obeyed(stopped):
    assert resume(stopped, "--trainer.max_epochs", "4", "--model.lr", "0.001").code == 0
    resumed = checkpoint("stopped")
    assert resumed["epoch"] == 3
    assert resumed["hyper_parameters"]["lr"] == 0.001
    assert resumed["optimizer_states"][0]["param_groups"][0]["lr"] < 0.001


def test_a_finished_run_is_not_resumed(stopped):
    message = resume(stopped, "--trainer.max_epochs", "1").message
    assert "has 1 epochs of 1" in message
    assert "--trainer.max_epochs 2" in message


def test_a_resumed_run_keeps_its_folder(stopped):
    assert "goes on in runs/stopped; leave out --name" in resume(stopped, "--name", "other").message


def test_whoever_stops_it_is_told_how_to_go_on(app, monkeypatch):
    def stopping(self, batch, batch_idx):
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    step = Classifier.training_step
    monkeypatch.setattr(Classifier, "training_step", stopping)
    handler = signal.getsignal(signal.SIGINT)
    outcome = app("fit", *OPTIONS, "--name", "x")
    signal.signal(signal.SIGINT, handler)  # Lightning ignores further interrupts
    assert outcome.code == 1
    assert outcome.out.endswith("go on with: scratchlab fit --ckpt_path runs/x/checkpoints/last.ckpt\n")
    assert Path("runs/x/config.yaml").is_file()
