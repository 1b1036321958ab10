"""Modules come to be, and change dtype, device and layout, in all of torch's ways."""

from functools import partial

import pytest
import torch

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, same, trained

row = partial(pytest.mark.compatible, "Construction and conversion of dtype, device and layout")


def reset(model):
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


@row("the same seed gives the same weights")
def test_initial_weights_are_torchs():
    assert all(map(torch.equal, build(net, nn).parameters(), build(net, torch.nn).parameters()))


@row("nn.utils.skip_init of {name}")
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_initialization_may_be_skipped(name):
    def run(space):
        torch.manual_seed(0)
        layer = torch.nn.utils.skip_init(getattr(space, name), 3, 4, 3, dtype=torch.float64)
        untouched = torch.rand(1)
        layer.reset_parameters()
        return [untouched, *gradients(layer)]

    torch.testing.assert_close(run(nn), run(torch.nn))


@row("meta device: init, to_empty, reset_parameters")
def test_a_model_without_memory_gets_it_later():
    def run(space):
        with torch.device("meta"):
            model = net(space).double()
        assert all(p.is_meta for p in model.parameters())
        torch.manual_seed(0)
        return gradients(reset(model.to_empty(device="cpu")))

    torch.testing.assert_close(run(nn), run(torch.nn))


@row("meta device: forward and backward give shapes")
def test_a_model_on_meta_tells_shapes():
    model = net(nn).to("meta")
    x = torch.empty(2, 3, 8, 8, device="meta", requires_grad=True)
    y = model(x)
    assert y.is_meta
    assert y.shape == net(torch.nn)(torch.empty(2, 3, 8, 8)).shape
    y.sum().backward()
    assert x.grad.shape == x.shape


@row("torch.set_default_dtype, torch.set_default_device")
def test_defaults_hold_for_new_modules():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("cpu")
    try:
        layer = nn.Conv2d(3, 4, 3)
        assert layer.weight.dtype == torch.float64
        y = layer(torch.ones(1, 3, 8, 8))
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    torch.testing.assert_close(y, torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8).double(), layer.weight, layer.bias))


ROUNDED = {torch.float64: {}, torch.float16: {"rtol": 1e-2, "atol": 1e-2}, torch.bfloat16: {"rtol": 5e-2, "atol": 5e-2}}


@row("module.{cast}()")
@pytest.mark.parametrize("cast", ["double", "half", "bfloat16"])
def test_a_model_may_be_cast(cast):
    def run(model):
        model = getattr(model.float(), cast)()
        dtype = model[0].weight.dtype
        y = model(images().to(dtype))
        y.sum().backward()
        assert {y.dtype, *(p.grad.dtype for p in model.parameters())} == {dtype}
        return [y, *(p.grad for p in model.parameters())]

    dtype = getattr(torch.zeros(0), cast)().dtype
    same(run, **{"rtol": 1e-7, "atol": 1e-7, **ROUNDED[dtype]})


@row("module.to(memory_format=torch.channels_last)")
def test_a_model_may_be_laid_out_with_channels_last():
    def run(model):
        model = model.to(memory_format=torch.channels_last)
        results = gradients(model, images().contiguous(memory_format=torch.channels_last))
        strides = [torch.tensor(t.stride()) for t in [*results, *model.parameters(), model(images())]]
        return [*results, *strides]

    same(run)


@row("swap_tensors, and conversions that swap (torch.__future__)")
def test_parameters_may_be_swapped():
    def run(model):
        was = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            weight = model[0].weight
            model.float().double()
            model.load_state_dict({name: t + 1 for name, t in model.state_dict().items()})
        finally:
            torch.__future__.set_swap_module_params_on_conversion(was)
        assert model[0].weight is weight
        other = torch.nn.Parameter(torch.ones_like(weight))
        torch.utils.swap_tensors(model[0].weight, other)
        assert (model[0].weight == 1).all()
        return gradients(model)

    same(run)


@row("share_memory, eval, apply, zero_grad, repr")
def test_a_module_answers_as_torchs():
    def run(model):
        model.share_memory().eval().apply(lambda m: None)
        weights = trained(model)
        model.zero_grad()
        assert all(p.is_shared() and p.grad is None for p in model.parameters())
        return weights

    same(run)
    assert repr(net(nn)) == repr(net(torch.nn))
