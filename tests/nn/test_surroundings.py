"""What else may be done with a layer of ours: subclasses, many gradients at once. For more see tests/compatibility."""

import torch

from scratchlayers import nn
from tests.compatibility.models import build, images, net


def test_a_subclass_with_a_forward_of_its_own_keeps_it():
    class Scaled(nn.Conv2d):
        def forward(self, input):
            return 2 * super().forward(input)

    layer = Scaled(3, 4, 3).double()
    assert torch.equal(layer(images()), 2 * nn.functional.conv2d(images(), layer.weight, layer.bias))


def test_batched_gradients_are_right_or_refused():
    x = images().requires_grad_()
    y = build(net, nn)(x).flatten()
    basis = torch.eye(y.numel(), dtype=y.dtype)[:3]
    rows = torch.stack([torch.autograd.grad(y, x, g, retain_graph=True)[0] for g in basis])
    try:
        (batched,) = torch.autograd.grad(y, x, basis, is_grads_batched=True)
    except RuntimeError as why:
        assert any(word in str(why) for word in ("Batching rule", "vmap", "data pointer"))  # noqa: PT017 any will do
    else:
        torch.testing.assert_close(batched, rows)
