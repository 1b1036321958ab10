"""What is kept for backward may be thrown away and computed again, packed elsewhere, or chosen operator by operator."""

from functools import partial

import pytest
import torch
from torch.autograd import graph
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, same

row = partial(pytest.mark.compatible, "Memory")


class Checkpointed(torch.nn.Module):
    def __init__(self, model, **options):
        super().__init__()
        self.model, self.options = model, options

    def forward(self, x):
        return checkpoint(self.model, x, **self.options)


@row("activation checkpointing, use_reentrant={use_reentrant}")
@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_layers_train_as_plain_ones(use_reentrant):
    got = same(lambda model: gradients(Checkpointed(model, use_reentrant=use_reentrant)))
    torch.testing.assert_close(got, gradients(build(net, nn)))


def keep(names, used):
    """A policy that keeps what the operators of these names computed and recomputes all else."""

    def policy(context, operator, *arguments, **words):
        used.add(str(operator))
        kept = any(name in str(operator) for name in names)
        return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    return partial(create_selective_checkpoint_contexts, policy)


@row("selective activation checkpointing")
@pytest.mark.parametrize("names", [(), ("conv",), ("tanh",)], ids=["nothing", "conv", "tanh"])
def test_selectively_checkpointed_layers_train_as_plain_ones(names):
    options = {"use_reentrant": False, "context_fn": keep(names, set())}
    got = same(lambda model: gradients(Checkpointed(model, **options)))
    torch.testing.assert_close(got, gradients(build(net, nn)))


@row("selective activation checkpointing: a policy sees our operators")
def test_a_policy_is_asked_about_our_operators():
    used = set()
    gradients(Checkpointed(build(net, nn), use_reentrant=False, context_fn=keep((), used)))
    assert any("conv" in name for name in used)


@row("saved_tensors_hooks")
def test_hooks_pack_and_unpack_what_is_saved():
    def run(model):
        with graph.saved_tensors_hooks(lambda t: t.numpy(), torch.from_numpy):
            return gradients(model)

    same(run)


@row("saved_tensors_hooks: backward of {name} reads nothing else")
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_backward_reads_what_the_hooks_return(name):
    def run(model):
        with graph.saved_tensors_hooks(lambda t: 2 * t, lambda t: 3 * t):
            return gradients(model)

    def make(space):
        return torch.nn.Sequential(getattr(space, name)(3, 4, 3), getattr(space, name)(4, 6, 2, groups=2))

    assert not torch.equal(same(run, make)[1], gradients(build(make, nn))[1])


@row("save_on_cpu")
def test_saved_tensors_may_lie_in_other_memory():
    def run(model):
        with graph.save_on_cpu():
            return gradients(model)

    same(run)


@row("allow_mutation_on_saved_tensors")
def test_saved_tensors_may_be_written_to():
    def run(model):
        with graph.allow_mutation_on_saved_tensors():
            x = images().requires_grad_() * 1
            y = model(x)
            x.zero_()
            y.sum().backward()
        return [p.grad for p in model.parameters()]

    same(run)
