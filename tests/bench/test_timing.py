from contextlib import contextmanager
from itertools import pairwise

import pytest

from scratchlayers.bench.timing import Budget, Contestant, interleaved


class Machine:
    """A clock, and contestants whose calls take their time on it and are written down."""

    def __init__(self):
        self.now = 0.0
        self.calls = []
        self.inside = None

    def clock(self):
        return self.now

    def contestant(self, name, *seconds):
        taken = iter([])

        def call():
            nonlocal taken
            self.calls.append((name, self.inside))
            value = next(taken, None)
            if value is None:
                taken = iter(seconds)
                value = next(taken)
            self.now += value

        @contextmanager
        def setting():
            self.inside, before = name, self.inside
            self.now += 100  # not timed
            yield
            self.inside = before

        return Contestant(call, setting)


def runs(calls):
    """The names in turn, and how often each was called before the next."""
    turns = [[calls[0][0], 0]]
    for name, _ in calls:
        if turns[-1][0] != name:
            turns.append([name, 0])
        turns[-1][1] += 1
    return turns


def test_contestants_take_turns_in_a_fixed_order():
    machine = Machine()
    a, b = machine.contestant("a", 2**-7), machine.contestant("b", 2**-9)
    assert interleaved([a, b], Budget(7, 2**-3, 100), machine.clock) == [[2**-7] * 7, [2**-9] * 7]
    assert runs(machine.calls)[-13:] == [["b", 32], *[["a", 8], ["b", 32]] * 6]


def test_each_runs_within_its_setting_which_is_not_timed():
    machine = Machine()
    interleaved([machine.contestant("a", 0.01), machine.contestant("b", 0.01)], Budget(3, 0.1, 100), machine.clock)
    assert all(name == inside for name, inside in machine.calls)


def test_a_slow_one_is_called_once_a_round():
    machine = Machine()
    times = interleaved([machine.contestant("a", 3.0)], Budget(4, 0.1, 100), machine.clock)
    assert len(times[0]) == 4
    assert len(machine.calls) == 2 + 4  # warming up, sizing


def test_rounds_end_when_time_is_up_but_not_before_three():
    for seconds, rounds in ((1.0, 9), (2.0, 5), (30.0, 3)):
        machine = Machine()
        times = interleaved([machine.contestant("a", seconds)], Budget(9, 0.1, 10), machine.clock)
        assert len(times[0]) == rounds


def test_the_first_call_is_not_counted():
    machine = Machine()
    slow_start = machine.contestant("a", 50.0, *[0.1] * 1000)
    assert interleaved([slow_start], Budget(3, 1.0, 100), machine.clock) == [pytest.approx([0.1] * 3)]


def test_noise_of_the_machine_hits_neighbours():
    """Times of one round lie next to each other: what makes the clock drift cancels in their ratio."""
    machine = Machine()
    drift = iter(range(1, 10**6))

    def call():
        machine.now += 0.05 * (1 + next(drift) / 100)

    a, b = interleaved([Contestant(call), Contestant(call)], Budget(9, 0.1, 1000), machine.clock)
    assert all(x < y for x, y in pairwise(a))
    assert max(abs(x / y - 1) for x, y in zip(a, b, strict=True)) < 0.02
