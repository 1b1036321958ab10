"""Autocast around forward, around backward, around nothing: where it stands changes no gradient."""

import pytest
import torch
import torch.nn.functional as torch_functional

from scratchlayers import functional as F
from scratchlayers import nn
from tests.draw import tensor

HALF = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
x, w = tensor((2, 4, 6, 6, 6), torch.float32, seed=1), tensor((4, 4, 3, 3, 3), torch.float32, seed=2)
CALLS = {
    "conv": lambda space, x, w: space.conv3d(x, w, None, 1, 1),
    "conv_transpose": lambda space, x, w: space.conv_transpose2d(x[:, :, 0], w[:, :, 0], None, 2, 1),
    "max_pool": lambda space, x, w: space.max_pool3d(x, 2),
    "max_pool_indices": lambda space, x, w: space.max_pool3d(x, 2, return_indices=True)[0],
    "avg_pool": lambda space, x, w: space.avg_pool3d(x, 2),
    "avg_pool2d": lambda space, x, w: space.avg_pool2d(x[:, 0], 2),
    "reflect": lambda space, x, w: space.pad(x[0], (1, 1, 1, 1), "reflect"),
    "reflect3d": lambda space, x, w: space.pad(x, (1,) * 6, "reflect"),
    "replicate": lambda space, x, w: space.pad(x, (1,) * 6, "replicate"),
    "circular": lambda space, x, w: space.pad(x, (1,) * 6, "circular"),
    "constant": lambda space, x, w: space.pad(x, (1,) * 6),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def step(space, call, dtype, around_backward=False, enabled=True):
    """The result and the gradients of a call under autocast."""
    leaves = [t.clone().requires_grad_() for t in (x, w)]
    with torch.autocast("cpu", dtype):
        with torch.autocast("cpu", dtype, enabled=enabled):
            y = call(space, *leaves)
        if around_backward:
            y.float().sum().backward()
    if not around_backward:
        y.float().sum().backward()
    return [y.detach(), *(leaf.grad for leaf in leaves)]


def same(results, wanted):
    return all(
        (a is c) or (a is not None and c is not None and a.dtype == c.dtype and torch.equal(a, c))
        for a, c in zip(results, wanted, strict=True)
    )


@calls
@HALF
def test_results_and_gradients_are_torchs(call, dtype):
    """Whole numbers: exact in half precision too."""
    assert same(step(F, call, dtype), step(torch_functional, call, dtype))


@calls
@HALF
def test_backward_may_run_inside_the_region_or_outside(call, dtype):
    assert same(step(F, call, dtype, around_backward=True), step(F, call, dtype))


@calls
def test_a_region_can_be_switched_off_inside_another(call):
    plain = [t.clone().requires_grad_() for t in (x, w)]
    y = call(F, *plain)
    y.sum().backward()
    assert same(step(F, call, torch.bfloat16, enabled=False), [y.detach(), *(leaf.grad for leaf in plain)])


def test_second_derivatives_are_taken_in_the_same_dtypes():
    def second(space):
        leaves = [t.clone().requires_grad_() for t in (x, w)]
        with torch.autocast("cpu", torch.bfloat16):
            y = CALLS["conv"](space, *leaves)
        (gx,) = torch.autograd.grad(y.float().sum(), leaves[0], create_graph=True)
        return [gx.detach(), *torch.autograd.grad(gx.sum(), leaves[1])]

    assert same(second(F), second(torch_functional))


def scaled_steps(space):
    """The weights after steps of mixed-precision training, one of them with a gradient that overflows."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        space.Conv2d(1, 4, 3, padding=1), space.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(64, 3)
    )
    optimizer, scaler = torch.optim.SGD(net.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=2.0**8)
    scales = []
    for factor in (1.0, float("inf"), 1.0):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            loss = factor * net(tensor((2, 1, 8, 8), torch.float32, seed=3)).float().square().mean()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    return scales, list(net.parameters())


@pytest.mark.compatible("Autocast and dtypes", "torch.amp.GradScaler steps, and skips what overflows")
def test_a_gradient_scaler_steps_and_skips_as_with_torchs():
    (scales, weights), (torchs_scales, torchs_weights) = scaled_steps(nn), scaled_steps(torch.nn)
    assert scales == torchs_scales == [256.0, 128.0, 128.0]
    torch.testing.assert_close(weights, torchs_weights, rtol=1e-2, atol=1e-3)
