import subprocess
import sys

import pytest
import torch

from lightning_app.__main__ import COMMANDS, HELP

HEAVY = {"torch", "numpy", "pytorch_lightning", "jsonargparse", "rich", "matplotlib", "PIL", "yaml"}


def test_help_is_one_screen_and_imports_nothing_heavy():
    probe = "import sys; from lightning_app.__main__ import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    *screen, modules = done.stdout.strip().split("\n")
    assert len(screen) <= 30
    assert "--ckpt_path" in done.stdout
    assert not HEAVY & set(modules.split())


@pytest.mark.parametrize("command", ["compare", "study", "demo", "data", "init"])
def test_help_of_a_command_has_examples_and_imports_nothing_heavy(command):
    probe = f"import sys; from lightning_app.__main__ import main; main(['{command}', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    *screen, modules = done.stdout.strip().split("\n")
    assert f"usage: scratchlab {command}" in screen[0]
    assert "examples" in screen
    assert max(map(len, screen)) <= 120
    assert not HEAVY & set(modules.split())


def test_the_help_names_every_command():
    assert all(f"  scratchlab {command}" in HELP for command in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_in_every_spelling(app, arguments):
    outcome = app(*arguments)
    assert outcome.code == 0
    assert "Examples" in outcome.out


def test_full_options_of_a_command(app):
    outcome = app("fit", "--help")
    assert outcome.code == 0
    assert "--model.layers" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["fti"], "did you mean fit?"),
        (["tset"], "did you mean test?"),
        (["blorp"], "--help"),
        (["fit", "--model.layrs", "torch"], "did you mean --model.layers?"),
        (["fit", "--trainer.max_epoch", "3"], "did you mean --trainer.max_epochs?"),
        (["fit", "--model.layers", "tensorflow"], "one of scratch, torch, numpy"),
        (["fit", "--data.dataset", "mnst"], "one of auto, mnist, digits, npz, folder"),
        (["fit", "--model.lr", "fast"], "--model.lr: Expected a float"),
        (["fit", "-c", "nothere.yaml"], "nothere.yaml"),
        (["fit", "--qqqq"], "--help"),
        (["predict"], "FILE"),
    ],
)
def test_misuse_is_one_line_with_a_hint(app, arguments, hint):
    outcome = app(*arguments)
    assert outcome.code == 2
    assert hint in outcome.message


def test_abbreviated_options_are_not_accepted(app):
    assert "did you mean --model.layers?" in app("fit", "--model.layer", "torch").message


def test_a_missing_extra_is_one_line(app, monkeypatch):
    monkeypatch.delitem(sys.modules, "lightning_app.cli", raising=False)
    monkeypatch.setitem(sys.modules, "jsonargparse", None)  # importing it now fails as if it were not installed
    monkeypatch.delitem(sys.modules, "pytorch_lightning.cli", raising=False)
    assert 'pip install "scratchlayers[app]"' in app("fit").message


def test_debug_shows_where_it_happened(app):
    with pytest.raises(Exception, match="no option --qqqq"):
        app("fit", "--qqqq", "--debug")


def test_a_missing_gpu_is_one_line(app):
    missing = "tpu" if torch.cuda.is_available() else "gpu"
    outcome = app("fit", "--data.dataset", "digits", "--trainer.accelerator", missing)
    assert outcome.code == 1
    assert missing in outcome.message.lower()
