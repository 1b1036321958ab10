"""Modules take what only we have: in the constructor, in every padding mode, and through a round trip."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as torch_functional

from scratchlayers import nn
from tests.functional.test_extensions import outer, tensorflows_same

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
SIDES = ((1, 2), (0, 1), (2, 0))
KERNEL = (3, 2, 2)


def images(rank):
    return torch.randn((2, 4, *(6, 5, 4)[:rank]), dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def expected(word, rank, stride):
    size, kernel = images(rank).shape[2:], KERNEL[:rank]
    if word == "full":
        return [outer(k) for k in kernel]
    if word == "same":
        return [tensorflows_same(n, k, stride) for n, k in zip(size, kernel, strict=True)]
    return list(word)


@ranks
@pytest.mark.parametrize("padding_mode", MODES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("word", ["same", "full", "sides"])
def test_conv_pads_in_every_mode(rank, padding_mode, stride, word):
    padding = SIDES[:rank] if word == "sides" else word
    layer = getattr(nn, f"Conv{rank}d")(
        4, 6, KERNEL[:rank], stride, padding, groups=2, padding_mode=padding_mode, dtype=torch.float64
    )
    x = images(rank).requires_grad_()
    sides = expected(padding, rank, stride)
    flat = [p for side in reversed(sides) for p in side]
    padded = torch_functional.pad(x, flat, MODES[padding_mode])
    want = getattr(torch_functional, f"conv{rank}d")(padded, layer.weight, layer.bias, stride, groups=2)
    y = layer(x)
    torch.testing.assert_close(y, want, rtol=1e-12, atol=1e-12)
    leaves = [x, *layer.parameters()]
    grads = torch.autograd.grad(y.square().sum(), leaves), torch.autograd.grad(want.square().sum(), leaves)
    torch.testing.assert_close(*grads, rtol=1e-11, atol=1e-11)


LAYERS = {
    "conv_full": lambda: nn.Conv2d(4, 4, 3, padding="full"),
    "conv_same": lambda: nn.Conv2d(4, 4, 3, 2, "same"),
    "conv_sides": lambda: nn.Conv2d(4, 4, 3, padding=((1, 0), (2, 1))),
    "conv_lists": lambda: nn.Conv2d(4, 4, 3, padding=[[1, 0], [2, 1]]),
    "conv1d_sides": lambda: nn.Conv1d(4, 4, 3, padding=((2, 0),)),
    "transpose_sides": lambda: nn.ConvTranspose2d(4, 4, 3, 2, padding=((1, 0), (0, 1))),
    "max_same": lambda: nn.MaxPool2d(3, 2, "same"),
    "max_sides": lambda: nn.MaxPool2d(2, 2, ((1, 0), (0, 1))),
    "avg_same": lambda: nn.AvgPool2d(3, 2, "same"),
    "avg_sides": lambda: nn.AvgPool2d(2, 2, ((1, 0), (0, 1))),
    "avg1d_same": lambda: nn.AvgPool1d(3, 2, "same"),
    "avg1d_sides": lambda: nn.AvgPool1d(3, 2, ((1, 0),)),
    "avg3d_full": lambda: nn.AvgPool3d(2, 1, "full"),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_extended_modules_survive_a_round_trip(make):
    layer = make().double()
    rank = int(type(layer).__name__[-2])
    y = layer(images(rank))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(copied) == repr(layer)
        assert torch.equal(copied(images(rank)), y)
    again = make().double()
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again(images(rank)), y)


def test_the_repr_says_what_was_asked():
    assert repr(nn.Conv2d(1, 1, 3, 2, "same")) == "Conv2d(1, 1, kernel_size=(3, 3), stride=(2, 2), padding=same)"
    assert "padding=((1, 0), (2, 1))" in repr(nn.Conv2d(1, 1, 3, padding=((1, 0), (2, 1))))


def test_same_with_a_stride_has_the_initial_weights_of_any_other():
    torch.manual_seed(0)
    ours = nn.Conv2d(2, 3, 3, 2, "same")
    torch.manual_seed(0)
    torchs = torch.nn.Conv2d(2, 3, 3, 2)
    assert torch.equal(ours.weight, torchs.weight)
    assert torch.equal(ours.bias, torchs.bias)
    assert ours.stride == torchs.stride


def test_transposed_output_size_with_sides_of_their_own():
    layer = nn.ConvTranspose2d(1, 1, 3, 2, padding=((1, 0), (0, 2)))
    smallest = layer(torch.zeros(1, 1, 4, 4)).shape[2:]
    for extra in ((0, 0), (1, 0), (1, 1)):
        size = [n + e for n, e in zip(smallest, extra, strict=True)]
        assert list(layer(torch.zeros(1, 1, 4, 4), size).shape[2:]) == size


ERRORS = [
    (lambda: nn.Conv2d(1, 1, 3, 0, "same"), "stride"),
    (lambda: nn.Conv2d(1, 1, 3, padding="fill"), "fill"),
    (lambda: nn.Conv2d(1, 1, 3, padding=((1, 2), (0, -1)))(torch.zeros(1, 1, 5, 5)), "(0, -1)"),
    (lambda: nn.Conv2d(1, 1, 3, padding=((1, 2),))(torch.zeros(1, 1, 5, 5)), "2 pairs"),
    (lambda: nn.Conv2d(1, 1, 5, padding="full", padding_mode="reflect")(torch.zeros(1, 1, 4, 4)), "(4, 4)"),
    (lambda: nn.MaxPool2d(2, padding=((2, 0), (0, 0)))(torch.zeros(1, 1, 4, 4)), "(2, 0)"),
]


@pytest.mark.parametrize(("call", "named"), ERRORS)
def test_errors_say_what_was_asked(call, named):
    with pytest.raises((ValueError, RuntimeError, TypeError)) as why:
        call()
    assert named in str(why.value), repr(why.value)
