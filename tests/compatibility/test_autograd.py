"""Modes of autograd, its threads and its checks."""

import threading
from functools import partial

import pytest
import torch

from scratchlayers import nn
from tests.compatibility.models import build, gradients, images, net, same

row = partial(pytest.mark.compatible, "Autograd")


@row("forward and backward of a model")
def test_a_model_computes_what_torchs_does():
    same(gradients)


@row("no_grad and inference_mode")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_nothing_is_recorded_where_nothing_may_be(mode):
    def run(model):
        with mode():
            y = model(images().requires_grad_())
        assert not y.requires_grad
        assert y.is_inference() == (mode is torch.inference_mode)
        return [y.clone(), *gradients(model)]

    same(run)


@row("tensors made in inference_mode, used outside of it")
def test_inference_tensors_are_refused_by_autograd_as_by_torchs():
    def run(model):
        with torch.inference_mode():
            x = images()
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            model(x)
        model.requires_grad_(False)
        return model(x)

    same(run, lambda space: space.Conv2d(3, 4, 3))


@row("anomaly mode: nothing to find")
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
def test_anomaly_mode_finds_nothing():
    with torch.autograd.set_detect_anomaly(True):
        same(gradients)


@row("anomaly mode: a NaN in our backward, and the line of forward that it belongs to")
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
def test_anomaly_mode_finds_where_a_nan_arose():
    with torch.autograd.set_detect_anomaly(True):
        y = build(net, nn)(images().requires_grad_())
        with (
            pytest.warns(UserWarning, match=r"(?s)Error detected in ConvBackward.*test_anomaly_mode_finds_where"),
            pytest.raises(RuntimeError, match="Function 'ConvBackward' returned nan values in its 0th output"),
        ):
            y.backward(torch.full_like(y, torch.nan))


@row("backward of one graph in four threads")
def test_threads_share_a_graph():
    def run(model):
        x = images().requires_grad_()
        hidden, start = model[0](x), threading.Barrier(4)

        def work():
            start.wait()
            for _ in range(5):
                model[1:](hidden).square().sum().backward(retain_graph=True)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [x.grad, *(p.grad for p in model.parameters())]

    same(run)


@row("gradients accumulate; retain_graph; post-accumulate hooks")
def test_gradients_accumulate():
    def run(model):
        seen = []
        for p in model.parameters():
            p.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        loss = model(images()).square().sum()
        loss.backward(retain_graph=True)
        loss.backward()
        return [*seen, *(p.grad for p in model.parameters())]

    same(run)


@row("double backward of a model")
def test_a_hessian_vector_product_is_torchs():
    def run(model):
        parameters = list(model.parameters())
        g = torch.autograd.grad(model(images()).square().sum(), parameters, create_graph=True)
        return torch.autograd.grad(sum((h**2).sum() for h in g), parameters)

    same(run)


@row("torch.func.functional_call, with weights tied or not, and its torch.func.grad")
@pytest.mark.parametrize("tie_weights", [True, False])
def test_a_functional_call_uses_the_weights_it_is_given(tie_weights):
    def run(model):
        weights = {name: torch.full_like(p, 0.5).requires_grad_() for name, p in model.named_parameters()}

        def call(weights):
            return torch.func.functional_call(model, weights, (images(),), tie_weights=tie_weights)

        grads = torch.autograd.grad(call(weights).square().sum(), list(weights.values()))
        return [call(weights), *grads, torch.func.grad(lambda w: call(w).square().sum())(weights)]

    same(run)


@row("frozen layers get no gradients")
def test_frozen_layers_are_left_out():
    def run(model):
        model[0].requires_grad_(False)
        model[-1].requires_grad_(False)
        x = images()
        model(x).square().sum().backward()
        return [p.grad for p in model.parameters() if p.grad is not None]

    assert len(same(run)) == 2


def test_the_model_has_every_kind_of_layer():
    kinds = {
        type(layer).__name__[:-2] for layer in build(net, nn) if type(layer).__module__.startswith("scratchlayers")
    }
    assert kinds == {"Conv", "MaxPool", "ConvTranspose", "ReplicationPad", "AvgPool"}
