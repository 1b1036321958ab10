"""Two processes train as one does: each image in exactly one of them, the same weights in both, one that writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PROBE = Path(__file__).with_name("ddp_probe.py")
NET = (
    "[{conv: [4, 5]}, relu, {max_pool: 4}, flatten, {linear: classes}]"  # no batch norm: it looks at its own part only
)
OPTIONS = ["--data.dataset", "digits", "--data.batch_size", "118", "--trainer.max_epochs", "2", "--model.net", NET]
PARALLEL = ["--trainer.accelerator", "cpu", "--trainer.devices", "2", "--trainer.strategy", "ddp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a run of two processes and a run of one have been."""
    folder = tmp_path_factory.mktemp("ddp")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROBE.parents[2])}
    for name, more in (("one", []), ("two", PARALLEL)):
        (folder / name).mkdir()
        command = [sys.executable, str(PROBE), "fit", *OPTIONS, *more, "--name", "x"]
        done = subprocess.run(
            command, cwd=folder / name, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr
        (folder / name / "screen").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture(scope="module")
def records(folder):
    return [json.loads((folder / "two" / f"rank{rank}.json").read_text()) for rank in (0, 1)]


pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_each_image_is_seen_by_exactly_one_process(records):
    for n, passes in ((1298, 2), (144, 2), (355, 1)):  # training, validation, test
        seen = [[i for size, index in record["seen"] if size == n for i in index] for record in records]
        assert sorted(seen[0] + seen[1]) == sorted(list(range(n)) * passes), n
        assert abs(len(seen[0]) - len(seen[1])) <= passes * 11


def test_both_have_the_same_weights_after_each_epoch(records):
    assert records[0]["weights"] == records[1]["weights"]
    assert len(records[0]["weights"]) == 2


@pytest.mark.compatible("Parallel training", "Lightning's ddp strategy")
def test_two_processes_learn_what_one_does(folder):
    one, two = (torch.load(folder / n / "runs/x/checkpoints/last.ckpt", weights_only=True) for n in ("one", "two"))
    for name, weights in one["state_dict"].items():
        torch.testing.assert_close(two["state_dict"][name], weights, atol=2e-4, rtol=2e-3)
    results = [json.loads((folder / name / "runs/x/results.json").read_text()) for name in ("one", "two")]
    assert [result["processes"] for result in results] == [1, 2]
    assert results[0]["test_images"] == results[1]["test_images"] == 355
    assert results[0]["test_accuracy"] == pytest.approx(results[1]["test_accuracy"], abs=0.01)


def test_data_are_prepared_once(records):
    assert records[0]["prepared"] > 0
    assert records[1]["prepared"] == 0


def test_only_one_writes_and_prints(folder):
    assert [path.name for path in (folder / "two/runs").iterdir() if path.name != "latest"] == ["x"]
    header, *epochs, summary = (folder / "two/screen").read_text().strip().split("\n")
    assert "2 processes, 1 thread" in header
    assert len(epochs) == 2
    assert summary.startswith("test accuracy")
