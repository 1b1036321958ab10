"""Where do the results go? Into a folder, all files whole, or none of them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from . import charts, overview
from .report import report

RESULTS = "results.json"


def check_writable(folder: Path) -> None:
    """Raise ValueError, before hours are spent, if nothing could be written there."""
    nearest = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not nearest.is_dir():
        raise ValueError(f"--output: {nearest} is a file, not a folder")
    charts.check_available()


def write(folder: Path, results: dict[str, Any]) -> None:
    """Write ``results.json``, ``results.csv``, the report as ``README.md``, and the pictures."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        (part / RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
        with (part / "results.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, results["rows"][0])
            writer.writeheader()
            writer.writerows(results["rows"])
        (part / "README.md").write_text(report(results), "utf-8")
        _draw(part, results)
        folder.mkdir(exist_ok=True)
        for path in part.iterdir():
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(part)


def _draw(folder: Path, results: dict[str, Any]) -> None:
    from .charts.ratios import ratios
    from .charts.roofline import roofline

    ratios(results).savefig(folder / "ratios.png")
    roofline(results).savefig(folder / "roofline.png")


def read(path: Path) -> dict[str, Any]:
    """Return the results of a file; ValueError if it holds none."""
    try:
        results = json.loads(path.read_text("utf-8"))
        if isinstance(results, dict) and {"environment", "roofs", "rows"} <= set(results) and results["rows"]:
            return results
    except (OSError, json.JSONDecodeError) as why:
        raise ValueError(f"cannot read {path}: {why}") from why
    raise ValueError(f"{path} holds no results of a benchmark")


def fill(path: Path) -> None:
    """Bring the overviews that stand between a file's marks up to date; ValueError if it has none."""
    try:
        text = overview.filled(path.read_text("utf-8"), lambda name: read(path.parent / name))
    except OSError as why:
        raise ValueError(f"cannot read {path}: {why}") from why
    except ValueError as why:
        raise ValueError(f"{path}: {why}") from why
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)
