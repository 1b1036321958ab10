"""What `fit` does and leaves behind, and the traps of Lightning's command line that must not catch anyone."""

import csv
import json
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from lightning_app.data.module import DataModule
from lightning_app.model import Classifier
from lightning_app.schedule import one_cycle

from .conftest import TINY

RESULT_KEYS = {"dataset", "test_accuracy", "layers", "classes", "training_seconds", "versions", "parameters", "seed"}


def read(run):
    return json.loads(Path(run, "results.json").read_text())


def rows(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_folder_is_complete(trained):
    assert {path.name for path in trained.iterdir()} - {"tensorboard"} == {
        "config.yaml",
        "metrics.csv",
        "results.json",
        "confusion_matrix.png",
        "learning_curves.png",
        "feature_maps.png",
        "checkpoints",
    }
    assert {path.name for path in (trained / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert (trained.parent / "latest").resolve() == trained.resolve()


def test_it_learns(results):
    assert results["test_accuracy"] > 0.9


def test_results_say_what_was_done(results):
    assert set(results) >= RESULT_KEYS
    assert (results["dataset"], results["layers"], results["seed"], results["epochs"]) == ("digits", "scratch", 0, 4)
    assert set(results["versions"]) == {"python", "torch", "pytorch-lightning", "torchmetrics", "numpy"}
    assert results["training_seconds"] > 0


def test_results_agree_with_their_confusion_matrix(results):
    confusion = torch.tensor(results["confusion_matrix"])
    right = confusion.diagonal()
    assert confusion.sum() == results["test_images"] == 355
    assert results["test_accuracy"] == pytest.approx(float(right.sum() / confusion.sum()), abs=1e-6)
    for place, row in enumerate(results["classes"].values()):
        assert row["images"] == confusion[place].sum()
        assert row["recall"] == pytest.approx(float(right[place] / confusion[place].sum()), abs=1e-6)
        assert row["precision"] == pytest.approx(float(right[place] / confusion[:, place].sum()), abs=1e-6)


@pytest.mark.parametrize("name", ["confusion_matrix", "learning_curves", "feature_maps"])
def test_pictures_are_pictures(trained, name):
    with Image.open(trained / f"{name}.png") as image:
        assert min(image.size) > 500
        assert len(image.convert("L").getcolors()) > 50


def test_checkpoints_name_their_data(trained):
    for name in ("best", "last"):
        content = torch.load(trained / "checkpoints" / f"{name}.ckpt", weights_only=True)
        assert content["data"]["name"] == "digits"
        assert content["data"]["classes"] == list("0123456789")


def test_the_saved_configuration_runs_again(app, trained, results):
    again = app("fit", "-c", trained / "config.yaml", "--runs", "again", "--name", "x")
    assert again.code == 0, again.err
    assert read("again/x")["confusion_matrix"] == results["confusion_matrix"]


def test_the_screen_is_quiet(app):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = app("fit", *TINY, "--name", "x")
    assert outcome.code == 0
    assert outcome.err == ""
    header, *epochs, summary = outcome.out.strip().split("\n")
    assert header.startswith("torch layers · 22,394 parameters · digits (1,797 images, built in) · cpu, 1 thread")
    assert [line.split()[1] for line in epochs] == ["1/2", "2/2"]
    assert summary.startswith("test accuracy ")
    assert summary.endswith("runs/x")
    assert [str(warning.message) for warning in caught] == []


def test_the_rate_moves_at_every_step(trained):
    rates = [(int(row["step"]), float(row["lr"])) for row in rows(trained) if row["lr"]]
    assert len(rates) >= 5
    steps = 4 * 14
    assert [rate for _, rate in rates] == pytest.approx([0.01 * one_cycle(step / steps, 0.25) for step, _ in rates])


def test_epochs_are_never_a_thousand(app, monkeypatch):
    monkeypatch.setattr(DataModule, "epochs", 3)
    assert app("fit", *TINY[:4], "--model.layers", "torch", "--name", "x").code == 0
    assert read("runs/x")["epochs"] == 3
    assert "max_epochs: 3" in Path("runs/x/config.yaml").read_text()


def test_a_limit_in_steps_is_kept(app):
    options = [*TINY[:4], "--model.layers", "torch", "--trainer.max_steps", "6"]
    assert app("fit", *options, "--name", "x").code == 0
    content = torch.load("runs/x/checkpoints/last.ckpt", weights_only=True)
    assert content["global_step"] == 6


def test_an_existing_run_is_not_written_over(app, tmp_path):
    (tmp_path / "runs/x").mkdir(parents=True)
    (tmp_path / "runs/x/mine.txt").write_text("precious")
    assert "runs/x exists; take another --name" in app("fit", *TINY, "--name", "x").message
    assert (tmp_path / "runs/x/mine.txt").read_text() == "precious"


def test_trying_the_loops_saves_nothing(app, tmp_path):
    outcome = app("fit", *TINY, "--trainer.fast_dev_run", "true")
    assert outcome.code == 0
    assert "nothing is saved" in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_images_of_ones_own(app, tmp_path):
    for name, shade in (("dark", 30), ("light", 220)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(15):
            Image.new("RGB", (20, 16), (shade + number, shade, shade)).save(tmp_path / "mine" / name / f"{number}.png")
    net = "[{conv: [4, 3]}, relu, {max_pool: 2}, flatten, {linear: classes}]"
    options = ["--data.dataset", "folder", "--data.root", "mine", "--model.net", net, "--trainer.max_epochs", "20"]
    assert app("fit", *options, "--name", "x").code == 0
    results = read("runs/x")
    assert (results["dataset"], list(results["classes"]), results["test_accuracy"]) == ("mine", ["dark", "light"], 1.0)
    answer = app("predict", "mine/light/3.png", "--runs", "runs")
    assert answer.out.startswith("light ")


def test_a_net_that_cannot_be_built_is_one_line(app):
    message = app("fit", *TINY, "--model.net", "[{conv: [4, 99]}, flatten, {linear: classes}]").message
    assert "layer 1 (conv)" in message


def test_bad_values_are_one_line(app):
    assert "--data.batch_size 0: must be at least 1" in app("fit", *TINY, "--data.batch_size", "0").message


def test_labels_may_be_smoothed_and_other_optimizers_used(app):
    options = ["--model.optimizer", "sgd", "--model.label_smoothing", "0.1", "--trainer.fast_dev_run", "true"]
    assert app("fit", *TINY, *options).code == 0
    assert isinstance(_optimizer("sgd"), torch.optim.SGD)
    assert isinstance(_optimizer("adamw"), torch.optim.AdamW)


def _optimizer(name):
    model = Classifier(optimizer=name)
    model.net = torch.nn.Linear(1, 1)
    return model.configure_optimizers()


def test_without_validation_the_last_epoch_is_tested(app):
    options = ["--trainer.max_epochs", "-1", "--trainer.max_steps", "3"]
    outcome = app("fit", *TINY, *options, "--name", "x")
    assert outcome.code == 0, outcome.err
    assert read("runs/x")["epochs"] == 1


def test_epochs_that_are_not_validated_claim_no_accuracy(app):
    options = ["--trainer.max_epochs", "3", "--trainer.check_val_every_n_epoch", "2"]
    outcome = app("fit", *TINY, *options, "--name", "x")
    assert outcome.code == 0, outcome.err
    assert ["validation" in line for line in outcome.out.split("\n")[1:4]] == [False, True, False]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--trainer.max_epochs", "0"], "nothing was trained"),
        (["--trainer.overfit_batches", "1"], "use --trainer.limit_train_batches"),
        (["--name", "a/b"], "a name, not a path"),
        (["--runs", "file/x"], "cannot be made"),
        (["--trainer.callbacks", "{class_path: EarlyStopping, init_args: {monitor: nothere}}"], "nothere"),
        (["--data.dataset", "npz"], "needs --data.root"),
        (["--data.dataset", "folder", "--data.root", "nothere"], "one per class"),
    ],
)
def test_what_cannot_be_done_is_one_line(app, tmp_path, options, why):
    (tmp_path / "file").write_text("")
    outcome = app("fit", *TINY, *options)
    assert outcome.code == 1
    assert why in outcome.message


def test_two_runs_in_one_second_do_not_collide(app, tmp_path):
    for _ in range(2):
        assert app("fit", *TINY, "--trainer.max_epochs", "1").code == 0
    assert len([path for path in (tmp_path / "runs").iterdir() if path.name != "latest"]) == 2


def test_a_seed_left_to_chance_is_told_and_written_down(app):
    outcome = app("fit", *TINY, "--seed_everything", "true", "--name", "x")
    seed = read("runs/x")["seed"]
    assert f"seed {seed}" in outcome.out
    assert f"seed_everything: {seed}" in Path("runs/x/config.yaml").read_text()


@pytest.mark.parametrize("every", [0, 4, 1000])
def test_what_an_epoch_ends_with_can_be_monitored(app, every):
    """Also where no step of the epoch is written to the loggers."""
    stop = json.dumps(
        {"class_path": "EarlyStopping", "init_args": {"monitor": "train_loss", "stopping_threshold": 99.0}}
    )
    assert app("fit", *TINY, "--trainer.log_every_n_steps", every, "--trainer.callbacks+", stop).code == 0
    assert read("runs/latest")["epochs"] == 1
