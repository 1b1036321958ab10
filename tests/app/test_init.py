"""The project that `init` writes: its kernels are convolutions, and a net learns with them."""

import os
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import yaml

from lightning_app.init import rendered
from lightning_app.net import build
from scratchlayers import functional as F
from scratchlayers import use_backend
from scratchlayers.registry import unregister
from scratchlayers.testing import checks
from tests.registries import registered

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(app, tmp_path):
    assert app("init", "My layers").code == 0
    return tmp_path / "My layers"


def in_project(project, *command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, *command]
    return subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, timeout=200)


def test_what_is_written_can_be_read(project):
    assert {file.name for file in project.iterdir()} == set(rendered("x"))
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == "my-layers"
    assert build("torch", yaml.safe_load((project / "my_net.yaml").read_text())["model"]["net"], (1, 28, 28), 10)
    assert "# My layers" in (project / "README.md").read_text() or "# my-layers" in (project / "README.md").read_text()


def test_a_folder_with_something_in_it_is_left_alone(app, project):
    before = (project / "train.py").read_text()
    assert "is not an empty folder" in app("init", "My layers").message
    assert (project / "train.py").read_text() == before


def test_its_kernels_compute_and_differentiate_as_torch(project):
    backend = runpy.run_path(str(project / "my_backend.py"))["BACKEND"]
    torch.manual_seed(0)
    x, w, b = (
        torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((2, 4, 9, 8), (6, 2, 3, 2), (6,))
    )
    asked = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
    want = torch.nn.functional.conv2d(x, w, b, **asked)
    with registered(backend), use_backend("mine"):
        got = F.conv2d(x, w, b, **asked)
        gradients = torch.autograd.grad(got.square().sum(), (x, w, b))
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(gradients, torch.autograd.grad(want.square().sum(), (x, w, b)))


@pytest.mark.slow
@pytest.mark.alone
def test_they_can_be_compared_from_their_file(app, project):
    try:
        outcome = app("compare", "--backend", project / "my_backend.py:BACKEND", "--epochs", "1", "--loops", "0")
    finally:
        unregister("mine")
    assert outcome.code == 0
    assert "they agree" in outcome.out


@pytest.mark.slow
@pytest.mark.alone
def test_its_kernels_keep_the_contract(project):
    backend = runpy.run_path(str(project / "my_backend.py"))["BACKEND"]
    for check in checks(backend):
        check()


@pytest.mark.slow
@pytest.mark.alone
def test_the_milestone_a_net_learns_with_its_kernels(project):
    done = in_project(project, "train.py")
    assert done.returncode == 0, done.stderr
    assert "milestone reached" in done.stdout
    assert "conv_weight_grad" in done.stdout


@pytest.mark.slow
@pytest.mark.alone
def test_a_wrong_gradient_misses_the_milestone(project):
    text = (project / "my_backend.py").read_text()
    (project / "my_backend.py").write_text(text.replace("gw[tap] = torch", "gw[tap] = -torch"))
    net = (project / "my_net.yaml").read_text()
    (project / "my_net.yaml").write_text(net.replace("max_epochs: 6", "max_epochs: 3"))
    done = in_project(project, "train.py")
    assert done.returncode == 1
    assert "milestone MISSED" in done.stdout
