from math import isnan, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.bench.statistics import geometric_mean, quantile, ratio

times = st.floats(1e-6, 1e3)
rounds = st.lists(st.tuples(times, times), min_size=3, max_size=12)


@given(rounds)
def test_the_parts_of_a_ratio_are_in_order(pairs):
    found = ratio(*zip(*pairs, strict=True))
    ratios = [a / b for a, b in pairs]
    assert min(ratios) <= found.low <= found.median <= found.high <= max(ratios)
    assert found.p20 <= found.median <= found.p80


@given(rounds, times, times)
def test_a_ratio_is_of_units_free_and_turns_around(pairs, one, other):
    a, b = (list(side) for side in zip(*pairs, strict=True))
    found = ratio(a, b)
    assert ratio([one * x for x in a], [one * x for x in b]) == pytest.approx(found)
    assert ratio([other * x for x in a], b) == pytest.approx(tuple(other * value for value in found))
    if len(pairs) % 2:
        assert ratio(b, a).median == pytest.approx(1 / found.median)


def test_a_ratio_is_of_pairs_not_of_medians():
    assert ratio([1, 10, 100], [2, 20, 200]) == (0.5,) * 5
    assert ratio([1, 10, 100], [100, 10, 1]).median == 1
    assert ratio([1, 10, 100], [100, 10, 1]).low < 0.1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_quantiles_are_numpys(values, q):
    assert quantile(sorted(values), q) == pytest.approx(np.quantile(values, q), abs=1e-6)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9))
def test_geometric_mean(values):
    mean = geometric_mean(values)
    assert mean ** len(values) == pytest.approx(prod(values))
    assert geometric_mean([1 / value for value in values]) == pytest.approx(1 / mean)


def test_there_is_no_mean_of_none():
    assert isnan(geometric_mean([]))
