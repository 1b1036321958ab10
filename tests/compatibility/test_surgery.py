"""Tools that exchange modules for others."""

from functools import partial

import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

import scratchlayers
from scratchlayers import nn
from tests.compatibility.models import SPACES, build, gradients, images, same

row = partial(pytest.mark.compatible, "Tools that exchange modules")


def normed(space):
    return torch.nn.Sequential(
        space.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), space.MaxPool2d(2)
    )


@row("fuse_conv_bn_eval before {name}")
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_a_batch_norm_is_fused_into_the_layer_before_it(name):
    def run(model):
        model(images())  # running statistics
        layer, norm = model.eval()
        fused = fuse_conv_bn_eval(layer, norm, transpose=name == "ConvTranspose2d")
        assert type(fused) is type(layer)
        torch.testing.assert_close(fused(images()), model(images()))
        return fused(images())

    same(run, lambda space: torch.nn.Sequential(getattr(space, name)(3, 4, 3), torch.nn.BatchNorm2d(4)))


@row("SyncBatchNorm.convert_sync_batchnorm")
def test_batch_norms_are_exchanged_around_our_layers():
    model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(build(normed, nn))
    assert [type(m) for m in model] == [nn.Conv2d, torch.nn.SyncBatchNorm, torch.nn.ReLU, nn.MaxPool2d]
    reference = torch.nn.SyncBatchNorm.convert_sync_batchnorm(build(normed, torch.nn))
    torch.testing.assert_close(model.eval()(images()), reference.eval()(images()))


def quantized(model):
    """Post-training quantization in eager mode, as a user of torch writes it."""
    from torch.ao import quantization

    model = torch.nn.Sequential(quantization.QuantStub(), *model.float().eval(), quantization.DeQuantStub()).eval()
    model = quantization.fuse_modules(model, ["1", "2", "3"])
    model.qconfig = quantization.get_default_qconfig("fbgemm")
    quantization.prepare(model, inplace=True)
    model(images().float())
    return quantization.convert(model)


@row("torch.ao eager-mode quantization, after revert()")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_reverted_model_is_quantized_as_torchs():
    ours, torchs = (quantized(scratchlayers.revert(build(normed, space))) for space in SPACES.values())
    assert list(map(type, ours)) == list(map(type, torchs))
    assert "quantized" in type(ours[1]).__module__
    assert torch.equal(ours(images().float()), torchs(images().float()))


@row("torch.utils.mkldnn.to_mkldnn: our convolutions become torch's MkldnnConv2d")
@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mkldnn_takes_the_convolutions_over():
    from torch.utils.mkldnn import to_mkldnn

    model = torch.nn.Sequential(build(lambda space: space.Conv2d(3, 4, 3), nn)).float().eval()
    fast = to_mkldnn(model)
    assert type(fast[0]).__name__ == "MkldnnConv2d"
    x = images().float()
    torch.testing.assert_close(fast(x.to_mkldnn()).to_dense(), model(x))


@row("convert() and revert() of a model in training, optimizer kept")
def test_a_model_may_change_sides_between_steps():
    def run(change):
        model = build(normed, torch.nn)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for step in range(4):
            change[step % 2](model)
            optimizer.zero_grad()
            gradients(model)
            optimizer.step()
        return list(model.parameters())

    stay = (lambda model: model,) * 2
    torch.testing.assert_close(run((scratchlayers.convert, scratchlayers.revert)), run(stay))
