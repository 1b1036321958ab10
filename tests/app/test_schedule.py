import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_app.schedule import END, START, one_cycle

parts = st.floats(0, 1)


def test_it_rises_to_one_and_falls():
    assert one_cycle(0, 0.25) == pytest.approx(START)
    assert one_cycle(0.25, 0.25) == 1
    assert one_cycle(1, 0.25) == pytest.approx(END)


@given(st.floats(0.05, 0.95))
def test_it_has_one_summit(warmup):
    rates = [one_cycle(step / 100, warmup) for step in range(101)]
    summit = rates.index(max(rates))
    assert rates[: summit + 1] == sorted(rates[: summit + 1])
    assert rates[summit:] == sorted(rates[summit:], reverse=True)


@given(parts)
def test_without_warmup_it_only_falls(progress):
    assert one_cycle(progress, 0.0) <= 1


@given(st.floats(1, 100))
def test_beyond_the_end_it_stays(progress):
    assert one_cycle(progress, 0.25) == pytest.approx(END)
