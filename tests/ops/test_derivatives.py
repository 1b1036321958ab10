"""Every derivative of every function, of any order: against differences and against torch's."""

import pytest
import torch
import torch.nn.functional as torch_functional
from torch.autograd import gradcheck, gradgradcheck

from scratchlayers import functional as F
from scratchlayers import nn, registry
from scratchlayers.functional.conv import conv_nd
from scratchlayers.ops import function

SPACES = (F, torch_functional)


def fixed(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def noise(*shape, **options):
    return fixed(*shape, **options).requires_grad_()


def distinct(*shape):
    """Numbers far enough apart that no step of a difference quotient changes which is the largest."""
    count = torch.Size(shape).numel()
    return torch.randperm(count, generator=torch.Generator().manual_seed(0)).double().reshape(shape).requires_grad_()


def x(rank, **options):
    return noise(2, 2, *(4, 3, 3)[:rank], **options)


def every(kind):
    """A class and all that inherit from it."""
    return {kind}.union(*(every(below) for below in kind.__subclasses__()))


CALLS = {
    "conv": lambda space, rank: lambda x: getattr(space, f"conv{rank}d")(x, fixed(2, 2, *(2,) * rank), None, 1, 1),
    "max_pool": lambda space, rank: lambda x: getattr(space, f"max_pool{rank}d")(x, 2, 1, 1, 1, True),
    "avg_pool": lambda space, rank: lambda x: getattr(space, f"avg_pool{rank}d")(x, 2, 2, 1, True, False),
    "constant": lambda space, rank: lambda x: space.pad(x, (1, -1) * rank, value=2.0),
    "reflect": lambda space, rank: lambda x: space.pad(x, (1, 2) * rank, "reflect"),
    "replicate": lambda space, rank: lambda x: space.pad(x, (3, -1) * rank, "replicate"),
    "circular": lambda space, rank: lambda x: space.pad(x, (1, 2) * rank, "circular"),
}
LINEAR = [name for name in CALLS if name not in ("conv", "max_pool")]
calls = pytest.mark.parametrize("name", CALLS)
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
real_and_complex = pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])


@ranks
@real_and_complex
@pytest.mark.parametrize(
    ("words", "c"), [((1, 0, 1, 1), 2), ((2, 1, 2, 1), 2), ((2, "same", 1, 2), 4), ((1, "full", 1, 2), 4)], ids=str
)
def test_conv(rank, dtype, words, c):
    groups = words[-1]
    tensors = noise(2, c, *(4, 3, 3)[:rank], dtype=dtype), noise(2, c // groups, *(2,) * rank, dtype=dtype, seed=1)
    bias = noise(2, dtype=dtype, seed=2)

    def conv(x, w, b):
        return getattr(F, f"conv{rank}d")(x, w, b, *words)

    assert gradcheck(conv, (*tensors, bias), fast_mode=True)
    assert gradgradcheck(conv, (*tensors, bias), fast_mode=True)


@ranks
@real_and_complex
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_conv_whose_border_is_a_copy(rank, dtype, mode):
    tensors = noise(2, 4, *(4, 3, 3)[:rank], dtype=dtype), noise(2, 2, *(2,) * rank, dtype=dtype, seed=1)
    bias = noise(2, dtype=dtype, seed=2)

    def conv(x, w, b):
        return conv_nd(rank, x, w, b, 2, ((1, 2),) * rank, 1, 2, mode)

    assert gradcheck(conv, (*tensors, bias), fast_mode=True)
    assert gradgradcheck(conv, (*tensors, bias), fast_mode=True)


@ranks
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("backend", registry.names())
def test_a_mixed_third_derivative_past_a_copied_border_is_torchs(backend, mode, rank):
    def third(layer):
        torch.manual_seed(0)
        conv, x = layer(1, 2, 3, padding=1, padding_mode=mode, dtype=torch.float64), noise(1, 1, *(4, 3, 3)[:rank])
        energy = torch.tanh(conv(x)).square().sum()
        for k, leaf in enumerate((x, conv.weight, x)):
            (g,) = torch.autograd.grad(energy, leaf, create_graph=True)
            energy = (g * fixed(*g.shape, seed=k)).sum()
        return energy, *torch.autograd.grad(energy, (x, conv.weight))

    with registry.use_backend(backend):
        ours, torchs = (third(getattr(space, f"Conv{rank}d")) for space in (nn, torch.nn))
    torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-10)


@ranks
@real_and_complex
@pytest.mark.parametrize("words", [(1, 0, 0, 1, 1), (2, 1, 1, 2, 1), (2, 0, 1, 1, 2)], ids=str)
def test_conv_transpose(rank, dtype, words):
    groups = words[3]
    tensors = noise(2, 2, *(3, 2, 2)[:rank], dtype=dtype), noise(2, 2, *(2,) * rank, dtype=dtype, seed=1)
    bias = noise(2 * groups, dtype=dtype, seed=2)

    def conv(x, w, b):
        return getattr(F, f"conv_transpose{rank}d")(x, w, b, *words)

    assert gradcheck(conv, (*tensors, bias), fast_mode=True)
    assert gradgradcheck(conv, (*tensors, bias), fast_mode=True)


def test_conv_slowly_in_every_entry():
    x, w, b = noise(2, 2, 4, 3), noise(4, 1, 2, 2, seed=1), noise(4, seed=2)
    assert gradcheck(lambda x, w, b: F.conv2d(x, w, b, (2, 1), 1, (1, 2), 2), (x, w, b))
    assert gradgradcheck(lambda x, w, b: F.conv2d(x, w, b, (2, 1), 1, (1, 2), 2), (x, w, b))


