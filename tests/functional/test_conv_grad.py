"""The gradients of convolutions by name are those of ``torch.nn.grad``, and can be differentiated as those can."""

import inspect

import pytest
import torch

from scratchlayers import nn
from tests.compare import outcome, same_error

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
WORDS = [(), (2, 1), ((2,), 1, 2), (1, 0, 1, 2)]


def problem(rank, words):
    """(x, w, gy) of one convolution."""
    generator = torch.Generator().manual_seed(0)
    groups = words[3] if len(words) > 3 else 1
    x = torch.randn(2, 4, *(7, 6, 5)[:rank], dtype=torch.float64, generator=generator)
    w = torch.randn(6, 4 // groups, *(3, 2, 2)[:rank], dtype=torch.float64, generator=generator)
    y = getattr(torch.nn.functional, f"conv{rank}d")(x, w, None, *words)
    return x, w, torch.randn(y.shape, dtype=torch.float64, generator=generator)


def both(rank, which, *arguments):
    """What torch's function and what ours gives."""
    return [outcome(getattr(space.grad, f"conv{rank}d_{which}"), *arguments) for space in (torch.nn, nn)]


@ranks
@pytest.mark.parametrize("words", WORDS, ids=str)
def test_values_and_gradients_are_torchs(rank, words):
    x, w, gy = problem(rank, words)
    for which, arguments in (("input", (x.shape, w, gy)), ("weight", (x, w.shape, gy))):
        results = []
        for space in (torch.nn, nn):
            leaves = [a.clone().requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments]
            y = getattr(space.grad, f"conv{rank}d_{which}")(*leaves, *words)
            wanted = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
            results.append([y, *torch.autograd.grad(y.square().sum(), wanted)])
        for want, got in zip(*results, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11)
        assert results[0][0].stride() == results[1][0].stride()


def test_errors_are_torchs():
    x, w, gy = problem(2, ())
    wrong = [((2, 4, 7), w, gy), ((2, 5, 7, 6), w, gy), (x.shape, w.float(), gy), (x.shape, w, gy[0]), (3, w, gy)]
    wrong += [(x.shape, w, gy, 1, "valid"), (x.shape, w, gy, 1.5), (x.shape, w, gy, 1, 0, 1, 3)]
    for arguments in wrong:
        want, got = both(2, "input", *arguments)
        assert isinstance(want, Exception)
        same_error(got, want)
    for arguments in [(x[0], w.shape, gy[0]), (x, w, gy), (x, (6, 3, 3, 2), gy), (x.long(), w.shape, gy.long())]:
        want, got = both(2, "weight", *arguments)
        assert isinstance(want, Exception)
        same_error(got, want)


@pytest.mark.parametrize("name", nn.grad.__all__)
def test_signatures_are_torchs(name):
    ours, torchs = (inspect.signature(getattr(space.grad, name)).parameters.values() for space in (nn, torch.nn))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in torchs]


def test_every_function_of_torchs_module_is_there():
    assert set(nn.grad.__all__) == {name for name in dir(torch.nn.grad) if name.startswith("conv")}
