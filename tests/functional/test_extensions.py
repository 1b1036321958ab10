"""What torch lacks: "full", "same" with a stride, each side for itself; stated again without our geometry."""

from itertools import product

import pytest
import torch
import torch.nn.functional as torch_functional
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import functional as F
from tests.draw import examples, extents, ints, tensor

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
FILL = {"conv": 0.0, "max_pool": float("-inf"), "avg_pool": 0.0}


def tensorflows_same(size, extent, stride):
    """tf.nn's "SAME": (size + stride − 1) // stride outputs; where the padding is odd, more of it at the end."""
    rest = size % stride
    total = max(extent - (rest or stride), 0)
    return total // 2, total - total // 2


def outer(extent):
    return extent - 1, extent - 1


def padded(x, sides, value=0.0):
    return torch_functional.pad(x, [p for side in reversed(sides) for p in side], value=value)


@st.composite
def windows(draw, rank, dilations=3):
    """(x, kernel, stride, dilation)."""
    kernel, stride, dilation = draw(ints(rank, 1, 4)), draw(ints(rank, 1, 3)), draw(ints(rank, 1, dilations))
    shape = [*draw(st.sampled_from([(), (2,)])), 2, *draw(ints(rank, 1, 8))]
    return tensor(shape, torch.float64, seed=draw(st.integers(0, 99))), kernel, stride, dilation


def sides_of(word, x, kernel, stride, dilation):
    extent = extents(kernel, dilation)
    if word == "full":
        return [outer(e) for e in extent]
    size = x.shape[-len(kernel) :]
    return [tensorflows_same(n, e, s) for n, e, s in zip(size, extent, stride, strict=True)]


def same_with_gradients(ours, torchs, *tensors):
    mine, theirs = ([t.clone().requires_grad_() for t in tensors] for _ in range(2))
    y, z = ours(*mine), torchs(*theirs)
    assert torch.equal(y, z)
    gy = torch.randint(-3, 4, y.shape, generator=torch.Generator().manual_seed(1)).double()
    grads = torch.autograd.grad(y, mine, gy), torch.autograd.grad(z, theirs, gy)
    for gx, expected in zip(*grads, strict=True):
        torch.testing.assert_close(gx, expected, rtol=1e-12, atol=1e-12)


@ranks
@pytest.mark.parametrize("word", ["same", "full"])
@given(data=st.data())
def test_conv_pads_as_the_word_says(rank, word, data):
    x, kernel, stride, dilation = data.draw(windows(rank))
    w = tensor([3, 2, *kernel], torch.float64, seed=5)
    conv, reference = getattr(F, f"conv{rank}d"), getattr(torch_functional, f"conv{rank}d")
    sides = sides_of(word, x, kernel, stride, dilation)
    same_with_gradients(
        lambda x, w: conv(x, w, None, stride, word, dilation),
        lambda x, w: reference(padded(x, sides), w, None, stride, 0, dilation),
        x,
        w,
    )


