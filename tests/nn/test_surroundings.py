"""What else may be done with a layer of ours: hooks, parametrizations, checkpoints, functional calls, subclasses."""

import pytest
import torch
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from scratchlayers import nn

SPACES = {"ours": nn, "torchs": torch.nn}


def images():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def both(build, run):
    """What ``run(build(space))`` is for our classes and for torch's."""
    results = []
    for space in SPACES.values():
        torch.manual_seed(0)
        results.append(run(build(space).double()))
    return results


def net(space):
    return torch.nn.Sequential(
        space.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), space.MaxPool2d(2), space.AvgPool2d(2)
    )


def trained(model):
    """The gradients of one step, and the weights after it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(images()).square().sum().backward()
    optimizer.step()
    return [p.grad for p in model.parameters()] + list(model.parameters())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda layer: layer,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        lambda layer: parametrizations.orthogonal(layer, orthogonal_map="householder"),
    ],
    ids=["bare", "weight_norm", "spectral_norm", "orthogonal"],
)
def test_parametrized_layers_train_as_torchs(wrap):
    torch.testing.assert_close(*both(lambda space: wrap(space.Conv2d(3, 4, 3)), trained))


def test_hooks_see_what_they_see_in_torch():
    def run(model):
        seen = []
        for module in model:
            module.register_forward_hook(lambda m, inputs, y: seen.append((m.__class__.__name__, y.detach())))
            module.register_full_backward_hook(lambda m, gx, gy: seen.append((m.__class__.__name__, gx[0], gy[0])))
        model(images().requires_grad_()).sum().backward()
        return seen

    ours, torchs = both(net, run)
    assert [row[0] for row in ours] == [row[0] for row in torchs]
    torch.testing.assert_close([row[1:] for row in ours], [row[1:] for row in torchs])


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_layers_train_as_plain_ones(use_reentrant):
    def run(model):
        x = images().requires_grad_()
        checkpoint(model, x, use_reentrant=use_reentrant).sum().backward()
        return [x.grad, *(p.grad for p in model.parameters())]

    torch.testing.assert_close(*both(net, run))


def test_a_functional_call_uses_the_weights_it_is_given():
    def run(model):
        weights = {name: torch.ones_like(p) for name, p in model.named_parameters()}
        loss = torch.func.grad(lambda w: torch.func.functional_call(model, w, (images(),)).square().sum())
        return [torch.func.functional_call(model, weights, (images(),)), loss(weights)]

    torch.testing.assert_close(*both(net, run))


def test_a_hessian_vector_product_is_torchs():
    def run(model):
        parameters = list(model.parameters())
        g = torch.autograd.grad(model(images()).tanh().square().sum(), parameters, create_graph=True)
        return torch.autograd.grad(sum(map(torch.sum, g)), parameters)

    torch.testing.assert_close(*both(net, run))


def test_a_subclass_with_a_forward_of_its_own_keeps_it():
    class Scaled(nn.Conv2d):
        def forward(self, input):
            return 2 * super().forward(input)

    layer = Scaled(3, 4, 3).double()
    assert torch.equal(layer(images()), 2 * nn.functional.conv2d(images(), layer.weight, layer.bias))


def test_anomaly_detection_finds_nothing():
    with torch.autograd.set_detect_anomaly(True):
        net(nn).double()(images().requires_grad_()).sum().backward()


def test_batched_gradients_are_right_or_refused():
    x = images().requires_grad_()
    y = net(nn).double()(x).flatten()
    basis = torch.eye(y.numel(), dtype=y.dtype)[:3]
    rows = torch.stack([torch.autograd.grad(y, x, g, retain_graph=True)[0] for g in basis])
    try:
        (batched,) = torch.autograd.grad(y, x, basis, is_grads_batched=True)
    except RuntimeError as why:
        assert any(word in str(why) for word in ("Batching rule", "vmap", "data pointer"))  # noqa: PT017 any will do
    else:
        torch.testing.assert_close(batched, rows)


def test_moving_and_casting_is_torchs():
    layer = nn.Conv2d(3, 4, 3).to(torch.bfloat16, memory_format=torch.channels_last)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert layer(images().bfloat16()).is_contiguous(memory_format=torch.channels_last)
    assert nn.Conv2d(3, 4, 3, device="meta").weight.is_meta
