"""What does a backward compute? The gradients it is asked for; kernels of others run only where asking costs more."""

from itertools import chain, combinations
from types import SimpleNamespace

import pytest
import torch

from scratchlayers import functional as F
from scratchlayers import library
from scratchlayers.functional.conv import conv_nd

NAMES = ("x", "w", "b")
SUBSETS = [*chain.from_iterable(combinations(NAMES, count) for count in (1, 2, 3))]
CALLS = {
    "conv": lambda x, w, b: F.conv2d(x, w, b, 2, 1),
    "conv_transpose": lambda x, w, b: F.conv_transpose2d(x, w.transpose(0, 1), b, 2),
    "padded_conv": lambda x, w, b: conv_nd(2, x, w, b, 1, 1, 1, 1, "reflect"),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def ran(monkeypatch):
    """The names of the kernels that ran."""
    names, real = [], library.kernels

    def counted(name, kernel):
        return lambda *args, **words: (names.append(name), kernel(*args, **words))[1]

    def kernels(x, rank):
        return SimpleNamespace(**{name: counted(name, kernel) for name, kernel in vars(real(x, rank)).items()})

    monkeypatch.setattr(library, "kernels", kernels)
    return names


def operands(derived, size=(40, 64)):
    """Operands by name: leaves, or ``derived`` from leaves."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"x": (4, 3, *size), "w": (4, 3, 3, 3), "b": (4,)}
    found = {name: torch.randn(shape, generator=generator).requires_grad_() for name, shape in shapes.items()}
    return {name: 2 * leaf for name, leaf in found.items()} if derived else found


def kernels_of(call, names):
    """The convolution's kernels that these gradients take."""
    input_grad = "conv" if call is CALLS["conv_transpose"] else "conv_input_grad"
    return [input_grad] * ("x" in names) + ["conv_weight_grad"] * ("w" in names)


@calls
@pytest.mark.parametrize("names", SUBSETS, ids=".".join)
def test_only_what_is_asked_for_is_computed(call, names, ran):
    given = operands(True)
    y = call(*given.values())
    everything = torch.autograd.grad(y.sum(), [*given.values()], retain_graph=True)
    ran.clear()
    found = torch.autograd.grad(y.sum(), [given[name] for name in names])
    assert [name for name in ran if name.startswith("conv")] == kernels_of(call, names)
    for name, g in zip(names, found, strict=True):
        assert torch.equal(g, everything[NAMES.index(name)])


@calls
@pytest.mark.parametrize("names", SUBSETS, ids=".".join)
def test_so_it_is_where_backward_is_given_its_inputs(call, names, ran):
    given = operands(False)
    y = call(*given.values())
    ran.clear()
    y.sum().backward(inputs=[given[name] for name in names])
    assert [name for name in ran if name.startswith("conv")] == kernels_of(call, names)
    assert tuple(name for name in NAMES if given[name].grad is not None) == names


@pytest.mark.parametrize("names", SUBSETS, ids=".".join)
def test_of_leaves_also_those_before_the_last_one_asked_for(names, ran):
    given = operands(False)
    y = CALLS["conv"](*given.values())
    ran.clear()
    torch.autograd.grad(y.sum(), [given[name] for name in names])
    assert ran == kernels_of(CALLS["conv"], NAMES[: NAMES.index(names[-1]) + 1])


def test_of_small_operands_everything_is_computed(ran):
    given = operands(True, size=(5, 6))
    y = CALLS["conv"](*given.values())
    ran.clear()
    torch.autograd.grad(y.sum(), given["x"])
    assert ran == kernels_of(CALLS["conv"], NAMES)


def test_a_node_called_in_a_run_that_is_not_its_own_computes_everything():
    y, found = CALLS["conv"](*operands(False).values()), []
    other = torch.ones(1, requires_grad=True) * 2
    other.register_hook(lambda g: found.extend(y.grad_fn.apply(torch.ones_like(y))))
    (3 * other).sum().backward()
    assert all(torch.is_tensor(g) for g in found[:3])


@calls
def test_a_plain_backward_is_asked_for_everything(call):
    given = operands(False)
    y = call(*given.values())
    everything = torch.autograd.grad(y.sum(), [*given.values()], retain_graph=True)
    y.sum().backward()
    assert all(torch.equal(leaf.grad, g) for leaf, g in zip(given.values(), everything, strict=True))


@pytest.mark.parametrize(
    ("first", "second", "kernels"),
    [
        ("x", "w", ["conv_weight_grad"]),
        ("x", "gy", ["conv"]),
        ("w", "x", ["conv_input_grad"]),
        ("w", "gy", ["conv"]),
    ],
)
def test_so_it_is_in_derivatives_of_derivatives(first, second, kernels, ran):
    given = operands(True)
    y = CALLS["conv"](*given.values())
    gy = torch.randn_like(y).requires_grad_() * 2
    (g,) = torch.autograd.grad(y, given[first], gy, create_graph=True)
    ran.clear()
    torch.autograd.grad(g.sum(), {**given, "gy": gy}[second])
    assert ran == kernels
