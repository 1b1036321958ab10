"""What does a README show of a run? The means of each group, whole nets, and every loss: a few lines of Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from .problems import FORWARD, STEP, TITLES
from .show import about, duration, means, named, slower, times
from .suite import COMPILED, NETS

_PLACE = re.compile(r"(<!-- benchmark (\S+) -->\n).*?(<!-- end of benchmark -->)", re.DOTALL)

Results = dict[str, Any]
Row = dict[str, Any]


def overview(results: Results) -> str:
    """Return the overview of a run's results."""
    rows = results["rows"]
    parts = [_machine(results), _groups(rows), _nets(rows), _losses(rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def filled(text: str, read: Callable[[str], Results]) -> str:
    """Return a text with, between each pair of marks, the overview of the results that ``read`` finds for their path.

    The marks are ``<!-- benchmark PATH -->`` and ``<!-- end of benchmark -->``; ValueError if there are none.
    """
    if not _PLACE.search(text):
        raise ValueError("it has no marks <!-- benchmark PATH --> and <!-- end of benchmark -->, each on its line")
    return _PLACE.sub(lambda found: f"{found[1]}{overview(read(found[2]))}{found[3]}", text)


def table(head: Sequence[str], words: int, rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its first ``words`` columns are text, the others figures."""
    rule = [":--" if column < words else "--:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def paragraph(text: str) -> str:
    """Return a text in lines of the usual length."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _machine(results: Results) -> str:
    where, roofs = results["environment"], results["roofs"]
    cores = f"{where['cpu']} ({where['cpu_family']}), {where['threads']} thread{'s' * (where['threads'] != 1)}"
    return paragraph(
        f"Time of `torch.nn` / ours: above 1 ours is faster. {cores}, float32, torch {where['torch']}, "
        f"backend `{where['backend']}`, {where['date'][:10]}, `{where['command']}`. Measured in the same run: "
        f"{roofs['flops'] / 1e9:.0f} GFLOP/s of multiply-adds, a copy at {roofs['bytes'] / 1e9:.0f} GB/s."
    )


def _groups(rows: list[Row]) -> str:
    head = (
        "geometric mean",
        "problems",
        TITLES[FORWARD],
        TITLES[STEP],
        "least of any pass",
        "peak memory, ours / torch",
    )
    body = []
    for name, count, by_pass in means(rows):
        part = [row for row in rows if name in (row["group"], "all")]
        cells = [times(by_pass[kind]) if kind in by_pass else "" for kind in (FORWARD, STEP)]
        if name == "all":
            name, *cells = (f"**{cell}**" for cell in (name, *cells))
        body.append((name, str(count), *cells, _least(part), _memory(part)))
    return table(head, 1, body)


def _least(rows: list[Row]) -> str:
    row = min(rows, key=lambda row: row["ratio_median"])
    return f"{about(row)} ({row['id']}, {TITLES[row['pass']]})"


def _memory(rows: list[Row]) -> str:
    """The largest of the ratios over the steps: the worst, not a mean."""
    ratios = [row["ours_peak"] / row["torch_peak"] for row in rows if row["torch_peak"]]
    return f"at most {max(ratios):.2f}" if ratios else ""


def _nets(rows: list[Row]) -> str:
    nets = [row for row in rows if row["group"] in (NETS, COMPILED)]
    body = [
        (
            row["name"],
            row["input"],
            TITLES[row["pass"]],
            duration(row["torch_us"]),
            duration(row["ours_us"]),
            about(row),
        )
        for row in nets
    ]
    return table(("net", "input", "", "`torch.nn`", "ours", "ratio"), 3, body) if nets else ""


def _losses(rows: list[Row]) -> str:
    lost = [f"{named(row)}, {TITLES[row['pass']]} ({about(row)})" for row in slower(rows)]
    return paragraph(f"Below 0.95: {'; '.join(lost)}.") if lost else "No pass of any problem is below 0.95."
