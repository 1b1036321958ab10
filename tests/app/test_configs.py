"""The files in configs/: each is understood, and mnist.yaml says what the code does when nothing is asked for."""

from pathlib import Path

import pytest
import yaml

from lightning_app import cli
from lightning_app.console import quiet
from lightning_app.net import build

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))


@pytest.fixture
def parsed(monkeypatch):
    """The options of a command line, as a dictionary."""

    def parse(*arguments, default_config=cli.DEFAULT_CONFIG):
        monkeypatch.setattr(cli, "DEFAULT_CONFIG", default_config)
        monkeypatch.setattr(cli.CLI, "instantiate_classes", lambda self: None)
        monkeypatch.setattr(cli.CLI, "_run_subcommand", lambda self, name: None)
        with quiet():
            options = cli.CLI(["fit", *map(str, arguments)]).config.fit.as_dict()
        return {name: value for name, value in options.items() if name not in ("config", "__default_config__")}

    return parse


def test_there_are_some():
    assert {file.stem for file in FILES} >= {"mnist", "digits", "numpy", "ddp_cpu", "debug"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_says_what_it_says(parsed, file):
    options = parsed("-c", file)

    def compare(said, understood):
        for name, value in said.items():
            if isinstance(value, dict):
                compare(value, understood[name])
            else:
                assert understood[name] == value, name

    compare(yaml.safe_load(file.read_text()), options)


def test_mnist_yaml_is_the_default_of_the_code(parsed, tmp_path):
    assert cli.DEFAULT_CONFIG == CONFIGS / "mnist.yaml"
    assert parsed(default_config=tmp_path / "installed without it") == parsed("-c", CONFIGS / "mnist.yaml")


def test_mnist_yaml_is_read_in_a_checkout(parsed, tmp_path):
    changed = tmp_path / "mnist.yaml"
    changed.write_text((CONFIGS / "mnist.yaml").read_text().replace("lr: 0.01", "lr: 0.5"))
    assert parsed(default_config=changed)["model"]["lr"] == 0.5


def test_typed_beats_file_beats_default(parsed, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("model: {lr: 0.3, warmup: 0.1}")
    options = parsed("-c", mine, "--model.lr", "0.7")["model"]
    assert (options["lr"], options["warmup"], options["layers"]) == (0.7, 0.1, "scratch")


def test_one_seed_is_for_everything(parsed):
    assert parsed("--seed_everything", "5")["data"]["seed"] == 5


def test_the_loops_train(app):
    quick = ["--trainer.limit_train_batches", "2", "--trainer.max_epochs", "1", "--trainer.limit_val_batches", "1"]
    outcome = app("fit", "-c", CONFIGS / "numpy.yaml", "--name", "x", *quick)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("numpy layers")


def test_lenet_has_its_published_size():
    entries = yaml.safe_load((CONFIGS / "lenet.yaml").read_text())["model"]["net"]
    assert sum(p.numel() for p in build("scratch", entries, (1, 28, 28), 10).parameters()) == 61_706
