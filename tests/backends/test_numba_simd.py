"""Vectors mean in every lane what their operations say, at every width, and touch no memory but their own."""

import numpy as np
import pytest
import torch

from scratchlayers.backends.numba_cpu import team
from scratchlayers.backends.numba_cpu.jit import Bytes, Real, kernel
from scratchlayers.backends.numba_cpu.simd import (
    at,
    evens,
    fma,
    interleaved_high,
    interleaved_low,
    length,
    load,
    load_first,
    odds,
    select,
    splat,
    store,
    store_first,
    total,
)
from scratchlayers.backends.numba_cpu.target import VECTOR_BYTES, lanes
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
DTYPES = [torch.float32, torch.float64]
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@kernel
def lanewise(lo, hi, thread, a: Real, b: Real, c: Real, y: Real):
    """One vector of results after another."""
    n = length(a)
    u, v, w = load(a, 0), load(b, 0), load(c, 0)
    store(y, 0, u + v)
    store(y, n, u - v)
    store(y, 2 * n, u * v)
    store(y, 3 * n, u / v)
    store(y, 4 * n, fma(u, v, w))
    store(y, 5 * n, select(u < v, u, w))
    store(y, 6 * n, select(u <= v, u, w))
    store(y, 7 * n, select(u > v, u, w))
    store(y, 8 * n, select(u >= v, u, w))
    store(y, 9 * n, select(u == v, u, w))
    store(y, 10 * n, select(u != v, u, w))
    store(y, 11 * n, select((u < v) | (u == v), u, w))
    store(y, 12 * n, select((u <= v) & (u != v), u, w))


EXPECTED = (
    *(lambda u, v, w: u + v, lambda u, v, w: u - v, lambda u, v, w: u * v, lambda u, v, w: u / v),
    lambda u, v, w: u * v + w,
    *(lambda u, v, w: np.where(u < v, u, w), lambda u, v, w: np.where(u <= v, u, w)),
    *(lambda u, v, w: np.where(u > v, u, w), lambda u, v, w: np.where(u >= v, u, w)),
    *(lambda u, v, w: np.where(u == v, u, w), lambda u, v, w: np.where(u != v, u, w)),
    *(lambda u, v, w: np.where(u <= v, u, w), lambda u, v, w: np.where(u < v, u, w)),
)


@kernel
def shuffled(lo, hi, thread, a: Real, b: Real, y: Real):
    """One vector of results after another, and then a single number."""
    n = length(a)
    u, v = load(a, 0), load(b, 0)
    store(y, 0, evens(u, v))
    store(y, n, odds(u, v))
    store(y, 2 * n, interleaved_low(u, v))
    store(y, 3 * n, interleaved_high(u, v))
    store(y, 4 * n, splat(a, b[1]))
    store(at(y, n), 4 * n, u)
    y[6 * n] = total(u)


@kernel
def first(lo, hi, thread, x: Real, y: Real, start, count):
    """Copy ``count`` elements of at most a vector's."""
    store_first(y, start, load_first(x, start, count), count)


@kernel
def first_or_zero(lo, hi, thread, x: Real, y: Real, count):
    """A whole vector, of which memory fills the first lanes."""
    store(y, 0, load_first(x, 0, count))


@kernel
def whole(lo, hi, thread, x: Real, y: Real, start):
    """Copy a vector to and from anywhere."""
    store(y, start, load(x, start))


@kernel
def bytes_added(lo, hi, thread, a: Bytes, b: Bytes, y: Bytes):
    """Integers have vectors too: a + b, the larger of two, and their common bits."""
    n = length(a)
    u, v = load(a, 0), load(b, 0)
    store(y, 0, u + v)
    store(y, n, select(u > v, u, v))
    store(y, 2 * n, u & v)


def call(function, *arguments, dtype=torch.float32):
    words = [a.data_ptr() if isinstance(a, torch.Tensor) else a for a in arguments]
    team.Job(function.compiled(dtype), 1, 0, len(words)).run(*words)


