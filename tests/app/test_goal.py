"""The main job reaches what it promises, on the published data."""

import json
import os
from pathlib import Path

import pytest

from lightning_app.data import mnist


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_mnist_reaches_its_goal_with_hand_written_layers(app):
    if not os.environ.get(mnist.ROOT_VARIABLE) or mnist.locate(None) is None:
        pytest.skip(f"MNIST is not in ${mnist.ROOT_VARIABLE}")
    outcome = app("fit", "--data.dataset", "mnist", "--name", "x")
    assert outcome.code == 0, outcome.err
    results = json.loads(Path("runs/x/results.json").read_text())
    assert (results["dataset"], results["layers"], results["test_images"]) == ("mnist", "scratch", 10_000)
    assert results["test_accuracy"] >= 0.993  # the goal, 0.994, is of the mean; one run spreads by 0.0007


@pytest.mark.slow
@pytest.mark.alone
def test_the_digits_reach_98_5_percent_with_hand_written_layers(app):
    accuracies = []
    for seed in range(3):
        outcome = app("fit", "--data.dataset", "digits", "--seed_everything", seed, "--name", seed)
        assert outcome.code == 0, outcome.err
        accuracies.append(json.loads(Path(f"runs/{seed}/results.json").read_text())["test_accuracy"])
    assert sum(accuracies) / 3 >= 0.985
