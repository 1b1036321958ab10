"""Keras's names: its sizes, its borders, its order of axes, its counts of parameters."""

import copy
import pickle
from itertools import product
from math import ceil

import pytest
import torch
import torch.nn.functional as torchs

from scratchlayers import keras_style as keras
from scratchlayers import nn

SIZES = [(n, k, s) for n, k, s in product(range(1, 12), range(1, 6), range(1, 5))]
GOLDEN = [  # n, k, s, "valid", "same": worked out by hand from the two rules
    (28, 3, 1, 26, 28),
    (28, 5, 1, 24, 28),
    (28, 3, 2, 13, 14),
    (28, 2, 2, 14, 14),
    (27, 2, 2, 13, 14),
    (7, 3, 2, 3, 4),
    (8, 3, 2, 3, 4),
    (5, 3, 3, 1, 2),
    (224, 7, 2, 109, 112),
]


def images(n, channels=2):
    return torch.randn(2, n, n + 1, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(n))


def same(x, k, s, fill):
    """TensorFlow's "same" around (N, C, H, W), the odd row and column at the end."""
    flat = []
    for n in (x.shape[3], x.shape[2]):
        total = max((ceil(n / s) - 1) * s + k - n, 0)
        flat += [total // 2, total - total // 2]
    return torchs.pad(x, flat, value=fill)


def layers(k, s, padding):
    return (
        keras.Conv2D(3, k, s, padding).double(),
        keras.MaxPooling2D(k, s, padding),
        keras.AveragePooling2D(k, s, padding),
    )


@pytest.mark.parametrize(("n", "k", "s", "valid", "same"), GOLDEN)
def test_sizes_worked_out_by_hand(n, k, s, valid, same):
    for word, size in (("valid", valid), ("same", same)):
        for layer in layers(k, s, word):
            assert layer(torch.zeros(1, n, n, 1, dtype=torch.float64)).shape[1:3] == (size, size)


def test_sizes_follow_keras_rules():
    for n, k, s in SIZES:
        for layer in layers(k, s, "valid") if k <= n else ():
            assert layer(images(n)).shape[1:3] == (ceil((n - k + 1) / s), ceil((n + 1 - k + 1) / s))
        for layer in layers(k, s, "same"):
            assert layer(images(n)).shape[1:3] == (ceil(n / s), ceil((n + 1) / s))


@pytest.mark.parametrize("dilation", [2, 3])
def test_a_dilated_kernel_counts_by_its_reach(dilation):
    reach = 2 * dilation + 1
    conv = keras.Conv2D(1, 3, dilation_rate=dilation)
    assert conv(torch.zeros(1, 11, 11, 1)).shape[1] == 11 - reach + 1
    assert keras.Conv2D(1, 3, padding="same", dilation_rate=dilation)(torch.zeros(1, 11, 11, 1)).shape[1] == 11


def test_same_is_tensorflows():
    """Convolution reads zeros there, max pooling never chooses them, average pooling does not count them."""
    for n, k, s in SIZES:
        x = images(n)
        nchw = x.permute(0, 3, 1, 2)
        conv, largest, mean = layers(k, s, "same")
        y = conv(x)
        counted = torchs.avg_pool2d(same(torch.ones_like(nchw), k, s, 0.0), k, s)
        expected = (
            torchs.conv2d(same(nchw, k, s, 0.0), conv.layer.weight, conv.layer.bias, s),
            torchs.max_pool2d(same(nchw, k, s, -torch.inf), k, s),
            torchs.avg_pool2d(same(nchw, k, s, 0.0), k, s) / counted,
        )
        for ours, theirs in zip((y, largest(x), mean(x)), expected, strict=True):
            torch.testing.assert_close(ours, theirs.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_order_of_axes_changes_nothing_else(padding):
    last = [
        keras.Conv2D(4, 3, 2, padding, activation="relu"),
        keras.MaxPooling2D(3, 2, padding),
        keras.AveragePooling2D(2, 1, padding),
        keras.Flatten(),
    ]
    first = [
        keras.Conv2D(4, 3, 2, padding, "channels_first", activation="relu"),
        keras.MaxPooling2D(3, 2, padding, "channels_first"),
        keras.AveragePooling2D(2, 1, padding, "channels_first"),
        keras.Flatten("channels_first"),
    ]
    x = images(12).float()
    keras.Sequential(last)(x)
    y = x.permute(0, 3, 1, 2)
    keras.Sequential(first)(y)
    first[0].load_state_dict(last[0].state_dict())
    torch.testing.assert_close(keras.Sequential(last)(x), keras.Sequential(first)(y))


def test_the_networks_of_the_books():
    """Chollet's first convolutional network for digits, with its published sizes and counts."""
    model = keras.Sequential()
    model.add(keras.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(keras.MaxPooling2D((2, 2)))
    model.add(keras.Conv2D(64, (3, 3), activation="relu"))
    model.add(keras.MaxPooling2D((2, 2)))
    model.add(keras.Conv2D(64, (3, 3), activation="relu"))
    model.add(keras.Flatten())
    model.add(keras.Dense(64, activation="relu"))
    model.add(keras.Dense(10, activation="softmax"))
    table = model.summary((28, 28, 1))
    counts = [line.split()[-1] for line in table.splitlines()]
    assert counts == ["320", "0", "18,496", "0", "36,928", "0", "36,928", "650", "93,322"]
    assert [n for n in (26, 13, 11, 5, 3) if f"(None, {n}, {n}, " not in table] == []
    y = model(torch.rand(2, 28, 28, 1))
    torch.testing.assert_close(y.sum(1), torch.ones(2))


def test_a_summary_changes_nothing():
    norm = torch.nn.BatchNorm1d(4)
    model = keras.Sequential([keras.Flatten(), keras.Dense(4, input_shape=(9,)), norm, torch.nn.Dropout().eval()])
    before = copy.deepcopy(model.state_dict())
    assert model.summary((3, 3, 1)).splitlines()[2].split()[-1] == "8"
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert [layer.training for layer in model] == [True, True, True, False]


@pytest.mark.parametrize("make", [lambda: keras.Conv2D(8, 3), lambda: keras.Conv2D(8, 3, input_shape=(9, 9, 5))])
def test_first_weights_are_glorots(make):
    conv = make()
    conv(torch.zeros(1, 9, 9, 5))
    limit = (6 / (9 * (5 + 8))) ** 0.5
    assert 0.8 * limit < conv.layer.weight.abs().max() <= limit
    assert not conv.layer.bias.any()
    dense = keras.Dense(7, use_bias=False)
    dense(torch.zeros(1, 5))
    assert 0.7 * 0.5**0.5 < dense.layer.weight.abs().max() <= (6 / (5 + 7)) ** 0.5
    assert dense.layer.bias is None


def test_our_layers_compute_and_learn():
    model = keras.Sequential([keras.Conv2D(4, 3, activation="tanh"), keras.Flatten(), keras.Dense(1)])
    model(torch.zeros(1, 6, 6, 2))
    assert isinstance(model[0].layer, nn.Conv2d)
    model(images(6, 2).float().narrow(2, 0, 6)).square().sum().backward()
    assert all(p.grad.any() for p in model.parameters())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model[:]):
        torch.testing.assert_close(twin(torch.ones(1, 6, 6, 2)), model(torch.ones(1, 6, 6, 2)), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: keras.Conv2D(1, 3, padding="smae"),
            "padding must be one of 'same', 'valid', got 'smae'; did you mean 's",
        ),
        (lambda: keras.MaxPooling2D(padding="full"), "padding must be one of 'same', 'valid', got 'full'"),
        (lambda: keras.Conv2D(1, 3, activation="rellu"), "activation must be one of .*; did you mean 'relu'"),
        (
            lambda: keras.Conv2D(1, 3, data_format="NHWC"),
            "data_format must be one of 'channels_first', 'channels_last'",
        ),
        (lambda: keras.Conv2D(1, 3, input_shape=(28, 28)), r"three sizes of one image, got \(28, 28\)"),
        (lambda: keras.MaxPooling2D()(torch.zeros(3, 3)), r"MaxPooling2D takes images \(N, H, W, C\), got \(3, 3\)"),
    ],
)
def test_errors_name_what_is_allowed(make, message):
    with pytest.raises(ValueError, match=message):
        make()
