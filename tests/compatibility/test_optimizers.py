"""Optimizers, the tools around them, and averaged models."""

from functools import partial

import pytest
import torch
from torch.optim import swa_utils

from tests.compatibility.models import images, net, same, trained

row = partial(pytest.mark.compatible, "Optimizers")
OPTIMIZERS = {
    "SGD, momentum, foreach": partial(torch.optim.SGD, lr=0.05, momentum=0.9, foreach=True),
    "SGD, fused": partial(torch.optim.SGD, lr=0.05, momentum=0.9, fused=True),
    "Adam, foreach": partial(torch.optim.Adam, lr=0.01, foreach=True),
    "AdamW, fused": partial(torch.optim.AdamW, lr=0.01, fused=True),
    "Adam, one tensor at a time": partial(torch.optim.Adam, lr=0.01, foreach=False),
}


@row("{name}")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_torchs_layers(name):
    same(lambda model: trained(model, OPTIMIZERS[name](model.parameters())))


@row("LBFGS, which calls the model several times a step")
def test_an_optimizer_may_ask_again():
    def run(model):
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

        def closure():
            optimizer.zero_grad()
            loss = model(images()).square().mean()
            loss.backward()
            return loss

        optimizer.step(closure)
        return list(model.parameters())

    same(run)


@row("clip_grad_norm_, clip_grad_value_, parameters_to_vector")
def test_gradients_may_be_clipped():
    def run(model):
        model(images()).square().sum().backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.1)
        return [norm, torch.nn.utils.parameters_to_vector(p.grad for p in model.parameters())]

    same(run)


@row("swa_utils.AveragedModel")
def test_models_may_be_averaged():
    def run(model):
        averaged = swa_utils.AveragedModel(model)
        for _ in range(3):
            trained(model, steps=1)
            averaged.update_parameters(model)
        return averaged(images())

    same(run, net)
