"""What works with our layers? The tests marked ``compatible(theme, row)``, collected into docs/compatibility.md."""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
SILENT = {"skip", "xfail", "importorskip"}
HEAD = """# Compatibility

What the rest of PyTorch does with our layers in the place of `torch.nn`'s. Every row is a test, which CI runs, so that
a row that says "works" does. A test that is known to fail has the reason here, and fails CI on the day that it works.
`make compatibility` writes this page from the tests.
"""


@dataclass(frozen=True)
class Case:
    """A test as it was collected: its row, where it stands, and why it may not pass or not run."""

    theme: str
    row: str
    path: str
    test: str
    fails: str | None = None
    needs: str | None = None


class Collector:
    """A plugin of pytest that notes the marked tests."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def pytest_itemcollected(self, item: pytest.Function) -> None:
        if not item.get_closest_marker("thorough"):  # which CI does not run
            self.cases.extend(case(item, *mark.args, **mark.kwargs) for mark in item.iter_markers("compatible"))


def case(item: pytest.Function, theme: str, row: str) -> Case:
    """The case that a collected test is; ValueError if CI would not notice that it fails."""
    if item.get_closest_marker("skip") or SILENT & names(item.function):
        raise ValueError(f"{item.nodeid} is a row of the table, but may not run at all")
    words = item.callspec.params if hasattr(item, "callspec") else {}
    fails, needs = item.get_closest_marker("xfail"), item.get_closest_marker("skipif")
    if fails and not (fails.kwargs.get("strict") and fails.kwargs.get("reason")):
        raise ValueError(f"{item.nodeid} must fail strictly, and with a reason")
    path = item.path.relative_to(ROOT).as_posix()
    reasons = (mark.kwargs["reason"] if mark else None for mark in (fails, needs))
    return Case(theme, row.format(**words), path, item.originalname, *reasons)


def names(function: Callable[..., None]) -> set[str]:
    """The names that a test's own code uses."""
    return set(inspect.unwrap(function).__code__.co_names)


def collected(files: list[Path]) -> list[Case]:
    """The cases in some files of tests."""
    collector, said = Collector(), io.StringIO()
    options = ["--collect-only", "--quiet", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers"]
    with contextlib.redirect_stdout(said):
        code = pytest.main([*options, *map(str, files)], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue())
    return collector.cases


def page(cases: list[Case]) -> str:
    """The page: a table for each theme, its rows in the order of the tests."""
    parts = [HEAD]
    for theme in sorted({case.theme for case in cases}):
        rows = dict.fromkeys(case.row for case in cases if case.theme == theme)
        parts.append(f"## {theme}\n\n| | state | test |\n|---|---|---|")
        parts[-1] += "".join(line([c for c in cases if (c.theme, c.row) == (theme, row)]) for row in rows) + "\n"
    return "\n".join(parts)


def line(cases: list[Case]) -> str:
    """One row of a table."""
    tests = dict.fromkeys(f"[{case.test}](../{case.path})" for case in cases)
    cells = (cases[0].row, state(cases), ", ".join(tests))
    return "\n| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def state(cases: list[Case]) -> str:
    """What the cases of a row say together."""
    failing = Counter(case.fails for case in cases if case.fails)
    needs = "".join(f", not run where {why}" for why in dict.fromkeys(case.needs for case in cases if case.needs))
    works, total = len(cases) - failing.total(), len(cases)
    if not failing:
        return ("works" if total == 1 else f"works ({total} cases)") + needs
    reasons = "; ".join(why if total == 1 else f"{why} ({n})" for why, n in failing.items())
    return (f"{works} of {total} cases work; " if works else "") + f"**strict xfail**: {reasons}{needs}"


def marked() -> list[Path]:
    """The files of tests that have rows."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in files if "pytest.mark.compatible" in path.read_text()]


if __name__ == "__main__":
    text = page(collected(marked()))
    sys.stdout.write(text) if "--print" in sys.argv else PAGE.write_text(text)
