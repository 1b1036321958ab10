"""Hooks of modules see and change what they see and change of torch's layers."""

from functools import partial

import pytest
import torch

from tests.compatibility.models import gradients, images, same

row = partial(pytest.mark.compatible, "Hooks")


def copied(value):
    return [copied(v) for v in value] if isinstance(value, tuple) else None if value is None else value.detach().clone()


REGISTER = {
    "forward hooks": lambda m, note: m.register_forward_hook(lambda m, args, y: note(args, y)),
    "forward hooks with keyword arguments": lambda m, note: m.register_forward_hook(
        lambda m, args, words, y: note(args, tuple(words.values()), y), with_kwargs=True
    ),
    "forward pre-hooks": lambda m, note: m.register_forward_pre_hook(lambda m, args: note(args)),
    "full backward hooks": lambda m, note: m.register_full_backward_hook(lambda m, gx, gy: note(gx, gy)),
    "full backward pre-hooks": lambda m, note: m.register_full_backward_pre_hook(lambda m, gy: note(gy)),
}


@row("{kind} see the same, in the same order")
@pytest.mark.parametrize("kind", REGISTER)
def test_hooks_see_what_they_see_in_torch(kind):
    def run(model):
        seen, names = [], []
        for name, module in model.named_children():
            note = lambda *values, name=name: (names.append(name), seen.append(copied(values)))[2:] or None  # noqa: E731
            REGISTER[kind](module, note)
        gradients(model)
        return [torch.tensor(list(map(int, names))), seen]

    order, seen = same(run)
    assert len(order) == len(seen) == 7


@row("forward hooks may replace inputs and outputs, backward hooks gradients")
def test_hooks_may_change_what_passes():
    def run(model):
        model[0].register_forward_pre_hook(lambda m, args: (2 * args[0],))
        model[2].register_forward_hook(lambda m, args, y: y + 1)
        model[3].register_full_backward_hook(lambda m, gx, gy: (3 * gx[0],))
        model[6].register_full_backward_pre_hook(lambda m, gy: (gy[0].clamp(-1, 1),))
        return gradients(model)

    same(run)


@row("hooks on outputs, parameters and graph nodes")
def test_tensor_hooks_see_gradients():
    def run(model):
        seen = []
        y = model(images().requires_grad_())
        y.register_hook(seen.append)
        for p in model.parameters():
            p.register_hook(seen.append)
        y.grad_fn.register_hook(lambda gx, gy: seen.extend([gx[0], gy[0]]))
        y.square().sum().backward()
        return sorted(seen, key=lambda t: (t.numel(), t.sum().item()))

    same(run)


@row("global module hooks, and their removal")
def test_global_hooks_are_called():
    def run(model):
        seen = []
        hook = torch.nn.modules.module.register_module_forward_hook(lambda m, args, y: seen.append(y.detach()))
        try:
            gradients(model)
        finally:
            hook.remove()
        gradients(model)
        return seen

    assert len(same(run)) == 8
