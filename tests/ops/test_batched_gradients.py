"""Batches of gradients: what torch's older vmap, which makes them, asks beyond a table of functions."""

import threading

import pytest
import torch
from torch import nn as torch_nn
from torch._vmap_internals import _vmap
from torch.autograd.functional import jacobian

from scratchlayers import functional as F
from scratchlayers import nn, registry
from scratchlayers.ops import legacy_vmap
from tests import registries
from tests.compare import outcome, same_error

# torch compiles its own rules for forward mode when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")


def noise(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def net(space):
    torch.manual_seed(0)
    layers = (
        space.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        space.MaxPool2d(2),
        space.ConvTranspose2d(4, 2, 2, groups=2),
        space.AvgPool2d(2),
    )
    return torch_nn.Sequential(*layers).double()


X = noise(2, 2, 6, 6)


def gradients(space, gys, x=X):
    """The gradients of a net's input and weights, one for each of a batch."""
    model, x = net(space), x.clone().requires_grad_()
    return torch.autograd.grad(model(x), [x, *model.parameters()], gys, is_grads_batched=True)


GYS = noise(3, 2, 2, 2, 2, seed=1)
IDS = ["three", "one", "expanded", "transposed"]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("gys", [GYS, GYS[:1], GYS[:, :1].expand_as(GYS), GYS[:2].transpose(0, -1)], ids=IDS)
def test_a_nets_batched_gradients_are_torchs(gys, layout):
    x = X.contiguous(memory_format=layout)
    torch.testing.assert_close(gradients(nn, gys, x), gradients(torch_nn, gys, x))


def test_no_gradients_are_refused_as_by_torch():
    same_error(outcome(gradients, nn, GYS[:0]), outcome(gradients, torch_nn, GYS[:0]))


def test_batches_of_batches_are_torchs():
    def nested(space):
        model, x = net(space), X.clone().requires_grad_()
        y, leaves = model(x), [x, *model.parameters()]
        one = lambda g: torch.autograd.grad(y, leaves, g, retain_graph=True)  # noqa: E731 what the levels are around
        inner_only = _vmap(lambda a: _vmap(lambda g: one(g * a))(GYS))(noise(4))
        return *_vmap(_vmap(one))(torch.stack([GYS, GYS.sin()])), *inner_only

    torch.testing.assert_close(nested(nn), nested(torch_nn))


def test_threads_of_the_autograd_engine_have_not_counted_the_levels():
    """Those of a device take over which dispatch keys are on, but not how many levels there are."""
    model, x = net(nn), X.clone().requires_grad_()
    y = model(x)

    def elsewhere(gy):
        def work():
            torch._C._dispatch_tls_set_dispatch_key_included(legacy_vmap._MODE, True)
            found.extend(torch.autograd.grad(y, x, gy))

        found = []
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found[0]

    torch.testing.assert_close(_vmap(elsewhere)(GYS), gradients(torch_nn, GYS)[0])


def test_a_kernel_is_called_once_with_all_gradients():
    shapes = []
    numba = registry.get("numba")

    def conv_input_grad(gy, *how):
        shapes.append(tuple(gy.shape))
        return numba.kernels["conv_input_grad"](gy, *how)

    x, w = X.clone().requires_grad_(), noise(4, 2, 3, 3)
    watched = registry.Backend("watched", {"conv_input_grad": conv_input_grad}, frozenset({"cpu"}), priority=1)
    with registries.registered(watched):
        torch.autograd.grad(F.conv2d(x, w), x, noise(3, 2, 4, 4, 4), is_grads_batched=True)
    assert shapes == [(6, 4, 4, 4)]


def test_without_torchs_private_functions_nothing_is_silently_wrong(monkeypatch):
    monkeypatch.setattr(legacy_vmap, "is_active", lambda: False)
    with pytest.raises(RuntimeError, match="storage"):
        gradients(nn, GYS)


@pytest.mark.parametrize("samples", [None, torch.full((2, 2, 2), 0.5).double()], ids=["drawn", "given"])
def test_random_windows_are_not_drawn_inside_a_batch_of_tangents(samples):
    def run(space, **words):
        torch.manual_seed(0)
        pool = space.functional.fractional_max_pool2d if space is torch_nn else F.fractional_max_pool2d
        return jacobian(lambda x: pool(x, 2, 3, _random_samples=samples), X, **words)

    forward = {"vectorize": True, "strategy": "forward-mode"}
    torch.testing.assert_close(run(nn, vectorize=True), run(torch_nn))
    if samples is None:
        same_error(outcome(run, nn, **forward), outcome(run, torch_nn, **forward))
    else:
        torch.testing.assert_close(run(nn, **forward), run(torch_nn))