@ranks
@given(data=st.data())
def test_same_has_one_output_for_every_step(rank, data):
    x, kernel, stride, dilation = data.draw(windows(rank))
    y = getattr(F, f"conv{rank}d")(x, tensor([3, 2, *kernel], torch.float64), None, stride, "same", dilation)
    assert y.shape[-rank:] == tuple(-(-n // s) for n, s in zip(x.shape[-rank:], stride, strict=True))


@ranks
@given(data=st.data())
def test_conv_pads_each_side_for_itself(rank, data):
    x, kernel, stride, dilation = data.draw(windows(rank))
    enough = [max(e - n, 0) for e, n in zip(extents(kernel, dilation), x.shape[-rank:], strict=True)]
    sides = tuple((data.draw(st.integers(0, 3)), e + data.draw(st.integers(0, 3))) for e in enough)
    w, b = tensor([3, 2, *kernel], torch.float64, seed=5), tensor([3], torch.float64, seed=6)
    conv, reference = getattr(F, f"conv{rank}d"), getattr(torch_functional, f"conv{rank}d")
    spelling = data.draw(st.sampled_from([sides, [list(side) for side in sides]]))
    same_with_gradients(
        lambda x, w, b: conv(x, w, b, stride, spelling, dilation),
        lambda x, w, b: reference(padded(x, sides), w, b, stride, 0, dilation),
        *(x, w, b),
    )


@ranks
@given(data=st.data())
def test_conv_transpose_cuts_each_side_for_itself(rank, data):
    x, kernel, stride, dilation = data.draw(windows(rank))
    w = tensor([2, 3, *kernel], torch.float64, seed=5)
    whole = getattr(torch_functional, f"conv_transpose{rank}d")(x, w, None, stride, 0, 0, 1, dilation)
    sides = []
    for n in whole.shape[-rank:]:
        before = data.draw(st.integers(0, min(n - 1, 3)))
        sides.append((before, data.draw(st.integers(0, min(n - 1 - before, 3)))))
    crop = [(-before, -after) for before, after in sides]
    ours, reference = getattr(F, f"conv_transpose{rank}d"), getattr(torch_functional, f"conv_transpose{rank}d")
    same_with_gradients(
        lambda x, w: ours(x, w, None, stride, tuple(sides), 0, 1, dilation),
        lambda x, w: padded(reference(x, w, None, stride, 0, 0, 1, dilation), crop),
        *(x, w),
    )


@ranks
@pytest.mark.parametrize("word", ["same", "full", "sides"])
@given(data=st.data())
@examples(60)
def test_max_pool_pads_with_what_never_wins(rank, word, data):
    x, kernel, stride, dilation = data.draw(windows(rank, dilations=1))
    sides = (
        [(data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1))) for k in kernel]
        if word == "sides"
        else sides_of(word, x, kernel, stride, dilation)
    )
    room = [n + b + a >= k for n, (b, a), k in zip(x.shape[-rank:], sides, kernel, strict=True)]
    if not all(room):
        return
    ours, reference = getattr(F, f"max_pool{rank}d"), getattr(torch_functional, f"max_pool{rank}d")
    padding = tuple(sides) if word == "sides" else word
    same_with_gradients(
        lambda x: ours(x, kernel, stride, padding),
        lambda x: reference(padded(x, sides, float("-inf")), kernel, stride),
        x,
    )


@ranks
@pytest.mark.parametrize(("word", "count_include_pad"), list(product(["same", "full"], [True, False])))
@given(data=st.data())
@examples(60)
def test_avg_pool_divides_by_what_it_counts(rank, word, count_include_pad, data):
    x, kernel, stride, dilation = data.draw(windows(rank, dilations=1))
    sides = sides_of(word, x, kernel, stride, dilation)
    y = getattr(F, f"avg_pool{rank}d")(x, kernel, stride, word, False, count_include_pad)
    pool = getattr(torch_functional, f"avg_pool{rank}d")
    sums, counted = (pool(padded(a, sides), kernel, stride) for a in (x, torch.ones_like(x)))
    torch.testing.assert_close(y, sums if count_include_pad else sums / counted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_same_pools_of_a_stride_make_ceil_of_size_over_stride(pool):
    assert pool(torch.zeros(1, 1, 7, 8), 3, 2, "same").shape == (1, 1, 4, 4)


ERRORS = [
    (lambda x, w: F.conv2d(x, w, padding=((1, 2),)), ["2 pairs", "((1, 2),)"]),
    (lambda x, w: F.conv2d(x, w, padding=((1, 2), (1, -1))), ["at least 0", "(1, -1)"]),
    (lambda x, w: F.conv2d(x, w, padding=((1, 2, 3), (1, 1))), ["(before, after)", "(1, 2, 3)"]),
    (lambda x, w: F.conv2d(x[:, :1], w, padding="full"), ["2 input channels", "1 channels"]),
    (lambda x, w: F.conv2d(x, w, padding="full", dilation=0), ["dilation", "at least 1", "0"]),
    (lambda x, w: F.conv2d(x, w, stride=2, padding="same", groups=3), ["divisible by 3", "(2, 2, 3, 3)"]),
    (lambda x, w: F.conv2d(x, w, padding=((0, 0), (0, 0)), dilation=9), ["(19, 19)", "(5, 5)"]),
    (lambda x, w: F.max_pool2d(x, 2, padding=((2, 0), (0, 0))), ["at most 1", "(2, 0)"]),
    (lambda x, w: F.conv_transpose2d(x, w, padding=((9, 9), (0, 0))), ["(-11, 7)", "smaller"]),
]


@pytest.mark.parametrize(("call", "named"), ERRORS)
def test_errors_of_extensions_name_the_numbers(call, named):
    with pytest.raises(ValueError) as why:  # noqa: PT011 what it says is checked below
        call(torch.zeros(1, 2, 5, 5), torch.zeros(2, 2, 3, 3))
    assert all(number in str(why.value) for number in named), str(why.value)
