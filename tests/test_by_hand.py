"""Numbers that can be checked with a pencil, on every backend: what courses on convolutional networks begin with."""

import pytest
import torch

from scratchlayers import functional as F
from scratchlayers import nn, use_backend


@pytest.fixture(params=["numpy", "torch", "numba"], autouse=True)
def backend(request):
    with use_backend(request.param):
        yield


def counting(*shape, start=0):
    x = torch.arange(start, start + torch.Size(shape).numel(), dtype=torch.float64)
    return x.reshape(1, 1, *shape).requires_grad_()


def gradients(y, *inputs, of=None):
    return [g[0, 0].tolist() for g in torch.autograd.grad(y, inputs, torch.ones_like(y) if of is None else of)]


def test_a_convolution_and_its_gradients():
    x, w = counting(3, 3), counting(2, 2)
    y = F.conv2d(x, w)
    assert y[0, 0].tolist() == [[19, 25], [37, 43]]
    gx, gw = gradients(y, x, w, of=counting(2, 2, start=1))
    assert gx == [[0, 1, 2], [2, 10, 10], [6, 17, 12]]
    assert gw == [[27, 37], [57, 67]]


def test_channels_are_summed():
    x, w = counting(3, 3), counting(2, 2)
    y = F.conv2d(torch.cat([x, x + 1], 1), torch.cat([w, w + 1], 1))
    assert y[0, 0].tolist() == [[56, 72], [104, 120]]


def test_filters_make_a_volume():
    w = counting(2, 2)
    assert F.conv2d(counting(3, 3), torch.cat([w, w + 1, w + 2])).shape == (1, 3, 2, 2)
    assert F.conv2d(counting(3, 3), torch.cat([w, w + 1, w + 2]))[0, 1].tolist() == [[27, 37], [57, 67]]


def test_pooling():
    x = counting(3, 3)
    assert F.max_pool2d(x, 2, 1)[0, 0].tolist() == [[4, 5], [7, 8]]
    assert F.avg_pool2d(x, 2, 1)[0, 0].tolist() == [[2, 3], [5, 6]]
    assert gradients(F.max_pool2d(x, 2, 1), x) == [[[0, 0, 0], [0, 1, 1], [0, 1, 1]]]
    assert gradients(F.avg_pool2d(x, 2, 1), x) == [[[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]]


def test_the_first_of_equals_takes_the_gradient():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    assert gradients(F.max_pool2d(x, 2), x) == [[[1, 0], [0, 0]]]


@pytest.mark.parametrize(
    ("padding", "counts"), [(0, [1, 2, 3, 2, 1]), (1, [2, 3, 3, 3, 2]), (2, [3, 3, 3, 3, 3]), ("full", [3, 3, 3, 3, 3])]
)
def test_how_often_each_cell_is_read(padding, counts):
    """Of 5 cells under a window of 3: the gradient of ones through a kernel of ones."""
    x = counting(5)
    assert gradients(F.conv1d(x, torch.ones(1, 1, 3, dtype=x.dtype), padding=padding), x) == [counts]


def test_convolution_turns_the_filter():
    x, w = counting(3, 3).detach()[0, 0], counting(2, 2).detach()[0, 0]
    assert F.convolve2d(x, w, "valid").tolist() == [[5, 11], [23, 29]]
    assert F.conv2d(x[None, None], w.flip(0, 1)[None, None])[0, 0].tolist() == [[5, 11], [23, 29]]


def test_a_filter_is_learned_from_its_responses():
    """Descent from [0, 0] finds the edge filter [1, −1] that made the responses."""
    x = torch.ones(1, 1, 4, 8, dtype=torch.float64)
    x[..., 2:6] = 0
    edge = torch.tensor([[[[1.0, -1.0]]]], dtype=torch.float64)
    layer = nn.Conv2d(1, 1, (1, 2), bias=False, dtype=torch.float64)
    nn.init.zeros_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        (layer(x) - F.conv2d(x, edge)).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), edge, atol=1e-3, rtol=0)


def test_a_convolution_moves_with_its_image():
    """Equivariance, away from the border."""
    torch.manual_seed(0)
    conv, x = nn.Conv2d(1, 2, 3, padding=1, dtype=torch.float64), torch.rand(1, 1, 6, 12, dtype=torch.float64)
    moved = F.pad(x, (3, -3))
    torch.testing.assert_close(conv(moved)[..., 4:-1], conv(x)[..., 1:-4])


def test_a_filter_is_shared_and_a_dense_layer_is_not():
    shared, dense = nn.Conv2d(3, 16, 5), nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    assert sum(p.numel() for p in shared.parameters()) == 16 * (3 * 25 + 1) == 1216
    assert sum(p.numel() for p in dense.parameters()) == 101_770
