"""How exact are half-precision results, and what becomes of infinities and NaN?"""

import pytest
import torch
import torch.nn.functional as torch_functional
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers import functional as F
from tests.compare import EXACT, agree, outcome
from tests.draw import average_poolings, convolutions, copying_paddings, examples, max_poolings, transposed_convolutions

HALF = (torch.bfloat16, torch.float16)
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
quiet = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


def rounded_once(name, call, roundings=1):
    """Assert that values and gradients are the exact ones within this many roundings to nearest."""
    generator = torch.Generator().manual_seed(3)
    inputs = [
        None if t is None else torch.rand(t.shape, generator=generator).add(0.5).to(t.dtype) for t in call.tensors
    ]  # positive: nothing cancels
    halves = [None if t is None else t.clone().requires_grad_() for t in inputs]
    doubles = [None if t is None else t.double().requires_grad_() for t in inputs]
    z = outcome(getattr(torch_functional, name), *doubles, *call.words)
    assume(not isinstance(z, Exception))
    y = getattr(F, name)(*halves, *call.words)
    y, z = (y[0], z[0]) if isinstance(y, tuple) else (y, z)
    gy = torch.rand(y.shape, generator=generator).add(0.5).to(y.dtype)
    asked = [t for t in halves if t is not None], [t for t in doubles if t is not None]
    grads = torch.autograd.grad(y, asked[0], gy), torch.autograd.grad(z, asked[1], gy.double())
    for got, want in [(y, z), *zip(*grads, strict=True)]:
        assert got.dtype == halves[0].dtype
        error, unit = (got.double() - want).abs(), torch.finfo(got.dtype).eps * want.abs()
        # half a unit for the rounding; float32 sums add a few of their own, which are 2^13 times smaller or less
        assert (error <= (0.501 * roundings) * unit + 1e-7).all(), (error / unit).max()


@ranks
@quiet
@given(data=st.data())
@examples(60)
def test_half_convolution_rounds_once(rank, data):
    rounded_once(f"conv{rank}d", data.draw(convolutions(rank, HALF)))


@ranks
@given(data=st.data())
@examples(60)
def test_half_transposed_convolution_rounds_once_and_again_for_the_bias(rank, data):
    call = data.draw(transposed_convolutions(rank, HALF))
    rounded_once(f"conv_transpose{rank}d", call, roundings=1 if call.tensors[2] is None else 2)


@ranks
@given(data=st.data())
@examples(40)
def test_half_max_pooling_rounds_once(rank, data):
    rounded_once(f"max_pool{rank}d", data.draw(max_poolings(rank, HALF)))


@ranks
@given(data=st.data())
@examples(40)
def test_half_average_pooling_rounds_once(rank, data):
    rounded_once(f"avg_pool{rank}d", data.draw(average_poolings(rank, HALF)))


@given(data=st.data(), mode=st.sampled_from(["reflect", "replicate", "circular"]))
@examples(60)
def test_half_padding_rounds_once(data, mode):
    rounded_once("pad", data.draw(copying_paddings(mode, HALF)))


SPECIAL = st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0])


def speckled(x, data):
    """``x`` with some of its elements special; whether as leaf or not, the layout stays."""
    flat = data.draw(st.lists(SPECIAL, min_size=x.numel(), max_size=x.numel()))
    return torch.tensor(flat, dtype=x.dtype).reshape(x.shape)


@ranks
@given(data=st.data(), dtype=st.sampled_from([torch.float64, torch.float32, *HALF]))
@examples(100)
def test_max_pool_keeps_nan_and_infinities(rank, data, dtype):
    call = data.draw(max_poolings(rank, (dtype,)))
    agree(f"max_pool{rank}d", [speckled(call.tensors[0], data)], call.words, strides=False, **EXACT)


@ranks
@given(data=st.data())
@examples(60)
def test_avg_pool_keeps_nan_and_infinities(rank, data):
    call = data.draw(average_poolings(rank))
    agree(f"avg_pool{rank}d", [speckled(call.tensors[0], data)], call.words, strides=False, rtol=1e-12, atol=1e-12)


@given(data=st.data(), mode=st.sampled_from(["reflect", "replicate", "circular"]))
@examples(60)
def test_pad_keeps_nan_and_infinities(data, mode):
    call = data.draw(copying_paddings(mode))
    agree("pad", [speckled(call.tensors[0], data)], call.words, strides=False, **EXACT)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_bad_element_reaches_exactly_the_outputs_that_read_it(value):
    x = torch.ones(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 2, 0] = value
    y = F.conv2d(x, torch.ones(1, 1, 3, 3, dtype=torch.float64), padding=1)
    want = torch_functional.conv2d(x, torch.ones(1, 1, 3, 3, dtype=torch.float64), padding=1)
    torch.testing.assert_close(y, want, equal_nan=True, **EXACT)
    assert int((~y.isfinite()).sum()) == 6


def test_no_nan_is_made_of_large_numbers():
    x = torch.full((1, 1, 4), 3e38)
    torch.testing.assert_close(F.avg_pool1d(x, 2), torch_functional.avg_pool1d(x, 2), **EXACT)
