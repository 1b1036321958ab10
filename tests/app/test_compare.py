"""Two nets in lockstep: what is written, what agreement is, and that disagreement is noticed."""

import csv
import json
import math

import pytest
import torch

from lightning_app.compare import draw_scores, draw_steps
from lightning_app.compare.equal import answers_apart, apart
from lightning_app.compare.lockstep import Record, lockstep, worst
from lightning_app.compare.scores import scores
from lightning_app.data import digits
from lightning_app.net import build
from lightning_app.training import Recipe, Step, batches
from scratchlayers import register
from scratchlayers.contract import Backend
from scratchlayers.registry import get, unregister

NET = [
    {"conv": {"out_channels": 3, "kernel_size": 5, "stride": 3}},
    "relu",
    {"max_pool": 2},
    "flatten",
    {"linear": "classes"},
]
QUICK = ("--epochs", "1", "--data.batch_size", "481", "--loops", "1", "--name", "c")


def nets(dtype=torch.float64):
    for layers in ("scratch", "torch"):
        torch.manual_seed(0)
        yield build(layers, NET, (1, 28, 28), 10).to(dtype)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(json.dumps({"model": {"net": NET}}))
    return ("--net", str(file))


@pytest.fixture
def wrong():
    """A backend whose convolution is a thousandth too large."""
    right = get("torch").kernel("conv", "fast")

    def conv(x, w, b, grid, groups):
        return right(x, w, b, grid, groups) * 1.001

    yield register(Backend("wrong", {"conv": conv}, frozenset({"cpu"}), frozenset({torch.float32, torch.float64}))).name
    unregister("wrong")


def test_agreement_is_written_whole(app, tmp_path, config):
    outcome = app("compare", *QUICK, *config)
    assert outcome.code == 0
    assert "they agree" in outcome.out
    folder = tmp_path / "runs" / "c"
    pictures = {f"{name}.png" for name in ("losses", "gradients", "confusion", "roc", "precision_recall", "times")}
    tables = {f"{name}.csv" for name in ("steps", "times", "scores", "gradients")}
    assert {file.name for file in folder.iterdir()} == pictures | tables | {"results.json", "compare.html"}
    found = json.loads((folder / "results.json").read_text())
    assert found["agree"]
    assert max(found["checks"].values()) <= found["tol"] == 1e-10
    assert "plain loops: loss" in found["checks"]
    with (folder / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert all(float(row["difference"]) == abs(float(row["loss_scratch"]) - float(row["loss_torch"])) for row in rows)
    page = (folder / "compare.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("data:image/svg+xml") == 6


def test_disagreement_is_the_exit_code(app, tmp_path, config, wrong):
    outcome = app("compare", *QUICK, *config, "--backend", wrong)
    assert outcome.code == 1
    assert "DISAGREE" in outcome.out
    found = json.loads((tmp_path / "runs" / "c" / "results.json").read_text())
    assert not found["agree"]
    assert found["checks"]["gradients at the initial weights, relative"] > 1e-4
    assert found["checks"]["plain loops: loss"] < 1e-10


def test_what_a_backend_leaves_to_others_is_not_judged(app, tmp_path, config):
    name = register(Backend("narrow", {"conv": lambda *x: None}, frozenset({"cpu"}), frozenset({torch.float32}))).name
    try:
        outcome = app("compare", *QUICK, *config, "--backend", name)
    finally:
        unregister(name)
    assert outcome.code == 1
    assert "does not run conv in float64" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.glob("runs/*"))


def test_the_hand_written_layers_follow_torch_step_by_step():
    data, recipe = digits.load().train, Recipe(1, 300)
    ours, theirs = nets()
    record = lockstep(ours, theirs, batches(data, recipe), recipe)
    assert len(record.apart) == 5
    assert max(record.apart) < 1e-13
    assert max(max(each) for each in record.gradients.values()) < 1e-11
    assert record.losses("scratch")[-1] < record.losses("scratch")[0]
    assert answers_apart(ours, theirs, data.x[:50]) < 1e-13


def test_dropout_drops_the_same_in_both():
    data, recipe, built = digits.load().train, Recipe(1, 300), []
    for layers in ("scratch", "torch"):
        torch.manual_seed(0)
        net = [*NET[:-1], {"dropout": 0.5}, NET[-1]]
        built.append(build(layers, net, (1, 28, 28), 10).double())
    assert max(lockstep(*built, batches(data, recipe), recipe).apart) < 1e-13


def test_what_is_no_number_is_no_agreement():
    for values in ([1.0, math.nan, 2.0], [math.nan, 1.0], [1.0, math.nan]):
        assert math.isnan(worst(values))
    assert worst([]) == 0
    assert not (worst([math.nan]) <= 1.0)


def test_equal_weights_are_taken_and_nothing_is_changed():
    batch = next(batches(digits.load().train, Recipe(1, 50)))
    ours, theirs = nets()
    with torch.no_grad():
        theirs[0].weight += 1
    before = theirs[0].weight.clone()
    found = apart(ours, theirs, batch)
    assert max(found.loss, found.gradient) < 1e-13
    assert torch.equal(theirs[0].weight, before)


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["--data.dataset", "minst"], 2, "did you mean mnist?"),
        (["--backend", "numbaa"], 2, "did you mean 'numba'?"),
        (["--epochs", "0"], 2, "'0' is no whole number from 1 on"),
        (["--tolerance", "1"], 2, "did you mean --tol?"),
        (["--net", "nothere.yaml"], 1, "nothere.yaml: No such file"),
    ],
)
def test_misuse_is_one_line(app, arguments, code, hint):
    outcome = app("compare", *arguments)
    assert outcome.code == code
    assert hint in outcome.message


def test_the_drawn_losses_are_the_losses():
    steps = {
        "scratch": [Step(2.0, (1, 1, 1)), Step(1.0, (1, 2, 1))],
        "torch": [Step(2.0, (1, 1, 1)), Step(1.25, (1, 2, 1))],
    }
    record = Record(steps, {"0.weight": [0.0, 0.5]})
    both, apart = draw_steps.losses(record, 1e-3, 2).axes
    assert [list(line.get_ydata()) for line in both.lines] == [[2.0, 1.25], [2.0, 1.0]]
    assert list(apart.lines[0].get_ydata()) == [draw_steps.FLOOR, 0.25]
    along, at = draw_steps.gradients(record, {"first": {"0.weight": 0.1}, "last": {"0.weight": 0.2}}, 1e-3).axes
    assert list(along.lines[0].get_ydata()) == [draw_steps.FLOOR, 0.5]
    assert [list(line.get_xdata()) for line in at.lines[:2]] == [[0.1], [0.2]]


def test_the_drawn_matrices_are_the_counts():
    y = torch.tensor([0, 0, 1, 1])
    found = {
        "scratch": scores(torch.eye(2, dtype=torch.float64)[[0, 1, 1, 1]], y, ("a", "b")),
        "torch": scores(torch.eye(2, dtype=torch.float64)[[0, 0, 1, 1]], y, ("a", "b")),
    }
    figure = draw_scores.confusions(found, ("a", "b"))
    shown = [sorted(text.get_text() for text in axes.texts) for axes in figure.axes]
    assert shown == [["1", "1", "2"], ["2", "2"], ["1", "−1"]]
    assert figure.axes[2].get_title() == "scratch − torch: at least 1 images moved"
