"""The documentation is built, and its table of what is covered does not promise what is not there."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lightning_app.__main__ import COMMANDS
from lightning_app.__main__ import main as scratchlab
from lightning_app.console import quiet
from scratchlayers.__main__ import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COVERAGE = (DOCS / "coverage.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", COVERAGE, re.MULTILINE)
LINK = re.compile(r"\[(\w+)\]\(\.\./(tests/[\w/]+\.py)\)")
NOTHING = "missing"


def offered():
    """(row, code) for every piece of code in the column of what there is."""
    return [(row, code) for row, _, _, here, _ in ROWS for code in re.findall(r"`([^`]+)`", here)]


def those(start):
    found = [pytest.param(code, id=f"{row}-{code}") for row, code in offered() if code.startswith(start)]
    return pytest.mark.parametrize("code", found)


def test_the_rows_are_all_there():
    assert [int(row) for row, *_ in ROWS] == list(range(1, 63))
    assert {letter for _, documents, *_ in ROWS for letter in documents.split(", ")} == {*"ABCDE", "all"}


def test_what_is_missing_is_counted():
    missing = [row for row, _, _, here, test in ROWS if NOTHING in here or not LINK.search(test)]
    assert f" {62 - len(missing)} of 62 rows have something that runs" in COVERAGE.replace("\n", " ")
    assert all(here == NOTHING for row, _, _, here, _ in ROWS if row in missing), missing


def test_every_kind_of_code_is_checked_below():
    starts = ("scratchlayers.", "scratchlab ", "python -m scratchlayers ", "configs/")
    assert [code for _, code in offered() if not code.startswith(starts)] == []


@those("scratchlayers.")
def test_names_can_be_imported(code):
    words = code.split(".")
    for cut in range(len(words), 0, -1):
        try:
            value = importlib.import_module(".".join(words[:cut]))
            break
        except ModuleNotFoundError:
            continue
    for word in words[cut:]:
        value = getattr(value, word)
    assert value.__doc__


@those("scratchlab ")
def test_commands_are_understood(code, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, command, *words = shlex.split(code)
    module = importlib.import_module(COMMANDS[command].partition(":")[0])
    if command == "fit":
        monkeypatch.setattr(module.CLI, "instantiate_classes", lambda self: None)
        monkeypatch.setattr(module.CLI, "_run_subcommand", lambda self, name: None)
        with quiet():
            module.CLI([command, *words])
    elif hasattr(module, "parser"):
        module.parser().parse_args(words)
    else:
        assert scratchlab([command, *words, "--help"]) == 0


@those("python -m scratchlayers ")
def test_commands_of_the_package_are_understood(code, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(code)[3:]
    if words[0] == "draw":
        assert main(words) == 0
        assert (tmp_path / words[-1]).stat().st_size > 1000
    else:
        with pytest.raises(SystemExit, match=r"^0$"):
            main([*words, "--help"])
        assert words[0] in capsys.readouterr().out


@those("configs/")
def test_files_are_there(code):
    assert (ROOT / code).is_file()


@cache
def names_in(path):
    return {node.name for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if hasattr(node, "name")}


@pytest.mark.parametrize(("name", "path"), sorted(set(LINK.findall(COVERAGE))))
def test_tests_are_there(name, path):
    assert name in names_in(path)


def test_every_public_module_has_a_page():
    pages = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    for module in ("", ".nn", ".functional", ".keras_style", ".contract", ".geometry", ".testing", ".visualize"):
        assert f"automodule:: scratchlayers{module}\n" in pages


def test_docstrings_are_read_as_they_were_written(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "_extensions"))
    lines = ["(N, *spatial) of |x|, ``*as it is``:", "", "    y[i] = x[i] * 2", "", "Args:", "    x: (N, *input).", ""]
    importlib.import_module("plain_docstrings").plain(lines)
    assert "\n".join(lines) == (
        "(N, \\*spatial) of \\|x\\|, ``*as it is``:\n\n::\n\n    y[i] = x[i] * 2\n\n:param x: (N, \\*input).\n"
    )


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of one core, ten kernels one after another; longer on a machine that has no core
def test_the_pages_are_built_without_a_warning(tmp_path):
    """Tutorials and formulas are run on the way; what they assert holds. The pages need no network."""
    html = tmp_path / "html"
    build = [sys.executable, "-m", "sphinx", "--builder", "html", "--nitpicky", "--fail-on-warning", "--quiet"]
    fresh = ["-D", f"nb_execution_cache_path={tmp_path / 'notebooks'}", "-d", str(tmp_path / "doctrees")]
    done = subprocess.run([*build, *fresh, str(DOCS), str(html)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    pages = {str(page.relative_to(html)): page.read_text("utf-8") for page in html.rglob("*.html")}
    assert len([name for name in pages if name.startswith("tutorials/0")]) == 8
    loaded = [
        url for text in pages.values() for url in re.findall(r"<(?:script|img|link)[^>]*?(https?://[^\"]+)", text)
    ]
    assert loaded == []
    assert "differs by at most" in pages["derivations/checked.html"]
