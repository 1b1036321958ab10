from hypothesis import given
from hypothesis import strategies as st

from lightning_app.seeds import seed_of

numbers = st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3)


@given(numbers, numbers)
def test_different_numbers_give_different_seeds(first, second):
    assert (seed_of(*first) == seed_of(*second)) == (first == second)
    assert 0 <= seed_of(*first) < 2**63
