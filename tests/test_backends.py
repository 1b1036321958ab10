"""Every installed backend keeps the contract."""

from scratchlayers import registry
from scratchlayers.testing import parametrize_with_checks


@parametrize_with_checks(*map(registry.get, registry.names()))
def test_backend_keeps_the_contract(check):
    check()
