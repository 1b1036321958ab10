import pytest
import torch

from scratchlayers.bench import roofs
from scratchlayers.bench.roofs import Roofs


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_the_chains_are_really_computed(lanes):
    """Each is a = a/n + 1/n, n times, from its number: the sum of the first lanes is returned."""
    engine, chains = roofs._compiled(roofs._module(lanes))
    n = 1000
    wanted = sum(c * n**-n + (1 - n**-n) / (n - 1) for c in range(roofs._CHAINS))
    assert chains(n) == pytest.approx(wanted, rel=1e-5)
    del engine


def test_a_machine_has_both(monkeypatch):
    monkeypatch.setattr(roofs, "_STEPS", 20_000)
    monkeypatch.setattr(roofs, "_COPIED", 2**22)
    found = roofs.measured()
    assert 1e8 < found.flops < 1e14
    assert 1e8 < found.bytes < 1e13
    assert torch.get_num_threads() >= 1


def test_a_share_is_of_the_lower_roof():
    machine = Roofs(flops=100.0, bytes=10.0)
    assert machine.share(flops=50, nbytes=1, seconds=1) == 0.5
    assert machine.share(flops=0, nbytes=5, seconds=1) == 0.5
    assert machine.share(flops=50, nbytes=8, seconds=2) == 0.4
    assert machine.share(flops=200, nbytes=1, seconds=1) == 2
