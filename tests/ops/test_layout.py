"""The memory format of a result is the one torch would choose."""

from itertools import product

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


LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
CALLS = {
    "conv": lambda space, rank, x, w: getattr(space, f"conv{rank}d")(x, w, None, 1, 1),
    "conv_transpose": lambda space, rank, x, w: getattr(space, f"conv_transpose{rank}d")(x, w, None, 2, 1),
    "max_pool": lambda space, rank, x, w: getattr(space, f"max_pool{rank}d")(x, 3, 2, 1),
    "global_max_pool": lambda space, rank, x, w: getattr(space, f"max_pool{rank}d")(x, x.shape[2:]),
    "avg_pool": lambda space, rank, x, w: getattr(space, f"avg_pool{rank}d")(x, 3, 2, 1),
    "constant": lambda space, rank, x, w: space.pad(x, (1, -2) * rank),
    "reflect": lambda space, rank, x, w: space.pad(x, (1, 2) * rank, "reflect"),
    "replicate": lambda space, rank, x, w: space.pad(x, (1, -2) * rank, "replicate"),
    "circular": lambda space, rank, x, w: space.pad(x, (1, 2) * rank, "circular"),
}
COMPLEX = pytest.mark.xfail(strict=True, reason="torch's complex gradients are contiguous, ours follow the operands")


def memory(space, name, rank, dtype, formats):
    """The result and the gradients, of operands and of an incoming gradient in these memory formats."""
    shapes = [(2, 3, *(6, 7, 5)[:rank]), (3, 3, *(3,) * rank)]
    x, w = (torch.zeros(s, dtype=dtype).contiguous(memory_format=f) for s, f in zip(shapes, formats, strict=False))
    y = CALLS[name](space, rank, x.requires_grad_(), w.requires_grad_())
    gy = torch.zeros(y.shape, dtype=dtype).contiguous(memory_format=formats[2])
    return [y, *torch.autograd.grad(y, (x, w), gy, allow_unused=True)]


@pytest.mark.parametrize("rank", LAST)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_results_and_gradients_lie_in_memory_as_torchs(name, rank, dtype):
    if (name, rank, dtype) == ("avg_pool", 3, torch.bfloat16):
        return  # torch has no kernel
    for formats in product((torch.contiguous_format, LAST[rank]), repeat=3):
        ours, torchs = (memory(space, name, rank, dtype, formats) for space in (F, torch_functional))
        assert all(y is z or same_memory(y, z) for y, z in zip(ours, torchs, strict=True)), formats


@pytest.mark.parametrize("rank", LAST)
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
@COMPLEX
def test_complex_gradients_lie_in_memory_as_torchs(name, rank):
    test_results_and_gradients_lie_in_memory_as_torchs(name, rank, torch.complex64)


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
