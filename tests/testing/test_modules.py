"""Every layer beside torch's."""

from types import SimpleNamespace

import pytest
import torch

from scratchlayers import nn
from scratchlayers.testing import BrokenLawError, module_checks, modules
from scratchlayers.testing.layers import LAYERS, Layer
from tests.nn.build import CLASSES


@pytest.mark.parametrize("check", module_checks(), ids=str)
def test_layer_is_torchs(check):
    check()


@pytest.mark.xfail(strict=True, reason="torch forgets channels_last_3d for one float32 image, ours does not")
def test_memory_format_of_one_image():
    modules.same_memory_format(Layer("ConvTranspose3d", (2, 2, 2), {}, (1, 2, 3, 2, 2)))


def test_every_class_of_ours_is_in_the_table():
    assert {layer.name for layer in LAYERS} == set(CLASSES)


class DrawsAgain(nn.Conv2d):
    def reset_parameters(self):
        super().reset_parameters()
        super().reset_parameters()


class SaysMore(nn.Conv2d):
    def extra_repr(self):
        return f"{super().extra_repr()}, ours"


class ForgetsItsWeights(nn.Conv2d):
    def __getstate__(self):
        weight = torch.nn.Parameter(torch.zeros_like(self.weight))
        return {**super().__getstate__(), "_parameters": {**self._parameters, "weight": weight}}


class TakesBatchesOnly(nn.Conv2d):
    def forward(self, input):
        return super().forward(input) if input.dim() == 4 else super().forward(input) * 2


class ForgetsChannelsLast(nn.Conv2d):
    def forward(self, input):
        return super().forward(input).contiguous()


class ForgetsTheBiasInBackward(nn.Conv2d):
    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias + self.bias.detach() - self.bias)


class HasItsOwnWords(nn.Conv2d):
    def forward(self, input):
        if input.dim() not in (3, 4):
            raise RuntimeError("not my kind of input")
        return super().forward(input)


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (DrawsAgain, modules.same_construction),
        (SaysMore, modules.same_repr_and_state),
        (ForgetsItsWeights, modules.survives_copies),
        (TakesBatchesOnly, modules.same_output),
        (ForgetsChannelsLast, modules.same_memory_format),
        (ForgetsTheBiasInBackward, modules.same_gradients),
        (HasItsOwnWords, modules.same_errors),
    ],
)
def test_each_law_catches_a_broken_layer(broken, law, monkeypatch):
    layer = next(layer for layer in LAYERS if layer.name == "Conv2d" and layer.input[1] > 1)
    law(layer)
    monkeypatch.setattr(modules, "nn", SimpleNamespace(Conv2d=broken))
    with pytest.raises((BrokenLawError, AttributeError)):
        law(layer)
