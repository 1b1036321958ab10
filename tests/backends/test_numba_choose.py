"""Which algorithm: a pure function of the problem, which a test can force and ``explain`` can watch."""

from dataclasses import replace

import pytest
import torch

from scratchlayers.backends.numba_cpu.choose import Algorithm, Problem, choose, force, watched
from scratchlayers.backends.numba_cpu.conv import CONV, conv
from scratchlayers.geometry import Window


def problem(channels=4, kernel=3, dtype=torch.float32):
    return Problem(dtype, 1, channels, 8, 1, Window.parse(2, kernel).over((9, 9)))


def never(problem):
    return False


def always(problem):
    return True


def few(problem):
    return problem.channels <= 4


QUICK = Algorithm("quick", lambda p: p.grid.kernel_size == (3, 3), few, print, exact=False, why="few products")
ODD = Algorithm("odd", always, never, print)
SMALL = Algorithm("small", few, few, print)
PLAIN = Algorithm("plain", always, always, print)
ALL = (QUICK, ODD, SMALL, PLAIN)


@pytest.mark.parametrize(
    ("asked", "exact", "taken"),
    [
        (problem(), False, QUICK),
        (problem(), True, SMALL),
        (problem(kernel=5), False, SMALL),
        (problem(channels=5), False, PLAIN),
        (problem(channels=5), True, PLAIN),
    ],
)
def test_the_first_that_can_and_pays_is_taken(asked, exact, taken):
    assert choose(ALL, asked, exact) is taken


def test_the_last_is_taken_whether_it_pays_or_not():
    last = replace(PLAIN, pays=never)
    assert choose((ODD, last), problem(), False) is last


@pytest.mark.parametrize(
    ("name", "asked", "exact", "taken"),
    [
        ("odd", problem(), False, ODD),
        ("plain", problem(), False, PLAIN),
        ("quick", problem(channels=5), False, QUICK),
        ("quick", problem(kernel=5), False, SMALL),
        ("quick", problem(), True, SMALL),
        ("no such", problem(), False, QUICK),
    ],
)
def test_a_forced_algorithm_is_taken_where_it_can(name, asked, exact, taken):
    usual = choose(ALL, asked, exact)
    with force(name):
        assert choose(ALL, asked, exact) is taken
        with force("plain"):
            assert choose(ALL, asked, exact) is PLAIN
        assert choose(ALL, asked, exact) is taken
    assert choose(ALL, asked, exact) is usual


def test_a_watcher_sees_what_every_kernel_of_the_last_problem_takes():
    tables = {"conv": ALL, "conv_weight_grad": (ODD, PLAIN)}
    with watched(tables) as noted:
        choose(ALL, problem(channels=5), False)
        choose(ALL, problem(), False)
        assert noted == {}
    assert noted == {"conv": "quick, few products", "conv_weight_grad": "plain"}
    with force("odd"), watched(tables) as noted:
        choose((PLAIN,), problem(), True)
    assert noted == {"conv": "odd", "conv_weight_grad": "odd"}


def test_a_watcher_of_nothing_notes_nothing():
    with watched({"conv": ALL}) as noted:
        pass
    choose(ALL, problem(), False)
    assert noted == {}


def test_a_watcher_sees_what_has_been_computed_before_too():
    def call(channels):
        x, w = torch.randn(1, channels, 9, 9), torch.randn(channels, 1, 3, 3)
        conv(x, w, None, Window.parse(2, 3).over((9, 9)), channels)

    def dense():
        conv(torch.randn(1, 3, 9, 9), torch.randn(20, 3, 3, 3), None, Window.parse(2, 3).over((9, 9)), 1)

    dense()
    call(4)
    with watched({"conv": CONV}) as noted:
        dense()
        call(4)
        dense()
    assert noted == {"conv": "dense"}
    with watched({"conv": CONV}) as noted:
        dense()
        call(4)
    assert noted["conv"].startswith("depthwise")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_watcher_sees_what_is_forced_within(dtype):
    x, w = torch.randn(1, 1, 9, 9, dtype=dtype), torch.randn(1, 1, 3, 3, dtype=dtype)
    with watched({"conv": CONV}) as noted, force("dense"):
        conv(x, w, None, Window.parse(2, 3).over((9, 9)), 1)
    assert noted["conv"].startswith("depthwise")  # what is taken without the force, when the block has ended
    with force("dense"), watched({"conv": CONV}) as noted:
        conv(x, w, None, Window.parse(2, 3).over((9, 9)), 1)
    assert noted["conv"] == "dense"
