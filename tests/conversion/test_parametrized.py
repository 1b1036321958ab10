"""Parametrizations go on through conversions, before and after."""

import copy

import pytest
import torch
from torch import nn as torch_nn
from torch.nn.utils import parametrizations, parametrize

from scratchlayers import convert, nn, report, revert

from ..architectures import computed
from ..registries import recorder
from .others import Standardized
from .test_subclasses import close, example

NORMS = [parametrizations.weight_norm, parametrizations.spectral_norm, parametrizations.orthogonal]
KINDS = [torch_nn.Conv2d, Standardized, torch_nn.ConvTranspose2d]


@pytest.fixture(
    params=[(kind, norm) for kind in KINDS for norm in NORMS], ids=lambda p: f"{p[0].__name__}-{p[1].__name__}"
)
def layer(request):
    kind, norm = request.param
    torch.manual_seed(0)
    return norm(kind(2, 3, 3).double()).eval()


def test_parametrized_before_the_conversion_computes_the_same_on_our_kernels(layer):
    want = computed(layer, example())
    name, keys = type(layer).__name__, list(layer.state_dict())
    with recorder(priority=1) as calls:
        close(computed(convert(layer), example()), want)
    assert "conv_weight_grad" in calls
    assert (type(layer).__name__, list(layer.state_dict())) == (name, keys)
    assert parametrize.is_parametrized(layer, "weight")
    assert report(layer).ours == {"": name}


def test_reverted_has_its_class_back(layer):
    kind, want = type(layer), computed(layer, example())
    convert(layer)
    computed(copy.deepcopy(layer), example())
    assert type(revert(layer)) is kind
    for y, z in zip(computed(layer, example()), want, strict=True):
        assert torch.equal(y, z)


@pytest.mark.parametrize("kind", KINDS)
def test_parametrized_after_the_conversion_reverts(kind):
    layer = parametrizations.weight_norm(convert(kind(2, 3, 3).double()))
    want = computed(layer, example())
    revert(layer)
    assert type(layer).__bases__ == (kind,)
    close(computed(layer, example()), want)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("back_first", [True, False])
def test_parametrizations_are_removed_from_what_was_converted(kind, back_first):
    layer = convert(parametrizations.weight_norm(kind(2, 3, 3)))
    converted = type(convert(kind(2, 3, 3)))
    for step in (revert, bare) if back_first else (bare, revert):
        step(layer)
        assert type(layer) is (converted if step is bare and not back_first else type(layer))
    assert type(layer) is kind


@pytest.mark.parametrize("name", ["bias", "weight"])
def test_another_parametrization_after_the_conversion_is_kept_by_the_reversion(name):
    layer = convert(parametrizations.weight_norm(torch_nn.Conv2d(2, 3, 3).double()))
    parametrize.register_parametrization(layer, name, torch_nn.Softplus())
    want = computed(layer, example())
    revert(layer)
    assert not isinstance(layer, nn.Conv2d)
    assert parametrize.is_parametrized(layer, name)
    close(computed(layer, example()), want)


def bare(layer):
    parametrize.remove_parametrizations(layer, "weight")
