"""Weights computed from others, in each of torch's ways; and weights pruned."""

from functools import partial

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, same, trained

row = partial(pytest.mark.compatible, "Parametrization and pruning")
NEW = {
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": partial(parametrizations.orthogonal, orthogonal_map="householder"),
}
OLD = {"weight_norm": torch.nn.utils.weight_norm, "spectral_norm": torch.nn.utils.spectral_norm}
PRUNE = {
    "l1_unstructured": partial(prune.l1_unstructured, name="weight", amount=0.4),
    "random_unstructured": partial(prune.random_unstructured, name="weight", amount=0.4),
    "ln_structured": partial(prune.ln_structured, name="weight", amount=0.5, n=2, dim=0),
}


def wrapped(wrap):
    def make(space):
        model = net(space)
        for index in (0, 3, 6):
            wrap(model[index])
        return model

    return make


@row("parametrizations.{name}")
@pytest.mark.parametrize("name", NEW)
def test_parametrized_layers_train_as_torchs(name):
    make = wrapped(NEW[name])
    same(trained, make)
    same(gradients, make)
    assert isinstance(make(nn)[0], nn.Conv2d)


@row("removing a parametrization")
def test_a_parametrization_may_be_removed():
    def run(model):
        trained(model)
        for index in (0, 3, 6):
            parametrize.remove_parametrizations(model[index], "weight")
        assert type(model[0]).__name__ == "Conv2d"
        return gradients(model)

    same(run, wrapped(NEW["weight_norm"]))


@row("old-style torch.nn.utils.{name}")
@pytest.mark.parametrize("name", OLD)
@pytest.mark.filterwarnings("ignore:.*(weight_norm|spectral_norm).* is deprecated:FutureWarning")
def test_layers_with_old_hooks_train_as_torchs(name):
    same(trained, wrapped(OLD[name]))


@row("prune.{name}, and making it permanent")
@pytest.mark.parametrize("name", PRUNE)
def test_pruned_layers_train_as_torchs(name):
    def run(model):
        weights = trained(model)
        for index in (0, 3, 6):
            prune.remove(model[index], "weight")
        return [*weights, model(images())]

    same(run, wrapped(PRUNE[name]))
    assert (wrapped(PRUNE[name])(nn)[0].weight == 0).any()


@row("global pruning")
def test_a_whole_model_is_pruned():
    def run(model):
        prune.global_unstructured([(model[i], "weight") for i in (0, 3, 6)], prune.L1Unstructured, amount=0.5)
        return trained(model)

    same(run)


def test_models_of_one_seed_start_alike():
    for ours, torchs in zip(build(net, nn).parameters(), build(net, torch.nn).parameters(), strict=True):
        assert torch.equal(ours, torchs)