@ranks
@pytest.mark.parametrize("words", [(2, 1, 1, 1, False), (2, 2, 0, 1, True), ((3,), 1, 1, 1, False)], ids=str)
def test_max_pool(rank, words):
    inputs = distinct(1, 2, *(4, 3, 3)[:rank])
    assert gradcheck(lambda x: getattr(F, f"max_pool{rank}d")(x, *words), inputs)
    assert gradgradcheck(lambda x: getattr(F, f"max_pool{rank}d")(x, *words), inputs)


@ranks
@pytest.mark.parametrize("name", LINEAR)
def test_linear_maps(rank, name):
    assert gradcheck(CALLS[name](F, rank), x(rank), fast_mode=True)
    assert gradgradcheck(CALLS[name](F, rank), x(rank), fast_mode=True)


@ranks
@pytest.mark.parametrize("name", ["constant", "circular", "reflect", "replicate"])
def test_complex_padding(rank, name):
    assert gradcheck(CALLS[name](F, rank), x(rank, dtype=torch.complex128), fast_mode=True)
    assert gradgradcheck(CALLS[name](F, rank), x(rank, dtype=torch.complex128), fast_mode=True)


@pytest.mark.parametrize("backend", registry.names())
def test_a_mixed_third_derivative_is_torchs(backend):
    """∂³ of Σ tanh(conv(x, w))² along x, w, x, by way of every Function of convolution."""

    def third(space):
        x, w = noise(1, 2, 3, 3), noise(2, 2, 2, 2, seed=1)
        energy = torch.tanh(space.conv2d(x, w, None, 1, 1)).square().sum()
        for k, leaf in enumerate((x, w, x)):
            (g,) = torch.autograd.grad(energy, leaf, create_graph=True)
            energy = (g * fixed(*g.shape, seed=k)).sum()
        return energy, *torch.autograd.grad(energy, (x, w))

    with registry.use_backend(backend):
        torch.testing.assert_close(third(F), third(torch_functional), rtol=1e-10, atol=1e-10)


@ranks
@calls
def test_third_derivatives_are_torchs(name, rank):
    def third(space):
        z = distinct(2, 2, *(4, 3, 3)[:rank])
        energy = CALLS[name](space, rank)(z / 8).pow(4).sum()
        for _ in range(2):
            (g,) = torch.autograd.grad(energy, z, create_graph=True)
            energy = g.pow(2).sum()
        return g, *torch.autograd.grad(energy, z)

    torch.testing.assert_close(third(F), third(torch_functional), rtol=1e-9, atol=1e-9)


@calls
def test_the_gradient_of_a_gradient_can_be_kept(name):
    z = distinct(2, 2, 4, 3)
    (g,) = torch.autograd.grad(CALLS[name](F, 2)(z).pow(3).sum(), z, create_graph=True)
    assert g.requires_grad
    g.sum().backward()
    assert z.grad.shape == z.shape


@calls
def test_the_backward_of_a_backward_is_the_map_itself(name):
    """A linear map (max pooling, with its taps chosen, is one) is its backward's backward."""
    call, z = CALLS[name](F, 2), distinct(2, 2, 4, 3)
    y = call(z)
    gy = torch.zeros_like(y).requires_grad_()
    (gx,) = torch.autograd.grad(y, z, gy, create_graph=True)
    (again,) = torch.autograd.grad(gx, gy, z.detach())
    affine = call(torch.zeros_like(z)).detach()
    torch.testing.assert_close(again, y.detach() - affine)


@calls
@pytest.mark.parametrize("rank", [2])
def test_only_what_is_asked_for_is_computed(name, rank):
    asked = x(rank)
    assert not CALLS[name](F, rank)(asked.detach()).requires_grad
    for leaves in ((0,), (1,), (2,), (0, 2)):
        tensors = [fixed(1, 2, 3, 3), fixed(2, 2, 2, 2), fixed(2)]
        for i in leaves:
            tensors[i].requires_grad_()
        grads = torch.autograd.grad(F.conv2d(*tensors).sum(), [tensors[i] for i in leaves])
        assert [g.shape for g in grads] == [tensors[i].shape for i in leaves]


@ranks
@calls
def test_torch_func_differentiates(name, rank):
    z = distinct(2, 2, *(4, 3, 3)[:rank]).detach()
    ours, torchs = (lambda x, space=space: CALLS[name](space, rank)(x).pow(2).sum() for space in SPACES)
    torch.testing.assert_close(torch.func.grad(ours)(z), torch.func.grad(torchs)(z))
    inner, outer = (torch.func.grad(lambda x, f=f: torch.func.grad(f)(x).pow(2).sum())(z) for f in (ours, torchs))
    torch.testing.assert_close(inner, outer)
    torch.testing.assert_close(
        torch.func.vjp(ours, z)[1](torch.ones(()).double()), torch.func.vjp(torchs, z)[1](torch.ones(()).double())
    )


@ranks
@calls
def test_without_the_shortcut_nothing_changes(name, rank, monkeypatch):
    def derivatives():
        z = distinct(2, 2, *(4, 3, 3)[:rank])
        y = CALLS[name](F, rank)(z)
        (g,) = torch.autograd.grad(y.pow(2).sum(), z, create_graph=True)
        return y, g, *torch.autograd.grad(g.pow(2).sum(), z)

    quick = derivatives()
    monkeypatch.setattr(function, "_SHORTCUT", False)
    for op in every(function.Op):
        monkeypatch.delattr(op._backward_cls, "apply")
    assert all(torch.equal(a, b) for a, b in zip(quick, derivatives(), strict=True))
    assert CALLS[name](F, rank)(distinct(2, 2, *(4, 3, 3)[:rank]).detach()).grad_fn is None