def numbers(dtype, count=None, seed=0):
    count = lanes(dtype.itemsize) if count is None else count
    return torch.randn(count, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@dtypes
@pytest.mark.parametrize("special", [False, True], ids=["normal", "special"])
def test_operations_work_lane_by_lane(dtype, special):
    a, b, c = (numbers(dtype, seed=seed) for seed in range(3))
    b[::3] = a[::3]
    if special:
        values = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0], dtype=dtype)
        a, b = values.repeat(20)[: len(a)], values.repeat_interleave(5).repeat(4)[: len(b)]
    y = torch.full((13 * len(a),), 77, dtype=dtype)
    call(lanewise, a, b, c, y, dtype=dtype)
    with np.errstate(all="ignore"):
        expected = [function(a.numpy(), b.numpy(), c.numpy()) for function in EXPECTED]
    for k, (mine, want) in enumerate(zip(y.view(13, -1), expected, strict=True)):
        tolerance = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 4 * torch.finfo(dtype).eps} if k == 4 else {}
        np.testing.assert_allclose(mine, want, **{"rtol": 0, "atol": 0, **tolerance}, err_msg=f"operation {k}")


@dtypes
def test_shuffles(dtype):
    a, b = numbers(dtype), numbers(dtype, seed=1)
    n = len(a)
    y = torch.full((6 * n + 1,), float("nan"), dtype=dtype)
    call(shuffled, a, b, y, dtype=dtype)
    both = torch.stack([a, b], 1).flatten()
    expected = [torch.cat([a, b])[::2], torch.cat([a, b])[1::2], both[:n], both[n:], b[1].expand(n), a]
    assert torch.equal(y[: 6 * n], torch.cat(expected))
    torch.testing.assert_close(y[6 * n], a.sum())


@dtypes
def test_a_total_of_whole_numbers_is_exact(dtype):
    a = torch.arange(1.0, lanes(dtype.itemsize) + 1, dtype=dtype)
    y = torch.empty(6 * len(a) + 1, dtype=dtype)
    call(shuffled, a, a, y, dtype=dtype)
    assert y[-1] == len(a) * (len(a) + 1) / 2


def test_integers():
    n = VECTOR_BYTES
    a, b = (torch.randint(0, 256, (n,), dtype=torch.uint8, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    y = torch.empty(3 * n, dtype=torch.uint8)
    call(bytes_added, a, b, y)
    assert torch.equal(y, torch.cat([a + b, torch.maximum(a, b), a & b]))


@dtypes
@pytest.mark.parametrize("place", [at_the_end, at_the_start])
def test_part_of_a_vector_is_read_and_written_and_no_more(dtype, place):
    """Up to the very edge of what may be touched."""
    for count in range(lanes(dtype.itemsize) + 1):
        x, y = place(numbers(dtype, count)), place(torch.full((count,), float("nan"), dtype=dtype))
        call(first, x, y, 0, count, dtype=dtype)
        assert torch.equal(x, y)


@dtypes
@pytest.mark.parametrize("count", [-1, 0, 100, 2**40])
def test_any_number_of_lanes_may_be_asked_for(dtype, count):
    x, y = numbers(dtype), numbers(dtype, seed=1)
    kept = min(max(count, 0), len(x))
    expected = torch.cat([x[:kept], y[kept:]])
    call(first, x, y, 0, count, dtype=dtype)
    assert torch.equal(y, expected)


@dtypes
def test_lanes_that_are_not_read_hold_zero(dtype):
    for count in range(lanes(dtype.itemsize) + 1):
        x, y = numbers(dtype), numbers(dtype, seed=1)
        call(first_or_zero, at_the_end(x[:count].clone()), y, count, dtype=dtype)
        assert torch.equal(y, torch.cat([x[:count], torch.zeros_like(x[count:])]))


@dtypes
def test_what_follows_is_not_touched(dtype):
    n = lanes(dtype.itemsize)
    for start, count in ((0, 1), (1, n - 1), (3, 2)):
        x, y = numbers(dtype, 3 * n), torch.full((3 * n,), 7, dtype=dtype)
        call(first, x, y, start, count, dtype=dtype)
        expected = torch.full_like(y, 7)
        expected[start : start + count] = x[start : start + count]
        assert torch.equal(y, expected)


@dtypes
def test_whole_vectors_need_no_alignment(dtype):
    n = lanes(dtype.itemsize)
    x = at_the_end(numbers(dtype, 3 * n))
    for start in range(2 * n + 1):
        y = at_the_end(torch.zeros(3 * n, dtype=dtype))
        call(whole, x, y, start, dtype=dtype)
        assert torch.equal(y[start : start + n], x[start : start + n])
        assert y.count_nonzero() == n


@pytest.mark.parametrize("place", [at_the_end, at_the_start])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (1024,), (1025,), (2, 3, 5, 7)])
def test_a_guarded_tensor_is_a_copy_in_the_same_layout(place, shape):
    x = torch.randn(shape)
    if len(shape) == 4:
        x = x.to(memory_format=torch.channels_last)
    assert torch.equal(place(x), x)
    assert place(x).stride() == x.stride()
