import threading

import pytest
import torch
from torch import nn

from scratchlayers.bench.memory import peak_bytes, saved_bytes
from scratchlayers.bench.problems import Problem, sides
from scratchlayers.registry import use_backend

POOL = Problem("x", "", "", (2, 4, 16, 16), lambda: nn.MaxPool2d(2))


@use_backend("torch")
def test_a_max_pooling_keeps_a_byte_an_output_where_torch_keeps_input_and_index():
    theirs, ours, x = sides(POOL)
    x.requires_grad_()
    assert saved_bytes(ours, x) == 2 * 4 * 64
    assert saved_bytes(theirs, x) == 2 * 4 * (256 * 4 + 64 * 8)


@use_backend("torch")
def test_parameters_are_kept_anyway():
    for side in sides(Problem("x", "", "", (2, 4, 8, 8), lambda: nn.Conv2d(4, 4, 3)))[:2]:
        assert saved_bytes(side, torch.randn(2, 4, 8, 8, requires_grad=True)) == 4 * 2 * 4 * 64


def test_the_peak_is_the_most_at_once():
    def run():
        a = torch.empty(1000, dtype=torch.uint8)
        b = torch.empty(5000, dtype=torch.uint8)
        del b
        c = torch.empty(3000, dtype=torch.uint8)
        return a, c

    assert peak_bytes(run) == pytest.approx(6000, abs=200)


def test_what_was_there_before_does_not_count():
    before = torch.empty(10**6, dtype=torch.uint8)
    assert peak_bytes(lambda: before.view(-1)) == 0


def test_a_workspace_that_each_thread_keeps_counts():
    kept = threading.local()

    def run():
        if not hasattr(kept, "buffer"):
            kept.buffer = torch.empty(10**6, dtype=torch.uint8)

    run()
    assert [peak_bytes(run) for _ in range(2)] == [pytest.approx(10**6, rel=1e-3)] * 2


def test_the_backward_counts():
    class Greedy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gy):
            torch.empty(10**6, dtype=torch.uint8)
            return gy

    x = torch.ones(1, requires_grad=True)
    assert peak_bytes(lambda: torch.autograd.grad(Greedy.apply(x), x)) > 10**6


def test_the_backend_is_the_callers():
    from scratchlayers import registry

    with use_backend("numpy"):
        names = []
        peak_bytes(lambda: names.append(registry.names()[0]))
    assert names == ["numpy"]


def test_an_error_ends_the_watching():
    with pytest.raises(ZeroDivisionError):
        peak_bytes(lambda: 1 / 0)
    assert peak_bytes(lambda: torch.empty(5000, dtype=torch.uint8)) == pytest.approx(5000, abs=100)
