"""A study trains what is missing and only that, and claims no more than its seeds show."""

import csv
import json

import numpy as np
import pytest
import torch

from lightning_app.data import digits
from lightning_app.data.images import Labelled
from lightning_app.net import build
from lightning_app.study import cell, draw, work
from lightning_app.study.command import NAMES
from lightning_app.study.equivariance import equivariance
from lightning_app.study.studies import STUDIES, Study, Variant, conv
from lightning_app.study.summary import Summary, advantage, summaries, tolerance, verdict

NET = ("flatten", {"linear": "classes"})
TINY = Study(
    "Does it work?", "size", (Variant("a", 1, NET), Variant("a", 2, NET), Variant("b", 1, NET, crop=10)), "It does."
)


def summary(name: str, accuracies: list[float], value: int | str = "") -> Summary:
    return Summary(Variant(name, value, NET), accuracies, {-4: (0.2, 0.1), 0: (0.9, 0), 4: (0.4, 0.1)}, 1, 2, "28", 3.0)


@pytest.fixture
def tiny(monkeypatch):
    for name in STUDIES:
        monkeypatch.setitem(STUDIES, name, lambda: TINY)


def test_every_study_of_the_command_exists_and_its_nets_can_be_built():
    assert tuple(STUDIES) == NAMES
    for made in STUDIES.values():
        study = made()
        assert len({variant.name for variant in study.variants}) == len(study.variants)
        for variant in study.variants:
            side = 28 - 2 * variant.crop
            for layers in ("scratch", "torch"):
                assert build(layers, list(variant.net), (1, side, side), 10)


def test_what_is_done_is_not_done_again(app, tmp_path, tiny, monkeypatch):
    runs = []
    measure = cell.measure
    monkeypatch.setattr(work.cell, "measure", lambda *given: runs.append(given[:2]) or measure(*given))
    assert app("study", "stride", "--seeds", "2", "--steps", "1").code == 0
    assert len(runs) == 6
    cells = tmp_path / "runs" / "study-stride-digits" / "cells"
    (cells / "a-2-1.json").write_text("{ half a file")
    outcome = app("study", "stride", "--seeds", "3", "--steps", "1")
    assert [(variant.value, seed) for variant, seed in runs[6:]] == [(2, 1), (1, 2), (2, 2), (1, 2)]
    assert "9 trainings of 1 steps; 5 of them were there already" in outcome.out
    app("study", "stride", "--seeds", "2", "--steps", "2")
    assert len(runs) == 16


def test_other_data_of_the_same_name_and_other_layers_are_measured_anew(app, tmp_path, tiny):
    draw = np.random.default_rng(0)
    for folder in ("a", "b"):
        x, y = draw.integers(0, 255, (60, 28, 28), dtype=np.uint8), np.arange(60) % 10
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "t.npz", x_train=x, y_train=y, x_test=x, y_test=y)

    def again(folder, *words):
        """Whether all trainings were there already."""
        data = ("--data.dataset", "npz", "--data.root", tmp_path / folder / "t.npz")
        outcome = app("study", "stride", "--seeds", "2", "--steps", "1", *data, *words)
        assert outcome.code == 0, outcome.err
        return "6 of them were there already" in outcome.out

    assert [again("a"), again("a"), again("b"), again("b")] == [False, True, False, True]
    assert [again("b", "--model.layers", "torch"), again("b")] == [False, True]


def test_a_study_leaves_its_tables_its_picture_and_a_page(app, tmp_path, tiny):
    outcome = app("study", "kernel", "--seeds", "2", "--steps", "1", "--model.layers", "torch", "--name", "mine")
    folder = tmp_path / "runs" / "mine"
    assert {file.name for file in folder.iterdir()} == {"cells", "cells.csv", "study.csv", "study.png", "study.html"}
    with (folder / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    result = json.loads((folder / "cells" / "b-1-0.json").read_text())["result"]
    assert result["parameters"] == 8 * 8 * 10 + 10
    assert result["macs"] == 8 * 8 * 10
    assert "Best: " in outcome.out


def test_threads_are_given_back(app, tiny):
    torch.set_num_threads(2)
    app("study", "kernel", "--seeds", "2", "--steps", "1", "--model.layers", "torch")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["kernl"], "did you mean kernel?"),
        ([], "STUDY"),
        (["shift", "--seeds", "1"], "'1' is no whole number from 2 on"),
        (["shift", "--seed", "3"], "did you mean --seeds?"),
    ],
)
def test_misuse_is_one_line(app, arguments, hint):
    outcome = app("study", *arguments)
    assert outcome.code == 2
    assert hint in outcome.message


