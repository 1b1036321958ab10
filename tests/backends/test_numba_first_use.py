"""What does the first use cost? Compiling for the nets that most people train, once; loading what is kept, afterwards.

Seconds are those that the backend counts while it compiles and loads, on whatever machine runs this.
"""

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from scratchlayers.backends.numba_cpu import cache

pytestmark = [pytest.mark.slow, pytest.mark.alone]
COMPILING, LOADING = 15.0, 0.1  # seconds
NETS = """
    import json, sys, time, torch
    from scratchlayers import nn, use_backend
    from scratchlayers.backends.numba_cpu import patience

    def application():
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 5, 2, 2, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 32, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(800, 10)),
        )

    def example():
        return nn.Sequential(
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(9216, 10)),
        )

    def lenet():
        return nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU()),
            *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 10)),
        )

    net = {"application": application, "example": example, "lenet": lenet}[sys.argv[1]]()
    torch.set_num_threads(2)
    with use_backend("numba"):
        for batch in (128, 128, 96):
            net(torch.randn(batch, 1, 28, 28)).square().mean().backward()
        with torch.no_grad():
            net.eval()(torch.randn(64, 1, 28, 28))
    print(json.dumps(patience.spent))
"""


def spent(net, place):
    """The seconds that a new process spends on compiling and on loading for a net's training."""
    command = [sys.executable, "-c", dedent(NETS), net]
    environment = {**os.environ, cache.VARIABLE: str(place)}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("net", ["application", "example", "lenet"])
def test_training_on_mnist_compiles_for_seconds_once(net, tmp_path):
    cold = spent(net, tmp_path)
    assert 0 < cold["compile"] <= COMPILING, cold
    warm = min((spent(net, tmp_path) for _ in range(3)), key=lambda each: each["load"])
    assert warm["compile"] == 0
    assert 0 < warm["load"] <= LOADING, warm


def test_after_warming_up_these_nets_compile_nothing(tmp_path):
    environment = {**os.environ, cache.VARIABLE: str(tmp_path)}
    subprocess.run([sys.executable, "-m", "scratchlayers", "warmup"], env=environment, check=True, capture_output=True)
    for net in ("application", "example", "lenet"):
        assert spent(net, tmp_path)["compile"] == 0, net
