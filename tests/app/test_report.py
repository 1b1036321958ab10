"""A report holds what the runs' folders hold, and its means and spreads are those of the numbers in them."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from lightning_app.report.draw import comparison
from lightning_app.report.record import Record, records
from lightning_app.report.spread import differing, groups


def another(trained: Path, folder: Path, accuracy: float, **settings: object) -> Path:
    """A copy of a run, with another test accuracy and other settings (``__`` for a dot)."""
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    results = json.loads((folder / "results.json").read_text())
    config = yaml.safe_load((folder / "config.yaml").read_text())
    results |= {"test_accuracy": accuracy, "seed": settings.get("seed_everything", 0)}
    for name, value in settings.items():
        *path, last = name.split("__")
        part = config
        for key in path:
            part = part[key]
        part[last] = value
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture
def several(trained, tmp_path) -> list[Path]:
    """Three runs that differ by their seed, and one with another rate."""
    return [
        another(trained, tmp_path / "a", 0.98, seed_everything=0, data__seed=0),
        another(trained, tmp_path / "b", 0.99, seed_everything=1, data__seed=1),
        another(trained, tmp_path / "c", 0.97, seed_everything=2, data__seed=2),
        another(trained, tmp_path / "slow", 0.9, model__lr=1e-4),
    ]


def of(paths: list[Path]) -> list[Record]:
    found, problems = records([str(path) for path in paths], "")
    assert problems == []
    return found


def test_runs_that_differ_by_their_seed_are_one_group(several):
    first, second = groups(of(several))
    assert [run.name for run in first.runs] == ["a", "b", "c"]
    assert first.mean == pytest.approx(np.mean([0.98, 0.99, 0.97]))
    assert first.deviation == pytest.approx(np.std([0.98, 0.99, 0.97], ddof=1))
    assert first.accuracy == "98.00 ± 1.00 % (mean and standard deviation of 3)"
    assert (second.label, second.accuracy) == ("slow", "90.00%")


def test_what_differs_is_named_with_its_values(several):
    changed = differing(of(several))
    assert changed["model.lr"] == ["0.01", "0.01", "0.01", "0.0001"]
    assert changed["seed_everything"] == ["0", "1", "2", "0"]
    assert set(changed) == {"model.lr", "seed_everything", "data.seed"}


def test_the_curve_is_the_metrics(trained):
    (run,) = of([trained])
    place, accuracy = run.curve("val_accuracy")
    assert place == pytest.approx([1, 2, 3, 4])
    text = (trained / "metrics.csv").read_text().splitlines()
    column = text[0].split(",").index("val_accuracy")
    assert accuracy == [float(line.split(",")[column]) for line in text[1:] if line.split(",")[column]]


def test_the_comparison_draws_every_run(several):
    runs = of(several)
    curves, dots = comparison(runs, groups(runs)).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in curves.lines}
    assert drawn == {run.name: run.curve("val_accuracy")[1] for run in runs}
    accuracies = [list(line.get_xdata()) for line in dots.lines if line.get_marker() == "o"]
    assert accuracies == [[0.98, 0.99, 0.97], [0.9]]
    assert 0.98 in [float(x) for line in dots.lines if line.get_marker() == "D" for x in line.get_xdata()]


def test_the_page_has_everything_inside(app, several, tmp_path):
    outcome = app("report", *several, "-o", "pages/all.html")
    assert outcome.code == 0, outcome.err
    assert "98.00 ± 1.00 %" in outcome.out
    text = (tmp_path / "pages" / "all.html").read_text("utf-8")
    assert all(each.startswith("data:") or each[0] == "#" for each in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert text.count("data:image/png") == 3 * len(several)
    assert text.count("data:image/svg") == 1
    cells = re.findall(r"<td>(.*?)</td>", text)
    assert {"98.00%", "90.00%", "± 1.00 points", "one run only", "0.0001"} <= set(cells)
    assert text.count("<details>") == len(several)
    assert "seed_everything: 2" in text


def test_one_run(app, trained, tmp_path):
    assert app("report", trained, "-o", "one.html").code == 0
    text = (tmp_path / "one.html").read_text("utf-8")
    results = json.loads((trained / "results.json").read_text())
    assert f"{results['test_accuracy']:.2%}" in text
    assert "What differs" not in text
    precision, recall = (results["classes"]["3"][key] for key in ("precision", "recall"))
    assert f"<td>{2 * precision * recall / (precision + recall):.2%}</td>" in text


def test_settings_are_escaped(app, trained, tmp_path):
    another(trained, tmp_path / "x", 0.5, data__root="<script>alert(1)</script>")
    assert app("report", "x", "-o", "x.html").code == 0
    assert "<script>" not in (tmp_path / "x.html").read_text("utf-8")


def test_a_run_is_reported_once(several, tmp_path):
    (tmp_path / "latest").symlink_to("a")
    assert [run.name for run in of([tmp_path / name for name in ("latest", "a", "b", "a")])] == ["a", "b"]
    assert [run.name for run in records([], str(tmp_path))[0]] == ["a"]
    assert [run.name for run in of([tmp_path / "latest"])] == ["a"]


@pytest.mark.parametrize(
    ("file", "text"), [("results.json", "{}"), ("config.yaml", ""), ("metrics.csv", "epoch,val\n1")]
)
def test_a_corrupt_run_is_passed_over(app, several, tmp_path, file, text):
    (several[0] / file).write_text(text)
    outcome = app("report", *several, "-o", tmp_path / "all.html")
    assert outcome.code == 0, outcome.err
    assert "passed over" in outcome.out + outcome.err
    assert (tmp_path / "all.html").is_file()


def test_a_name_is_drawn_as_it_is(app, trained, tmp_path):
    odd = another(trained, tmp_path / "_a$\\x$b", 0.9)
    assert app("report", odd, "-o", tmp_path / "odd.html").code == 0


def test_what_is_no_run_is_one_line(app, several, tmp_path):
    message = app("report", "d").message
    assert "d is no run; there are: a, b, c, slow" in message
    (tmp_path / "a" / "results.json").unlink()
    assert "was not finished; go on with: scratchlab fit --ckpt_path" in app("report", "a").message
    (tmp_path / "b" / "results.json").write_text("{")
    assert "b cannot be read" in app("report", "b").message
    outcome = app("report", "c", "a", "slow", "absent")
    assert outcome.code == 0
    assert outcome.out.count("passed over ") == 2
    assert "passed over a was not finished" in outcome.out
    assert "did you mean --out?" in app("report", "a", "--oot", "x").message
