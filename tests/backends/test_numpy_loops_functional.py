"""The classical steps against torch.nn.functional, on arguments drawn at random."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from scratchlayers.backends.numpy_loops import conv_backward, conv_forward, pool_backward, pool_forward, zero_pad

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
quick = settings(max_examples=60, deadline=None, derandomize=True)


def numbers(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def sizes(rank, low, high):
    return st.tuples(*[st.integers(low, high)] * rank)


@st.composite
def windows(draw, dilations=2, pooling=False):
    """(spatial size, kernel_size, arguments) of a window that fits its input at least once.

    For pooling, torch takes at most half a kernel of padding, and (average, 3-D) no input smaller than the kernel.
    """
    rank = draw(st.integers(1, 3))
    kernel, stride, dilation = (draw(sizes(rank, 1, high)) for high in (3, 3, dilations))
    padding = tuple(draw(st.integers(0, k // 2 if pooling else 2)) for k in kernel)
    least = [
        max((k - 1) * d + 1 - 2 * p, k if pooling else 1) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    size = tuple(draw(st.integers(n, n + 3)) for n in least)
    return size, kernel, {"stride": stride, "padding": padding, "dilation": dilation}


def grads(y, gy, *operands):
    return torch.autograd.grad(y, operands, gy)


@quick
@given(windows(), st.integers(0, 2), sizes(3, 1, 2), st.integers(0, 2**16), st.sampled_from([32, 64]))
def test_conv_is_torchs(window, batch, channels, seed, bits):
    size, kernel, how = window
    c, o, how["groups"] = channels
    dtype = {32: torch.float32, 64: torch.float64}[bits]
    x = numbers(seed, batch, c * how["groups"], *size, dtype=dtype).requires_grad_()
    w = numbers(seed + 1, o * how["groups"], c, *kernel, dtype=dtype).requires_grad_()
    b = numbers(seed + 2, len(w), dtype=dtype).requires_grad_()
    y = CONV[len(size)](x, w, b, **how)
    gy = numbers(seed + 3, *y.shape, dtype=dtype)
    arrays = [t.detach().numpy() for t in (x, w, b)]
    assert_close(torch.from_numpy(conv_forward(*arrays, **how)), y.detach())
    ours = conv_backward(gy.numpy(), *arrays[:2], **how)
    assert_close(tuple(map(torch.from_numpy, ours)), grads(y, gy, x, w, b))


def test_complex_conv_is_torchs():
    x = numbers(0, 2, 2, 4, dtype=torch.complex128).requires_grad_()
    w = numbers(1, 3, 2, 2, dtype=torch.complex128).requires_grad_()
    y = F.conv1d(x, w, padding=1)
    gy = numbers(2, *y.shape, dtype=y.dtype)
    arrays = [t.detach().numpy() for t in (x, w)]
    assert_close(torch.from_numpy(conv_forward(*arrays, padding=1)), y.detach())
    ours = conv_backward(gy.numpy(), *arrays, padding=1)[:2]
    assert_close(tuple(map(torch.from_numpy, ours)), grads(y, gy, x, w))


@quick
@given(windows(pooling=True), sizes(2, 1, 2), st.integers(0, 2**16), st.booleans())
def test_max_pool_is_torchs(window, lead, seed, whole):
    size, kernel, how = window
    x = numbers(seed, *lead, *size)
    x = (x.round() if whole else x).requires_grad_()
    y = MAX_POOL[len(size)](x, kernel, **how)
    gy = numbers(seed + 1, *y.shape)
    assert_close(torch.from_numpy(pool_forward(x.detach().numpy(), kernel, **how)), y.detach())
    ours = pool_backward(gy.numpy(), x.detach().numpy(), kernel, **how)
    assert_close(torch.from_numpy(ours), *grads(y, gy, x))


@quick
@given(windows(dilations=1, pooling=True), sizes(2, 1, 2), st.integers(0, 2**16))
def test_average_pool_is_torchs(window, lead, seed):
    size, kernel, how = window
    del how["dilation"]
    x = numbers(seed, *lead, *size).requires_grad_()
    y = AVG_POOL[len(size)](x, kernel, **how)
    gy = numbers(seed + 1, *y.shape)
    ours = pool_forward(x.detach().numpy(), kernel, **how, mode="average")
    assert_close(torch.from_numpy(ours), y.detach())
    ours = pool_backward(gy.numpy(), x.detach().numpy(), kernel, **how, mode="average")
    assert_close(torch.from_numpy(ours), *grads(y, gy, x))


@quick
@given(st.integers(1, 3).flatmap(lambda rank: st.tuples(*[sizes(rank, 0, 3)] * 3)), st.integers(0, 2**16))
def test_zero_pad_is_torchs(drawn, seed):
    size, before, after = drawn
    x = numbers(seed, 2, 1, *size)
    sides = [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]
    padded = zero_pad(x.numpy(), before, after)
    assert_close(torch.from_numpy(padded), F.pad(x, sides))


@pytest.mark.parametrize("values", [[float("nan"), 1, float("nan"), 2], [-float("inf")] * 4, [3, 3, 3, 3]])
def test_the_element_that_max_pooling_chooses_is_torchs(values):
    x = torch.tensor(values, dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    y = F.max_pool2d(x, 2, padding=1, stride=1)
    gy = numbers(0, *y.shape)
    ours = pool_backward(gy.numpy(), x.detach().numpy(), 2, 1, 1)
    assert_close(torch.from_numpy(ours), *grads(y, gy, x))


def test_a_long_float32_sum_is_as_good_as_a_float64_one():
    rng = np.random.default_rng(0)
    x, gy = (rng.standard_normal((1, 1, 20_000)).astype(np.float32) for _ in "xg")
    _, gw, _ = conv_backward(gy, x, np.ones((1, 1, 1), np.float32))
    assert gw.item() == np.float32(np.sum(x.astype(np.float64) * gy))
