"""What is there to see? All pictures by the command that makes each, light and dark, and a page that shows them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .command import picture
from .render.files import whole
from .table import BY_NAME


class Shown(NamedTuple):
    """A file's name without its ending, the words that ask for it, and what to say if the table's words are too few."""

    stem: str
    words: str
    says: str = ""


ALL = (
    Shown(
        "sliding_window",
        'sliding-window --layer "Conv2d(1, 1, 3, stride=2, padding=1)" --size 5',
        "a strided convolution with padding: what each output reads",
    ),
    Shown(
        "sliding_window_dilated",
        'sliding-window --layer "Conv2d(1, 1, 3, dilation=2)" --size 7',
        "a dilated convolution reads every other cell",
    ),
    Shown(
        "sliding_window_transposed",
        'sliding-window --layer "ConvTranspose2d(1, 1, 3, stride=2)" --size 3',
        "a transposed convolution: several outputs read one cell",
    ),
    Shown(
        "sliding_window_numbers",
        'sliding-window --layer "Conv2d(1, 1, 3, bias=False)" --size 5 --style numbers',
        "a convolution with all numbers of each sum",
    ),
    Shown(
        "sliding_window_max",
        'sliding-window --layer "MaxPool2d(2)" --size 4 --style numbers',
        "maximum pooling as a sum: all weight is on the largest",
    ),
    Shown(
        "sliding_window_line",
        'sliding-window --layer "Conv1d(1, 1, 3, padding=1)" --size 6 --style numbers',
        "a convolution along a line; its padding is dashed",
    ),
    Shown("input_gradient", "input-gradient"),
    Shown("weight_gradient", "weight-gradient"),
    Shown("pool_gradient", "pool-gradient"),
    Shown("padding_modes", "padding-modes"),
    Shown("padding_values", "padding-values"),
    Shown("coverage", "coverage"),
    Shown(
        "coverage_line",
        " ".join(["coverage", *(f'--layer "Conv1d(1, 1, 3, padding={p})"' for p in range(3))]),
        "how many outputs read each cell of a line",
    ),
    Shown("flip", "flip"),
    Shown("im2col", "im2col"),
    Shown("kernels", "kernels"),
    Shown("responses", "responses"),
    Shown("pooled", "pooled"),
    Shown("filters", "filters"),
    Shown("activations", "activations"),
    Shown("architecture", "architecture"),
    Shown("receptive_field", "receptive-field"),
    Shown("shapes", "shapes --size 12"),
)

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>scratchlayers: gallery</title>
<style>
:root { --paper: #ffffff; --ink: #1f2933; --soft: #5f6b76; --cell: #f3f5f7; --line: #c9d1d8 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9aa7b3; --cell: #1c232c; --line: #3a444e } }
body { font: 16px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; background: var(--paper); color: var(--ink);
       margin: 0 auto; padding: 16px 24px; max-width: 1240px }
main { display: grid; grid-auto-flow: dense; gap: 24px; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)) }
figure { margin: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
         display: flex; flex-direction: column }
figure a { flex: 1; display: flex; align-items: center; justify-content: center; padding: 10px; min-height: 180px }
@media (min-width: 800px) { .wide { grid-column: span 2 } }
img { max-width: 100%; max-height: 320px }
figcaption { padding: 10px 14px; background: var(--cell) }
code { display: block; margin-top: 6px; font-size: 12px; color: var(--soft); overflow-wrap: anywhere }
</style></head><body>
<h1>Gallery</h1>
<p>Every picture was computed by calling the layer that it shows. Click one to play it, step through it, and point at
its cells.</p>
<main>
{% for card in cards %}<figure{% if card.wide %} class="wide"{% endif %}><a href="{{ card.stem }}.html"><picture>
<source media="(prefers-color-scheme: dark)" srcset="{{ card.stem }}_dark{{ card.suffix }}">
<img src="{{ card.stem }}_light{{ card.suffix }}" alt="{{ card.title }}"></picture></a>
<figcaption>{{ card.shows }}
<code>python -m scratchlayers draw {{ card.words }} -o {{ card.stem }}{{ card.suffix }}</code></figcaption></figure>
{% endfor %}</main></body></html>
"""


def make(folder: Path, say: Callable[[str], object]) -> Path:
    """Write every picture as .gif or .png in both themes and as .html, then index.html; return that.

    Raises:
        ValueError: if the folder cannot be written, or a package is missing.

    """
    cards = []
    for number, shown in enumerate(ALL, 1):
        start = time.perf_counter()
        drawn = picture(shlex.split(shown.words))
        suffix = ".gif" if len(drawn.frames) > 1 else ".png"
        for theme in ("light", "dark"):
            drawn.save(folder / f"{shown.stem}_{theme}{suffix}", theme=theme)
        drawn.save(folder / f"{shown.stem}.html")
        shows = shown.says or BY_NAME[shown.words.split()[0]].shows
        wide = drawn.size[0] > 2.5 * drawn.size[1]
        cards.append({**shown._asdict(), "suffix": suffix, "title": drawn.title, "shows": shows, "wide": wide})
        say(f"{number:>3}/{len(ALL)} {shown.stem:<28}{time.perf_counter() - start:5.1f} s")
    return whole(folder / "index.html", lambda part: part.write_text(_page(cards), "utf-8"))


def _page(cards: list[dict[str, object]]) -> str:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_PAGE).render(cards=cards)
