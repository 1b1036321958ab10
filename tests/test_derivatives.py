"""Our operators, called as operators, have the derivatives of their ops."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, jvp

from scratchlayers import derivatives, library
from scratchlayers.contract import NAMES
from scratchlayers.geometry import Frame, Window

# torch compiles its own rules for forward mode when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")


def noise(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


GRID = Window.parse(2, (2, 2), 1, 0, 1).over((3, 4))
FRAME = Frame.around((3, 4), ((1, 1), (2, 0)), "reflect")
X, Y, W, B = noise(2, 4, 3, 4), noise(2, 4, 2, 3, seed=1), noise(4, 2, 2, 2, seed=2), noise(4, seed=3)
TAP = torch.arange(48).reshape(2, 4, 2, 3).remainder(4).to(torch.uint8)
INDEX = torch.arange(48).reshape(2, 4, 2, 3).remainder(12)
OPERANDS = {
    "conv": (X, W, B, GRID, 2),
    "conv_input_grad": (Y, W, GRID, 2, B),
    "conv_weight_grad": (X, Y, GRID, 2),
    "pad": (X, FRAME),
    "pad_adjoint": (noise(2, 4, 5, 6), FRAME),
    "max_pool": (X, GRID),
    "gather": (X, TAP, GRID),
    "scatter": (Y, TAP, GRID),
    "take": (X, INDEX, (3, 4)),
    "put": (Y, INDEX, (3, 4)),
    "avg_pool": (X, ((2, 2), (2, 2, 2)), GRID),
    "avg_pool_adjoint": (Y, ((2, 2), (2, 2, 2)), GRID),
    "unfold": (X, GRID),
    "fold": (noise(2, 16, 6), GRID),
}


def called(name):
    """The operator as a function of what it takes; of max pooling its values."""
    operator = getattr(torch.ops.scratchlayers, name)

    def call(*operands):
        y = operator(" fast", *(library._flat(v, k) for v, k in zip(operands, library._KINDS[name], strict=False)))
        return y[0] if isinstance(y, tuple) else y

    return call


@pytest.mark.parametrize("name", OPERANDS)
def test_an_operator_agrees_with_differences(name):
    operands = OPERANDS[name]
    leaves = {i: z for i, z in enumerate(operands) if isinstance(z, torch.Tensor) and z.requires_grad}

    def call(*changed):
        given = dict(zip(leaves, changed, strict=True))
        return called(name)(*(given.get(i, z) for i, z in enumerate(operands)))

    assert gradcheck(call, tuple(leaves.values()), fast_mode=True, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, tuple(leaves.values()), check_fwd_over_rev=True, fast_mode=True)


@pytest.mark.parametrize("name", OPERANDS)
def test_a_derivative_of_a_derivative_is_there_too(name):
    x, *rest = OPERANDS[name]
    x = x.detach()

    def energy(x):
        return called(name)(x, *rest).sin().sum()

    y, ty = jvp(grad(energy), (x,), (x.cos(),))
    leaf = x.clone().requires_grad_()
    (gx,) = torch.autograd.grad(energy(leaf), leaf, create_graph=True)
    (hx,) = torch.autograd.grad(gx, leaf, x.cos())  # the second derivative is symmetric
    torch.testing.assert_close((y, ty), (gx, hx))
    assert ty.count_nonzero()


def test_places_have_no_derivative():
    assert {*derivatives._OPS} == {*NAMES} == {*OPERANDS, "tap_index"}
    assert not called("tap_index")(TAP, GRID).requires_grad
