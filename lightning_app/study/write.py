"""What is left of a study? A picture, two tables, a page; and a table on the screen."""

import csv
import io
from argparse import Namespace
from collections.abc import Iterable
from math import sqrt

import torch
from matplotlib.figure import Figure
from rich.markup import escape
from rich.table import Table as ScreenTable

from lightning_app.console import console
from lightning_app.data.images import Images
from lightning_app.figures import DPI
from lightning_app.net import build
from lightning_app.page import Picture, Section, Table, page
from lightning_app.run import Run
from lightning_app.study import draw
from lightning_app.study.equivariance import equivariance
from lightning_app.study.studies import FOLLOWED, Study
from lightning_app.study.summary import Summary, advantage, tolerance, verdict

HEAD = ("variant", "accuracy, %", "±2 px, %", "params", "MMAC", "ms/step", "sides of the maps")
ON_SCREEN = 6  # columns
MOVED = 100  # images whose maps are followed


def files(which: str, study: Study, found: list[Summary], run: Run, images: Images, options: Namespace) -> None:
    """Write everything into the run's folder."""
    figures = {"study": draw.over_shifts(study, found) if which == "shift" else draw.over_values(study, found)}
    if which == "pool-type":
        figures["shifted"] = draw.over_shifts(study, found)
    for name, figure in figures.items():
        with run.writing(f"{name}.png") as part:
            figure.savefig(part, format="png", dpi=DPI)
    run.write("study.csv", _csv(found))
    run.write("cells.csv", _cells(found))
    more = [_equivariance(study, images, options)] if which == "shift" else []
    run.write("study.html", _page(study, found, list(figures.values()), images, options, more))


def say(which: str, study: Study, found: list[Summary], run: Run) -> None:
    """The table, what may be concluded, where to look."""
    table = ScreenTable(box=None, padding=(0, 1, 0, 0), title=study.question, title_justify="left")
    for name in HEAD[:ON_SCREEN]:
        table.add_column(name, justify="left" if name == HEAD[0] else "right", no_wrap=True)
    for row in _rows(found):
        table.add_row(*map(escape, row[:ON_SCREEN]))
    console().print(table)
    console().print(_found(which, found), markup=False)
    console().print(f"page, picture, tables: {escape(str(run.folder / 'study.html'))}")


def _found(which: str, found: list[Summary]) -> str:
    if which == "data-size":
        return advantage(found, "CNN", "MLP")
    return f"{tolerance(found)} {verdict(found)}" if which == "shift" else verdict(found)


def _rows(found: list[Summary]) -> list[list[str]]:
    return [
        [
            each.variant.name,
            f"{100 * each.accuracy:.2f} ± {100 * each.spread:.2f}",
            f"{100 * each.near:.1f}",
            f"{each.parameters:,}",
            f"{each.macs / 1e6:.2f}",
            f"{each.step_ms:.1f}",
            each.sizes,
        ]
        for each in found
    ]


def _page(
    study: Study, found: list[Summary], figures: list[Figure], images: Images, options: Namespace, more: list[Section]
) -> str:
    n = len(images.test.y)
    chance = sqrt(0.98 * 0.02 / n)
    caption = (
        "± is the standard deviation from seed to seed (weights, order, choice of images). Besides, "
        f"{n:,} test images tell an accuracy near 98 % to ± {chance:.1%}, the same images for all variants. "
        "±2 px: accuracy when the test digits are moved by two pixels. MMAC: million multiplications of one image "
        "(torch.utils.flop_counter). A step has up to 128 images and "
        f"{options.threads} thread{'s' * (options.threads > 1)}, and its time is of this machine, that day."
    )
    return page(
        study.question,
        _found(options.which, found),
        {
            "data": f"{images.name}: {len(images.train.y):,} + {n:,} test",
            "layers": options.layers,
            "seeds": str(options.seeds),
            "trainings": str(sum(len(each.accuracies) for each in found)),
        },
        [
            Section(
                "What was found",
                [*(Picture(figure, study.question) for figure in figures), Table(list(HEAD), _rows(found), caption)],
            ),
            *more,
            Section("How to read it", [study.reading]),
        ],
    )


def _equivariance(study: Study, images: Images, options: Namespace) -> Section:
    net = next(list(each.net) for each in study.variants if each.line == FOLLOWED)
    torch.manual_seed(0)
    built = build(options.layers, net, images.shape, len(images.classes))
    errors = equivariance(built, images.test.x[:MOVED])
    if not errors:
        return Section(
            "Convolution is equivariant", ["These images are too small to tell it: nothing is away from the borders."]
        )
    moves = list(next(iter(errors.values())))
    rows = [[layer, *(_share(each[move]) for move in moves)] for layer, each in errors.items()]
    text = (
        "Measured on the layers themselves, away from the borders: the digits are moved to the right, and the maps "
        "after each layer are compared with the maps from before, moved along. After a pool of stride 2 the maps "
        "follow even moves only."
    )
    head = ["maps after", *(f"moved {move} px" for move in moves)]
    return Section("Convolution is equivariant", [text, Table(head, rows, "‖difference‖ / ‖maps‖; 0: they follow")])


def _share(error: float) -> str:
    return f"{error:.0%}" if error >= 0.01 else f"{error:.0e}" if error else "0"


def _csv(found: list[Summary]) -> str:
    moves = sorted(found[0].shifted)
    head = ["line", "value", "seeds", "accuracy", "spread", "parameters", "macs", "sizes", "step_ms"]
    rows = (
        [
            each.variant.line,
            each.variant.value,
            len(each.accuracies),
            each.accuracy,
            each.spread,
            each.parameters,
            each.macs,
            each.sizes,
            each.step_ms,
            *(each.shifted[move][0] for move in moves),
        ]
        for each in found
    )
    return _text([*head, *(f"accuracy_moved_{move}" for move in moves)], rows)


def _cells(found: list[Summary]) -> str:
    rows = ([each.variant.line, each.variant.value, s, a] for each in found for s, a in enumerate(each.accuracies))
    return _text(["line", "value", "seed", "accuracy"], rows)


def _text(head: list[str], rows: Iterable[list]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()
