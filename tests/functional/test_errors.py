"""What torch refuses we refuse, in its words; and what it takes, however oddly spelled, we take."""

import numpy as np
import pytest
import torch

from scratchlayers import functional as F
from tests.compare import agree, outcome
from tests.draw import tensor

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
quiet = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")

WORDS = [
    *(0, 1, 2, 3, -1, -2, 10, True, False, None, 1.0, 2.5, "valid", "foo", "", (), []),
    *((1,), [2], (2, 1), (1, 2), (2, 2, 2), [1, 1, 2], (1, 1, 1, 1), (0,), (-1, 1), (1.0,), (1.0, 1.0), (True, True)),
    *(
        (None, 1),
        ("same",),
        {1: 2},
        np.int64(2),
        np.float32(1.0),
        np.array([1, 1]),
        torch.tensor(2),
        torch.Size((1, 2)),
    ),
]
TENSORS = [
    *(None, np.zeros((1, 2, 4, 4)), [[1.0]], 1.0),
    torch.tensor(1.0, dtype=torch.float64),
    *(
        torch.zeros(shape, dtype=torch.float64)
        for shape in ((2,), (0,), (1, 0, 4, 4), (1, 1, 4, 4), (1, 2, 0, 4), (1,) * 6)
    ),
    *(torch.zeros(1, 2, 4, 4, dtype=dtype) for dtype in (torch.float32, torch.bool, torch.int32, torch.complex64)),
]
SIDES = [(1, 1), (1, 1, 1, 1), (1,) * 8, (5, 5), (4, 4), (-2, -2), (-4, 0), (-3, -3), (0, -2)]
VALUES = [
    None,
    0,
    1,
    1.5,
    True,
    False,
    -1,
    300,
    float("nan"),
    float("inf"),
    "a",
    1j,
    torch.tensor(2.0),
    np.float32(2.5),
    np.float64(2.0),
    np.int64(3),
]


def usual(name, rank):
    """The tensors and the words of a plain call."""
    x, w = tensor((1, 2, *(5,) * rank), torch.float64), tensor((2, 2, *(2,) * rank), torch.float64)
    return {
        "conv": ([x, w, None], [1, 0, 1, 1]),
        "conv_transpose": ([x, w, None], [1, 0, 0, 1, 1]),
        "max_pool": ([x], [2, None, 0, 1, False, False]),
        "avg_pool": ([x], [2, None, 0, False, True] + [None] * (rank > 1)),
    }[name]


def all_agree(name, calls, tolerance=1e-12):
    """Assert that ours and torch's agree on each of these lists of arguments, and list those where they do not."""
    found = list(filter(None, (difference(name, arguments, tolerance) for arguments in calls)))
    assert not found, "\n".join([f"{len(found)} calls differ", *found])


def difference(name, arguments, tolerance):
    try:
        agree(name, [], arguments, strides=False, rtol=tolerance, atol=tolerance)
    except AssertionError as why:
        shown = [f"{a.dtype} {tuple(a.shape)}" if isinstance(a, torch.Tensor) else repr(a) for a in arguments]
        return f"{name}({', '.join(shown)}): {why}"
    return None


def replaced(values, others):
    """Each list that has one of the values replaced by one of the others."""
    return [[*values[:i], other, *values[i + 1 :]] for i in range(len(values)) for other in others]


@pytest.mark.compatible("Errors", "{name}: any argument gives torch's result or torch's error")
@ranks
@quiet
@pytest.mark.parametrize("name", ["conv", "conv_transpose", "max_pool", "avg_pool"])
def test_any_word_does_what_it_does_in_torch(name, rank):
    tensors, words = usual(name, rank)
    for plain in replaced(words, [1, (1,), (1,) * rank]):  # so that what they mean is remembered
        outcome(getattr(F, f"{name}{rank}d"), *tensors, *plain)
    calls = replaced(words, [word for word in WORDS if "pool" not in name or repr(word) != "'valid'"])
    all_agree(f"{name}{rank}d", [[*tensors, *wild] for wild in calls])


@pytest.mark.compatible("Errors", "{name}: any operand gives torch's result or torch's error")
@ranks
@pytest.mark.parametrize("name", ["conv", "conv_transpose", "max_pool", "avg_pool"])
def test_any_operand_does_what_it_does_in_torch(name, rank):
    tensors, words = usual(name, rank)
    all_agree(f"{name}{rank}d", [[*wild, *words] for wild in replaced(tensors, TENSORS)])


@pytest.mark.compatible("Errors", "pad: any padding, in any mode, gives torch's result or torch's error")
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular", "foo", None, 1])
def test_any_padding_does_what_it_does_in_torch(mode):
    x = tensor((1, 2, 4, 4), torch.float64)
    F.pad(x, (1, 1))
    inputs = [x, x[0], x[0, 0], x[0, 0, 0, 0], x[:, :, :0], x[:0], x[:, :0], x[..., None], x[..., None, None]]
    sides = [*SIDES, *WORDS, *([(-5, 1), (-5, 5), (1, -5), (4, -5)] if mode == "constant" else [])]
    all_agree("pad", [[y, pair, mode] for y in inputs for pair in sides])


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_any_value_does_what_it_does_in_torch(dtype):
    x = tensor((1, 2, 4), dtype)
    modes = ["constant", "reflect", "circular"]
    all_agree("pad", [[x, (1, 1), mode, value] for mode in modes for value in VALUES])
