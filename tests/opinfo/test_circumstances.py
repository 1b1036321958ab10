"""Deterministic mode, expanded tensors, gradients without memory of their own: nothing changes."""

import pytest
import torch
from torch.utils._pytree import tree_map

from tests.opinfo import checks, entries
from tests.opinfo.compare import results
from tests.opinfo.test_functions import functions, quiet


def cases(name):
    """A few calls of our function, and of torch's."""
    for entry in entries.functions(name):
        for sample in entries.samples(entry, torch.float32, 5):
            yield entries.arguments(name, sample)


def equal(results, wanted):
    return all(a is b or torch.equal(a, b) for a, b in zip(results, wanted, strict=True))


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@functions
@quiet
def test_deterministic_mode_raises_nothing_and_gives_the_same_bits(name, request):
    plain = [results(checks.ours(name), *call) for call in cases(name)]
    request.getfixturevalue("deterministic")
    again = [results(checks.ours(name), *call) for call in cases(name)]
    assert all(equal(a, b) for a, b in zip(again, plain, strict=True))


@functions
@quiet
def test_a_gradient_may_be_one_number_seen_everywhere(name):
    for arguments, options in cases(name):
        x = arguments[0].detach().requires_grad_()
        entries.seed()
        y = checks.ours(name)(x, *arguments[1:], **options)
        y = y[0] if isinstance(y, tuple) else y
        one = torch.ones(()).expand(y.shape)
        grads = [torch.autograd.grad(y, x, gy, retain_graph=True)[0] for gy in (one, one.clone())]
        assert torch.equal(*grads)


@functions
@quiet
def test_an_input_may_be_one_number_seen_everywhere(name):
    for arguments, options in cases(name):
        expanded = tree_map(
            lambda x: x.flatten()[:1].view((1,) * x.dim()).expand(x.shape) if is_float(x) else x, arguments
        )
        copied = tree_map(lambda x: x.clone() if isinstance(x, torch.Tensor) else x, expanded)
        got, want = (results(checks.ours(name), call, options) for call in (expanded, copied))
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True) if a is not None)


def is_float(x):
    return isinstance(x, torch.Tensor) and x.is_floating_point() and x.numel() > 0
