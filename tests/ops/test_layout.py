"""The memory format of a result is the one torch would choose."""

import pytest
import torch
import torch.nn.functional as torch_functional
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import functional as F
from scratchlayers.ops.layout import is_channels_last, like
from tests.compare import same_memory

SIZES = st.lists(st.integers(1, 3), min_size=4, max_size=4)
FORMATS = st.sampled_from([torch.contiguous_format, torch.channels_last])


@given(size=SIZES, fmt=FORMATS)
def test_channels_last_is_recognised_where_torch_does(size, fmt):
    """``empty_like`` keeps what torch takes a tensor for; max pooling says what that is."""
    x = torch.zeros(size).contiguous(memory_format=fmt)
    y = torch_functional.max_pool2d(x, 1)
    assert same_memory(like(x.clone(), x), y)
    if min(size) > 1:
        assert is_channels_last(x) == (fmt is torch.channels_last)


@given(n=st.integers(1, 3), c=st.integers(2, 4), o=st.integers(2, 4), x_format=FORMATS, w_format=FORMATS)
def test_conv_follows_input_and_weight_forwards_and_backwards(n, c, o, x_format, w_format):
    results = []
    for space in (F, torch_functional):
        x = torch.zeros(n, c, 5, 4).contiguous(memory_format=x_format).requires_grad_()
        w = torch.zeros(o, c, 2, 2).contiguous(memory_format=w_format).requires_grad_()
        y = space.conv2d(x, w, padding=1)
        results.append([y, *torch.autograd.grad(y, (x, w), torch.zeros_like(y))])
    assert all(same_memory(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("fmt", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "call",
    [
        lambda space, x: space.max_pool2d(x, 2),
        lambda space, x: space.max_pool2d(x, 2, return_indices=True)[1],
        lambda space, x: space.avg_pool2d(x, 2),
        lambda space, x: space.pad(x, (1, 1)),
        lambda space, x: space.pad(x, (1, 1, 1, 1), "reflect"),
        lambda space, x: space.pad(x, (1, 1, 1, 1), "replicate"),
        lambda space, x: space.pad(x, (1, 1, 1, 1), "circular"),
    ],
)
def test_pools_and_pads_follow_the_input(call, fmt):
    x = torch.zeros(2, 3, 4, 5).contiguous(memory_format=fmt)
    assert call(F, x).stride() == call(torch_functional, x).stride()


def test_a_result_in_the_right_format_is_not_copied():
    x = torch.zeros(2, 3, 4, 5)
    assert like(x, x) is x
    y = x.contiguous(memory_format=torch.channels_last)
    assert like(y, y).data_ptr() == y.data_ptr()
