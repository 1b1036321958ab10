"""One small model with every kind of layer, built of our classes and of torch's; and what is done with both."""

import torch

from scratchlayers import nn

SPACES = {"ours": nn, "torch's": torch.nn}


def images(n=2):
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def net(space):
    """(N, 3, 8, 8) to (N, 5, 4, 4)."""
    return torch.nn.Sequential(
        space.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        torch.nn.Tanh(),
        space.MaxPool2d(2),
        space.ConvTranspose2d(4, 4, 3, stride=2),
        space.ReplicationPad2d((0, -1, 0, -1)),
        space.AvgPool2d(2),
        space.Conv2d(4, 5, 3, padding="same", bias=False),
    )


def build(make, space):
    """A model with the weights that every other model has which is built like this."""
    torch.manual_seed(0)
    return make(space).double()


def same(run, make=net, **tolerance):
    """Assert that ``run(model)`` is with our layers what it is with torch's, and return it."""
    ours, torchs = (run(build(make, space)) for space in (nn, torch.nn))
    torch.testing.assert_close(ours, torchs, **tolerance)
    return ours


def gradients(model, x=None):
    """The loss, the input's gradient and all parameters' gradients of one pass."""
    x = (images() if x is None else x).requires_grad_()
    loss = model(x).square().sum()
    loss.backward()
    return [loss.detach(), x.grad, *(p.grad for p in model.parameters())]


def trained(model, optimizer=None, steps=3, x=None):
    """The parameters after some steps."""
    x = images() if x is None else x
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]
