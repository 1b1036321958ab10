"""What is left of a comparison? Pictures, tables, results.json and one page; and two lines on the screen."""

import csv
import io
import math
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.markup import escape

from lightning_app.compare import draw_scores, draw_steps, html
from lightning_app.compare.comparison import Comparison
from lightning_app.console import console
from lightning_app.figures import DPI
from lightning_app.run import Run
from lightning_app.training import PHASES


def files(found: Comparison, run: Run, options: dict[str, Any]) -> None:
    """Write everything into the run's folder."""
    pictures = _pictures(found)
    for name, figure in pictures.items():
        with run.writing(f"{name}.png") as part:
            figure.savefig(part, format="png", dpi=DPI)
    run.write("steps.csv", _steps(found))
    run.write("times.csv", _times(found))
    run.write("scores.csv", _scores(found))
    run.write("gradients.csv", _gradients(found))
    run.write_json("results.json", _results(found, options))
    run.write("compare.html", html.html(found, pictures))


def say(found: Comparison, run: Run) -> None:
    """The verdict, and where to look."""
    checks = found.checks
    worst = max(checks, key=lambda name: math.inf if math.isnan(checks[name]) else checks[name])
    verdict = "[bold green]they agree[/]" if found.agree else "[bold red]they DISAGREE[/]"
    accuracies = ", ".join(f"{name} {each.accuracy:.2%}" for name, each in found.scores.items())
    console().print(f"{verdict} to {found.worst:.1e} (--tol {found.tol:g}; worst: {worst})")
    console().print(f"test accuracy: {accuracies} · page, pictures, tables: {escape(str(run.folder / 'compare.html'))}")


def _pictures(found: Comparison) -> dict[str, Figure]:
    classes, equal = found.images.classes, {when: apart.gradients for when, apart in found.equal.items()}
    return {
        "losses": draw_steps.losses(found.record, found.tol, found.checked),
        "gradients": draw_steps.gradients(found.record, equal, found.tol),
        "confusion": draw_scores.confusions(found.scores, classes),
        "roc": draw_scores.roc(found.scores, classes),
        "precision_recall": draw_scores.precision_recall(found.scores, classes),
        "times": draw_steps.times(found.timed),
    }


def _results(found: Comparison, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "agree": found.agree,
        "tol": found.tol,
        "checks": found.checks,
        "accuracy": {name: each.accuracy for name, each in found.scores.items()},
        "averages": {name: each.averaged for name, each in found.scores.items()},
        "confusion": {name: each.confusion for name, each in found.scores.items()},
        "milliseconds": {
            name: {
                phase: dict(
                    zip(("median", "q25", "q75"), draw_steps.quartiles(draw_steps.milliseconds(steps, i)), strict=True)
                )
                for i, phase in enumerate(PHASES)
            }
            for name, steps in found.timed.steps.items()
        },
        "memory_bytes": found.memory,
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("torch", "numpy", "torchmetrics")},
        "options": options,
    }


def _steps(found: Comparison) -> str:
    names = list(found.record.steps)
    head = ["step", *(f"loss_{name}" for name in names), "difference"]
    losses = (found.record.losses(name) for name in names)
    rows = zip(range(len(found.record.apart)), *losses, found.record.apart, strict=True)
    return _csv(head, rows)


def _times(found: Comparison) -> str:
    steps = ((name, number, step) for name in found.timed.steps for number, step in enumerate(found.timed.steps[name]))
    rows = ([name, number, *(round(1000 * seconds, 3) for seconds in step.seconds)] for name, number, step in steps)
    return _csv(["layers", "step", *(f"ms_{phase}" for phase in PHASES)], rows)


def _scores(found: Comparison) -> str:
    columns = list(next(iter(found.scores.values())).by_class)
    rows = []
    for name, each in found.scores.items():
        for i, label in enumerate(found.images.classes):
            rows.append([name, label, each.support[i], *(each.by_class[column][i] for column in columns)])
        for average, values in each.averaged.items():
            rows.append([name, average, sum(each.support), *(values[column] for column in columns)])
    return _csv(["layers", "class", "support", *columns], rows)


def _gradients(found: Comparison) -> str:
    gradients = found.record.gradients
    return _csv(["step", *gradients], ([step, *row] for step, row in enumerate(zip(*gradients.values(), strict=True))))


def _csv(head: list[str], rows: Iterable[Iterable]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()
