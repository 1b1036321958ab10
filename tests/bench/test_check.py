from dataclasses import replace
from math import inf, isnan, nan

import pytest
import torch
from torch import nn

from scratchlayers.bench.check import LEAST, WrongResultError, check, error
from scratchlayers.bench.passes import direction
from scratchlayers.bench.problems import PASSES, Problem, sides
from tests.bench.broken import backend

CONV = Problem("x1", "small", "dense 3x3", (2, 4, 9, 9), lambda: nn.Conv2d(4, 6, 3, padding=1))
NET = replace(
    CONV,
    build=lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 2, 3)),
    passes=("forward", "step"),
    net=True,
)


def checked(problem=CONV, kinds=None):
    theirs, ours, x = sides(problem)
    return check(problem, list(kinds or problem.passes), theirs, ours, x, direction(theirs, x))


@pytest.mark.parametrize("problem", [CONV, NET], ids=["layer", "net"])
def test_the_errors_of_float32_are_found(problem):
    errors = checked(problem)
    assert list(errors) == list(problem.passes)
    assert all(0 < value < 1e-4 for pair in errors.values() for value in pair)


def last(y, value):
    y[(-1,) * y.dim()] = value
    return y


MISTAKES = {
    "a part in 10 000": lambda y: y * 1.0001,
    "one element of many": lambda y: last(y, y.flatten()[-1] + y.abs().max() / 1000),
    "one NaN": lambda y: last(y, nan),
    "one infinity": lambda y: last(y, inf),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize(
    ("kernel", "kind", "words"),
    [
        ("conv", "forward", "forward: error"),
        ("conv_input_grad", "input", "input gradient: error"),
        ("conv_weight_grad", "weight", "weight gradient: error"),
    ],
)
@pytest.mark.parametrize("problem", [CONV, NET], ids=["layer", "net"])
def test_a_wrong_kernel_is_found_in_its_pass_and_in_the_step(problem, kernel, kind, words, mistake):
    with backend(kernel, mistake):
        if not problem.net:
            with pytest.raises(WrongResultError, match=words):
                checked(problem, [kind])
            checked(problem, {"forward", "input", "weight"} - {kind})
        if kind != "forward":
            with pytest.raises(WrongResultError, match="backward: error"):
                checked(problem, ["step"])


def test_it_says_where():
    with backend("conv", MISTAKES["one element of many"]), pytest.raises(WrongResultError) as found:
        checked()
    assert "wrong at 1 of 972 elements" in str(found.value)
    assert "channel 5 alone" in str(found.value)


def test_a_wrong_shape_is_said():
    with backend("conv", lambda y: y[:1]), pytest.raises(WrongResultError, match=r"\(1, 6, 9, 9\) instead of \(2, 6"):
        checked(kinds=["forward"])


def test_a_backend_that_raises_is_wrong():
    def fails(_):
        raise OSError("no such luck")

    with backend("conv", fails), pytest.raises(WrongResultError, match="raises OSError: no such luck"):
        checked()


def test_passes_that_are_not_asked_for_are_not_checked():
    with backend("conv_weight_grad", MISTAKES["one NaN"]):
        assert set(checked(kinds=["forward", "input"])) == {"forward", "input"}
    assert set(CONV.passes) == set(PASSES)


def test_an_error_is_relative_to_the_largest():
    wanted = torch.tensor([0.0, -4.0], dtype=torch.float64)
    assert error((torch.tensor([1.0, -4.0]),), (wanted,)) == 0.25
    assert error((torch.tensor([1.0, -4.0]), torch.tensor([1.0])), (wanted, wanted[1:])) == 1.25
    assert error((torch.tensor([3.0, -4.0]),), (wanted,), net=True) == 0.75
    assert isnan(error((torch.tensor([nan, -4.0]), torch.tensor([1.0])), (wanted, torch.ones(1))))


def test_what_is_allowed_is_far_below_a_term_left_out():
    """One term of the longest sums of the suite: some 400 000 products, whose sum is of the size of their root."""
    assert LEAST < 1 / 400_000**0.5 / 100
