"""What is left behind? PNGs, one page with all of them inside, and the numbers in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from torch import nn

from lightning_app.console import console
from lightning_app.explain import story
from lightning_app.figures import DPI
from lightning_app.page import Picture, Section, page
from lightning_app.run import whole

if TYPE_CHECKING:
    from lightning_app.explain.work import Explained

PAGE = "explain.html"


def files(folder: Path, found: Explained) -> list[str]:
    """Write everything; the names of the files, the page first."""
    parts = story.parts(found)
    for part in parts:
        for name, figure in part.figures.items():
            with whole(folder / f"{name}.png") as path:
                figure.savefig(path, format="png", dpi=DPI, facecolor="white")
    with whole(folder / PAGE) as path:
        path.write_text(_page(found, parts), encoding="utf-8")
    return [PAGE, *(f"{name}.png" for part in parts for name in part.figures)]


def say(found: Explained) -> None:
    """The answer, the unit's numbers and what became of it."""
    best, second = list(found.answer["ranking"].items())[:2]
    console().print(
        f"[bold]{escape(best[0])}[/]  {best[1]:.1%}  {escape(found.file)}  (else {escape(second[0])}, {second[1]:.1%})"
    )
    field = f" · can read {story.where(found.field)} of the picture" if found.field else ""
    console().print(f"\n[bold]{found.name}[/] = {story.number(found.value)}{field}")
    for line in story.written(found):
        console().print(line, markup=False)
    console().print("\nwhat becomes of it", style="bold")
    for name, place, value in story.on_its_way(found):
        console().print(f"  {name:16s} {place:>12s}  {value:>9s}", markup=False)
    console().print()


def _page(found: Explained, parts: list[story.Part]) -> str:
    sections = [
        Section(
            part.title,
            [
                part.text,
                *(Picture(figure, name.replace("-", " ")) for name, figure in part.figures.items()),
                *part.more,
            ],
        )
        for part in parts
    ]
    convolutions = sum(isinstance(step.layer, nn.Conv2d) for step in found.steps)
    facts = {
        "answer": f"{found.answer['class']}, {found.answer['probability']:.1%}",
        "network": f"{len(found.steps)} layers, {convolutions} of them convolutions",
        "unit": found.name,
        "checkpoint": found.checkpoint,
    }
    lead = "How a trained network came to its answer about one picture. Every number is its own layers'."
    return page(f"{Path(found.file).name}: a {found.answer['class']}?", lead, facts, sections)
