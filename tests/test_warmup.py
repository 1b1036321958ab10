"""Compiling beforehand: every kind of layer is called, and what cannot be kept is said in one line."""

import pytest
import torch

from scratchlayers import registry, warmup
from scratchlayers.__main__ import main
from scratchlayers.backends.numba_cpu import cache
from scratchlayers.contract import NAMES

from .nn.build import CLASSES
from .registries import recording

UNCOMPILED = {"ConstantPad", "FractionalMaxPool", "MaxUnpool"}  # which is ZeroPad with a number; made of take and put
OURS = {name[:-2] for name in CLASSES if name[-2].isdigit()}


@pytest.fixture
def numbas_place(monkeypatch, tmp_path):
    """A recorder in numba's place, and its list."""
    backend, calls = recording("numba", priority=-1)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    real = registry.get("numba")
    registry.register(backend, replace=True)
    yield calls
    registry.register(real, replace=True)


def test_every_layer_is_called_in_every_way(numbas_place):
    assert main(["warmup"]) == 0
    assert set(numbas_place) == set(NAMES) - {"gather", "tap_index", "take", "put"}  # second derivatives, indices
    assert {kind for kind, *_ in warmup._USUAL} == OURS - UNCOMPILED


def test_it_says_how_many_how_long_and_where(numbas_place, capsys, tmp_path):
    assert main(["warmup"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{len(list(warmup._calls(False)))} layers in ")
    assert out.endswith(f" s; compiled kernels are in {tmp_path}\n")
    assert err == ""


def test_all_is_every_float_rank_and_layout():
    calls = list(warmup._calls(True))
    kinds = {(name[-2:], dtype, last) for name, dtype, last, *_ in calls if name != "Unfold"}
    assert len(kinds) == 4 * 5
    assert {dtype for _, dtype, _ in kinds} == {torch.float32, torch.float64, torch.bfloat16, torch.float16}
    assert set(warmup._calls(False)) < set(calls)


def test_nothing_kept_is_one_line_and_status_2(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    assert main(["warmup"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "SCRATCHLAYERS_CACHE may name a directory" in err
