"""How does a study run, and go on when it was stopped? A cell is one variant with one seed, and one file."""

import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from lightning_app import run as runs
from lightning_app.console import console
from lightning_app.data import choose
from lightning_app.data.images import Images
from lightning_app.progress import shown
from lightning_app.run import Run
from lightning_app.study import cell, write
from lightning_app.study.studies import STUDIES, Variant
from lightning_app.study.summary import summaries

LARGE, STEPS_LARGE, STEPS = 10_000, 300, 72
CELLS = "cells"


@dataclass(frozen=True)
class Cell:
    """One variant with one seed. ``settings`` decide whether what lies in its file is still its result."""

    variant: Variant
    seed: int
    settings: dict[str, Any]

    @property
    def file(self) -> str:
        """Its name in the folder of cells."""
        words = f"{self.variant.line} {self.variant.value} {self.seed}"
        return "-".join("".join(c if c.isalnum() else " " for c in words.lower()).split()) + ".json"


def run(options: Namespace) -> None:
    """Run the cells that are missing; write the study."""
    choose.prepare(options.dataset, options.root)
    images = choose.load(options.dataset, options.root)
    study = STUDIES[options.which]()
    wanted = options.steps or (STEPS_LARGE if len(images.train.y) > LARGE else STEPS)
    variants = fitting(study.variants, len(images.train.y))
    data = cell.fingerprint(images)
    cells = [
        Cell(variant, seed, cell.settings(variant, seed, images, options.layers, wanted, options.threads, data))
        for seed in range(options.seeds)
        for variant in variants
    ]
    folder = runs.new(options.runs, options.name or _name(options, images))
    folder.create(resume=True)
    Run(folder.folder / CELLS).create(resume=True)
    with threads(options.threads):
        _measure(cells, folder, images, options.layers, wanted, options.which)
    found = summaries([(each.variant, read(folder, each)) for each in cells])
    write.files(options.which, replace(study, variants=variants), found, folder, images, options)
    write.say(options.which, study, found, folder)


def _name(options: Namespace, images: Images) -> str:
    """A study with other layers gets a folder of its own."""
    others = [options.layers] * (options.layers != "scratch")
    return "-".join(["study", options.which, images.name, *others])


def _measure(cells: list[Cell], folder: Run, images: Images, layers: Any, wanted: int, which: str) -> None:
    missing = [each for each in cells if read(folder, each) is None]
    done = f"; {len(cells) - len(missing)} of them were there already" if len(missing) < len(cells) else ""
    console().print(f"study {which} on {images.name}: {len(cells)} trainings of {wanted} steps{done}", markup=False)
    for each in shown(missing, f"study {which}", len(missing)):
        result = cell.measure(each.variant, each.seed, images, layers, wanted)
        Run(folder.folder / CELLS).write_json(each.file, {"settings": each.settings, "result": result})


def read(folder: Run, one: Cell) -> dict[str, Any] | None:
    """The cell's result, if it is there and was measured with these settings."""
    file = folder.folder / CELLS / one.file
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(content, dict) and content.get("settings") == one.settings
    return content.get("result") if same else None


def fitting(variants: tuple[Variant, ...], there: int) -> tuple[Variant, ...]:
    """Those that want no more images than there are, and on each line one that gets all."""
    fit: list[Variant] = []
    full = set()
    for each in variants:
        if each.images is None or each.images < there:
            fit.append(each)
        elif each.line not in full:
            full.add(each.line)
            fit.append(replace(each, value=there, images=there))
    return tuple(fit)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads inside, as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
