import csv
import json

import pytest
import torch

from scratchlayers import nn, registry
from scratchlayers.backends.torch_ops import BACKEND
from scratchlayers.bench import PROBLEMS, interleaved
from scratchlayers.bench.command import command
from scratchlayers.contract import Backend

TINY = "tiny conv 1→1"


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_problem_builds_the_same_module_twice(problem):
    theirs, ours, x = problem.pair(torch.nn, nn)
    assert str(theirs) == str(ours)
    assert x.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))


def test_names_are_unique():
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)


def test_the_slower_of_two_has_the_larger_ratio():
    work = torch.randn(64, 64)
    times = interleaved(lambda: work @ work, lambda: [work @ work for _ in range(20)], rounds=5, seconds=0.002)
    assert times.low <= times.ratio <= times.high
    assert times.ratio > 5
    assert times.ours > times.theirs


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_rows_are_printed_and_written_whole(suffix, tmp_path, capsys):
    path = tmp_path / f"rows.{suffix}"
    assert command(["--quick", "--only", TINY, "--output", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "forward" in printed
    assert "step" in printed
    rows = (
        json.loads(path.read_text())["rows"]
        if suffix == "json"
        else list(csv.DictReader(path.read_text().splitlines()))
    )
    assert [row["phase"] for row in rows] == ["forward", "step"]
    assert all(float(row["ratio"]) > 0 for row in rows)
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_backend_is_not_timed(capsys):
    def wrong(*args):
        return BACKEND.kernels["conv"](*args) * 1.001

    registry.register(Backend("wrong", {"conv": wrong}, frozenset({"cpu"})))
    try:
        assert command(["--quick", "--only", TINY, "--backend", "wrong"]) == 1
    finally:
        registry.unregister("wrong")
    printed = capsys.readouterr()
    assert "not timed" in printed.err
    assert "step" not in printed.out


def test_an_unknown_problem_lists_the_known(capsys):
    assert command(["--only", "nothing like it"]) == 2
    assert PROBLEMS[0].name in capsys.readouterr().out


def test_threads_are_restored_to_what_was_asked():
    before = torch.get_num_threads()
    try:
        command(["--quick", "--only", TINY, "--threads", "1"])
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
