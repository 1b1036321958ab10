import pytest
from rich.console import Console

from lightning_app.screen import Bar

from .conftest import TINY


@pytest.fixture
def terminal(monkeypatch, capfd):
    """A console that takes itself for a terminal."""
    made = Console(force_terminal=True, width=100, highlight=False)
    for module in ("cli", "equipment", "screen", "results"):
        monkeypatch.setattr(f"lightning_app.{module}.console", lambda: made)
    return made


def test_a_terminal_gets_a_bar_that_reaches_the_end_and_goes_away(app, terminal):
    outcome = app("fit", *TINY, "--name", "x")
    assert outcome.code == 0, outcome.err
    assert "training" in outcome.out
    assert "8/8" in outcome.out
    assert "epoch  2/2" in outcome.out
    assert "\x1b[2K\x1b[1mtest accuracy" in outcome.out  # the bar's line is erased first


def test_the_bar_can_be_left_out(app, terminal):
    outcome = app("fit", *TINY, "--name", "x", "--trainer.enable_progress_bar", "false")
    assert outcome.code == 0
    assert "8/8" not in outcome.out


def test_a_file_gets_no_bar(app):
    outcome = app("fit", *TINY, "--name", "x")
    assert "\x1b" not in outcome.out
    assert "8/8" not in outcome.out


def test_further_processes_draw_no_bar(app, terminal, monkeypatch):
    def disabled():
        bar = Bar()
        bar.disable()  # as the trainer does in all processes but the first
        return bar

    monkeypatch.setattr("lightning_app.equipment.Bar", disabled)
    outcome = app("fit", *TINY, "--name", "x")
    assert outcome.code == 0, outcome.err
    assert "8/8" not in outcome.out


def test_names_are_printed_as_they_are(app):
    outcome = app("fit", *TINY, "--name", "[bold]x[red")
    assert outcome.code == 0, outcome.err
    assert outcome.out.rstrip().endswith("runs/[bold]x[red")
