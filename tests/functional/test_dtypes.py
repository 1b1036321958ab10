"""Every dtype there is, alone and mixed; nothing in the batch, no channels, no pixels: what torch does, we do."""

from itertools import product

import pytest
import torch

from tests.compare import agree
from tests.functional.test_errors import all_agree

SIZE = (6, 5, 7)
UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COMPLEX = (torch.complex64, torch.complex128)
NARROW = (torch.float8_e4m3fn, torch.float8_e5m2)
EVERY = (torch.bool, *UNSIGNED, *INTEGERS, *FLOATS, *COMPLEX, *NARROW)
MIXED = (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.complex64, torch.bool)
# where torch has no kernel for something empty, it does not ask for one
COMPUTED = {"conv": (*INTEGERS, *FLOATS, *COMPLEX), "conv_transpose": (torch.int64, *FLOATS, *COMPLEX)}
# and what adds the bias after its sums takes one of any narrower dtype
ADDS = (torch.int64, torch.float64, torch.float16, torch.complex64)
CONVOLUTIONS = {"conv": [None, 1, 0, 1, 1], "conv_transpose": [None, 1, 0, 0, 1, 1]}
MODES = ("constant", "reflect", "replicate", "circular")

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
convolutions = pytest.mark.parametrize("name", CONVOLUTIONS)


def ones(*shape, dtype):
    return torch.ones(shape).to(dtype)


def images(rank, dtype):
    return ones(2, 4, *SIZE[:rank], dtype=dtype)


def filters(rank, dtype):
    return ones(4, 4, *(2,) * rank, dtype=dtype)


def emptied(x):
    """A tensor without one of its first axes, or with nothing along one of them, or with an axis more."""
    return [x[:0], x[:, :0], x[..., :0], x[:0, :0], x[:0, ..., :0], x[0], x[0, :0], x[0, ..., :0], x[0, 0], x[None]]


@pytest.mark.compatible("Autocast and dtypes", "{name}: every dtype, taken or refused as by torch")
@ranks
@convolutions
def test_convolutions_take_the_dtypes_that_torchs_take(name, rank):
    calls = []
    for dtype in EVERY:
        x, w, b = images(rank, dtype), filters(rank, dtype), ones(4, dtype=dtype)
        calls += [[x, w, b], [x, w], [x[0], w, b]]
        strided = {"conv": [2, 1, 2, 2], "conv_transpose": [2, 1, 1, 2, 2]}[name]
        calls += [[x, w[:, :2], bias, *strided] for bias in (b, None)]
    all_agree(f"{name}{rank}d", calls, 0.0)


@ranks
@convolutions
def test_convolutions_of_nothing_are_torchs(name, rank):
    padded = {"conv": [None, 1, 2], "conv_transpose": [None, 1, 0]}[name]
    calls = []
    for dtype in COMPUTED[name]:
        x, w, b = images(rank, dtype), filters(rank, dtype), ones(4, dtype=dtype)
        calls += [[y, w, *rest] for y in emptied(x) for rest in ([b], [], padded)]
        weights = [*emptied(w), w[:3], w[:, :3]]
        calls += [[y, v, *rest] for y in (x, *emptied(x)) for v in weights for rest in ([b], [], padded)]
    all_agree(f"{name}{rank}d", calls, 0.0)


@pytest.mark.compatible("Autocast and dtypes", "{name}: of what is empty any dtypes, mixed too")
@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
@ranks
@convolutions
def test_convolutions_of_nothing_ask_for_no_kernel(name, rank):
    padded = {"conv": [None, 1, 1], "conv_transpose": [None, 1, 0]}[name]
    calls = []
    mixed = [(d, e, f) for d, e in product(MIXED, repeat=2) for f in {d, e, torch.complex64}]
    for d, e, f in [*mixed, *((dtype,) * 3 for dtype in EVERY)]:
        x, w, b = images(rank, d), filters(rank, e), ones(4, dtype=f)
        pairs = [(x[:0], w), (x[:, :0], w[:, :0]), (x[:0, :0], w[:, :0]), (x[0, :0], w[:, :0])]
        calls += [[y, v, *rest] for y, v in pairs for rest in ([b], [], padded)]
    all_agree(f"{name}{rank}d", calls, 0.0)


@convolutions
def test_the_gradients_of_nothing_are_torchs(name):
    x = torch.ones(0, 4, 5, 5, requires_grad=True)
    w, b = torch.ones(4, 4, 2, 2, dtype=torch.float64, requires_grad=True), torch.ones(4, requires_grad=True)
    agree(f"{name}2d", [x, w, b])


@pytest.mark.compatible("Autocast and dtypes", "mixed dtypes are refused as by torch")
@ranks
@convolutions
def test_mixed_dtypes_are_refused_as_by_torch(name, rank):
    calls = []
    for d, e, f in product(MIXED, repeat=3):
        if name == "conv_transpose" and d == e != f and d in ADDS:
            continue
        x, w, b = images(rank, d), filters(rank, e), ones(4, dtype=f)
        calls += [[x, w, b], [x, w]]
    all_agree(f"{name}{rank}d", calls, 0.0)


@pytest.mark.xfail(strict=True, reason="torch's slow transposed convolutions take a bias of a narrower dtype")
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
def test_a_bias_is_not_asked_for_its_dtype(rank, dtype):
    x, w, b = images(rank, dtype), filters(rank, dtype), ones(4, dtype=torch.bool)
    all_agree(f"conv_transpose{rank}d", [[x, w, b]], 0.0)


@pytest.mark.compatible("Autocast and dtypes", "{name}: every dtype, taken or refused as by torch")
@ranks
@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
def test_pools_take_what_torchs_take(name, rank):
    calls = []
    for dtype in EVERY:
        x = images(rank, dtype)
        calls += [[y, 2, *rest] for y in (x, *emptied(x)) for rest in ([], [None, 1], [1, 1])]
        calls += [[y, 2, None, 0, 1, False, True] for y in (x, *emptied(x)) if name == "max_pool"]
    all_agree(f"{name}{rank}d", calls, 0.0)


@pytest.mark.compatible("Autocast and dtypes", "pad, {mode}: every dtype, taken or refused as by torch")
@ranks
@pytest.mark.parametrize("mode", MODES)
def test_pads_take_what_torchs_take(mode, rank):
    sides = [(1, 1) * rank, (0, 0) * rank, (-1, 1) * rank, (1, -3) * rank, (2, -2, 0, 2, 1, -1)[: 2 * rank]]
    calls = []
    for dtype in EVERY:
        x = images(rank, dtype)
        calls += [[y, pair, mode] for y in (x, *emptied(x)) for pair in sides]
    all_agree("pad", calls, 0.0)
