import copy
import re
from pathlib import Path

import pytest

from scratchlayers.bench.files import read
from scratchlayers.bench.overview import filled, overview
from scratchlayers.bench.report import report
from tests.bench.figures import RESULTS, ROWS, row

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def cells(text, start):
    """The cells of the line of a table that begins with those words."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_group_has_its_geometric_mean_and_its_least():
    assert cells(overview(RESULTS), "few channels")[1:5] == ["2", "2.00", "4.00", "≈1.00 (c08, forward)"]


def test_all_rows_count_in_the_last_mean():
    mean = f"**{(4 * 1 * 0.5) ** (1 / 3):.2f}**"
    assert cells(overview(RESULTS), "**all**")[1:5] == ["3", mean, "**2.00**", "0.50 (p1, forward)"]


def test_the_largest_memory_is_told():
    assert cells(overview(RESULTS), "pooling")[5] == "at most 0.75"


def test_losses_are_named():
    assert "Below 0.95: p1 the p1, forward (0.50); p1 the p1, forward+backward (0.50)." in overview(RESULTS)
    wins = RESULTS | {"rows": ROWS[:4]}
    assert "No pass of any problem is below 0.95." in overview(wins)


def test_nets_are_told_one_by_one():
    assert "| net |" not in overview(RESULTS)
    text = overview(RESULTS | {"rows": [*ROWS, row("e1", "whole nets", "step", 2.5)]})
    assert cells(text, "the e1")[1:] == ["1x2x3x4", "forward+backward", "2.50 ms", "1.00 ms", "2.50"]


def test_passes_that_were_not_timed_are_left_empty():
    text = overview(RESULTS | {"rows": [row("c01", "few channels", "input", 3.0)]})
    assert cells(text, "few channels")[2:4] == ["", ""]


def test_the_machine_and_the_command_are_told():
    text = overview(RESULTS)
    for said in ("Some CPU", "2 threads", "torch 2.13.0", "`some`", "100 GFLOP/s", "10 GB/s", "2026-01-02"):
        assert said in text
    assert "`python -m scratchlayers bench`" in text.replace("\n", " ")


def test_an_overview_goes_between_its_marks():
    text = "before\n<!-- benchmark a/results.json -->\nold\n<!-- end of benchmark -->\nafter\n"
    asked = []
    once = filled(text, lambda name: asked.append(name) or RESULTS)
    assert asked == ["a/results.json"]
    assert once == text.replace("old\n", overview(RESULTS))
    assert filled(once, lambda _: RESULTS) == once
    assert "Other CPU" in filled(once, lambda _: changed("cpu", "Other CPU"))


def changed(key, value):
    results = copy.deepcopy(RESULTS)
    results["environment"][key] = value
    return results


def test_a_text_without_marks_is_refused():
    with pytest.raises(ValueError, match="no marks <!-- benchmark PATH -->"):
        filled("text", lambda _: RESULTS)


def test_the_readme_shows_the_results_that_are_committed():
    assert filled(README, lambda name: read(ROOT / name)) == README


def test_a_report_has_every_figure():
    text = report(RESULTS)
    for each in ROWS:
        assert f"{each['id']} {each['name']}" in text
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert "≈1.00 (0.90…1.10)" in next(part for part in sections if part.startswith("Ratios"))
    assert "4.00 ms (250.0 GF/s), 1.00 ms (1000.0 GF/s), 50%" in text
    assert "100.0 GB/s" in text
    assert "1.0e-07, 2.0e-07" in text
    assert "2.00 KiB" not in text
    assert "2 KiB, 1 KiB; 4 MiB, 3 MiB" in text
    assert "built so" in text


def test_a_baseline_without_onednn_is_marked():
    other = {**ROWS[0], "baseline": "torch.nn without oneDNN"}
    assert "| 4.00* (3.60…4.40) |" in report(RESULTS | {"rows": [other]})


def test_tables_are_whole():
    for block in re.findall(r"(?:^\|.*\n)+", report(RESULTS), re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