def test_multiplications_and_sizes_are_those_of_the_layers():
    net = build(
        "scratch", [*conv(4, 5, stride=2, padding=2), {"max_pool": 2}, "flatten", {"linear": 3}], (1, 28, 28), 3
    )
    x = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    assert cell.macs(net, x) == 14 * 14 * 25 * 4 + 7 * 7 * 4 * 3
    assert cell.sizes(net, x) == "28 → 14 → 7"


@pytest.mark.parametrize("wanted", [1, 12, 14])
def test_as_many_steps_are_trained_as_were_asked_for(monkeypatch, wanted):
    seen = []
    step = cell.Learner.step
    monkeypatch.setattr(cell.Learner, "step", lambda self, batch: seen.append(batch.progress) or step(self, batch))
    cell.measure(TINY.variants[0], 0, digits.load(), "torch", wanted)
    assert seen == [number / wanted for number in range(wanted)]


def test_a_variant_may_want_fewer_images_and_gets_others_with_another_seed():
    some = Labelled(torch.arange(50).view(50, 1, 1, 1), torch.arange(50))
    first, again, other = (cell._some(some, 5, seed).y.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 5
    sizes = [each.value for each in work.fitting(STUDIES["data-size"]().variants, 1442) if each.line == "CNN"]
    assert sizes == [30, 100, 300, 1000, 1442]


def test_a_difference_within_the_spread_is_not_called_one():
    close = verdict([summary("x", [0.90, 0.94]), summary("y", [0.91, 0.92])])
    assert "Best: x" in close
    assert "Not told apart from it, within 2 standard errors: y." in close
    assert "All others are worse" in verdict([summary("x", [0.97, 0.98]), summary("y", [0.11, 0.12])])
    lines = [summary("CNN", [0.96, 0.98], 30), summary("MLP", [0.90, 0.94], 30), summary("CNN", [1.0, 1.0], 9)]
    assert advantage(lines, "CNN", "MLP").endswith(": 30 images +5.0 ± 2.2.")
    assert "x 30%" in tolerance([summary("x", [0.9, 0.9])])


def test_summaries_are_means_and_spreads():
    result = {"shifted": {"0": 0.5}, "parameters": 1, "macs": 2, "sizes": "", "step_ms": 1.0}
    variant = Variant("a", 1, NET)
    (found,) = summaries([(variant, {"accuracy": a, **result}) for a in (0.5, 0.7, 0.9)])
    assert found.accuracy == pytest.approx(0.7)
    assert found.spread == pytest.approx(0.2)


def test_the_drawn_points_are_the_means():
    found = [summary("a", [0.8, 0.9], 1), summary("a", [0.9, 1.0], 3), summary("b", [0.5, 0.7], 1)]
    axes = draw.over_values(TINY, found).axes[0]
    assert [list(line.get_ydata()) for line in (bars[0] for bars in axes.containers)] == [
        pytest.approx([0.85, 0.95]),
        pytest.approx([0.6]),
    ]
    axes = draw.over_shifts(TINY, found[:1]).axes[0]
    assert list(axes.containers[0][0].get_xdata()) == [-4, 0, 4]
    assert list(axes.containers[0][0].get_ydata()) == [0.2, 0.9, 0.4]


@pytest.mark.parametrize("layers", ["scratch", "torch"])
def test_maps_follow_a_move_by_a_multiple_of_the_stride(layers):
    torch.manual_seed(0)
    net = build(layers, [*conv(4, 5, padding=2), {"max_pool": 2}, *conv(4, 3, padding=1), *NET], (1, 28, 28), 10)
    errors = equivariance(net, digits.load().test.x[:20])
    assert max(errors["1 Conv2d"].values()) < 1e-5
    assert max(errors[layer][move] for layer in ("4 MaxPool2d", "5 Conv2d") for move in (2, 4)) < 1e-5
    assert min(errors[layer][1] for layer in ("4 MaxPool2d", "5 Conv2d")) > 0.1
