"""What is known about a finished run? What fit left in its folder."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightning_app.errors import AppError
from lightning_app.run import LATEST, Run, latest, run_of

RESULTS, CONFIG, METRICS = "results.json", "config.yaml", "metrics.csv"
NEEDED = (
    *("dataset", "layers", "parameters", "epochs", "seed", "training_seconds", "device", "threads", "versions"),
    *("test_accuracy", "test_images", "classes"),
)
PICTURES = {
    "learning_curves.png": "Loss and accuracy while training",
    "confusion_matrix.png": "Which test images were taken for what",
    "feature_maps.png": "A test image on its way through the first layers",
}


class Record(NamedTuple):
    """A run: ``results`` of its test, ``config`` with every setting, ``rows`` of its metrics in order."""

    folder: Path
    results: dict[str, Any]
    config: dict[str, Any]
    text: str
    rows: list[dict[str, str]]

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting by its name on the command line, without those that only say where files lie."""
        return {key: value for key, value in _flat(self.config) if key not in ("runs", "name", "ckpt_path")}

    def curve(self, column: str) -> tuple[list[float], list[float]]:
        """A column of the metrics over epochs: after which step, as a part of the training, and what was measured."""
        steps = [int(row["step"]) + 1 for row in self.rows]
        whole = self.results["epochs"] / max(steps, default=1)
        known = [(step * whole, row[column]) for step, row in zip(steps, self.rows, strict=True) if row.get(column)]
        return [place for place, _ in known], [float(value) for _, value in known]


def records(asked: list[str], runs: str) -> tuple[list[Record], list[str]]:
    """The runs asked for, each once, by default the latest, and what is wrong with others. AppError if none is left."""
    found: dict[Path, Record] = {}
    problems = []
    for each in asked or [str(latest(runs).folder)]:
        try:
            folder = _folder(each)
            folder = folder.resolve() if folder.name == LATEST else folder
            found.setdefault(folder.resolve(), _read(folder))
        except AppError as error:
            problems.append(str(error))
    if not found:
        raise AppError(f"report: {problems[0]}")
    return list(found.values()), problems


def _folder(asked: str) -> Path:
    path = Path(asked)
    run = Run(path) if path.is_dir() else run_of(path) if path.is_file() else None
    if run and (run.folder / CONFIG).is_file():
        return run.folder
    near = path.parent if path.parent.is_dir() else Path()
    there = sorted(str(config.parent) for config in near.glob(f"*/{CONFIG}") if config.parent.name != LATEST)
    raise AppError(f"{asked} is no run; there are: {', '.join(there) if there else f'none in {near}'}")


def _read(folder: Path) -> Record:
    if not (folder / RESULTS).is_file():
        last = Run(folder).checkpoints / "last.ckpt"
        raise AppError(f"{folder} was not finished; go on with: scratchlab fit --ckpt_path {last}")
    try:
        results = json.loads((folder / RESULTS).read_text("utf-8"))
        text = (folder / CONFIG).read_text("utf-8")
        rows = []
        if (folder / METRICS).is_file():
            with (folder / METRICS).open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        found = Record(folder, results, yaml.safe_load(text), text, rows)
        for key in NEEDED:
            found.results[key]
        found.settings, found.curve("val_accuracy")
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise AppError(f"{folder} cannot be read ({type(error).__name__}: {error})") from error


def _flat(config: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in config.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
    return found
