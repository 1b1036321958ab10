"""torch keeps our family in other places too: what stands for those means what they mean."""

import pytest
import torch

from scratchlayers.functional import aliases
from tests.compare import outcome, same_error

X = torch.randn(2, 4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
W = torch.randn(6, 4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
B = torch.arange(6.0, dtype=torch.float64)
V, X1, W1 = X[:, :, None], X[:, 0], torch.randn(3, 6, 2, dtype=torch.float64)

CALLS = [
    ("max_pool1d", (X1, 2), {}),
    ("max_pool1d", (X1, 2, 1, 1, 2, True), {}),
    ("max_pool1d_with_indices", (X1, 2), {"stride": (1,)}),
    ("max_pool2d", (X, 2), {}),
    ("max_pool2d", (X, (2, 3), None, 1, 1, True), {}),
    ("max_pool2d", (X, 2), {"return_indices": True}),
    ("max_pool2d", (X, 2, 2, 0, 1, False, True), {}),
    ("max_pool2d", (X, 0), {}),
    ("max_pool3d", (V, (1, 2, 2), ()), {}),
    ("max_pool3d", (X1, 2), {}),
    ("constant_pad_nd", (X, (1, -1, 2)), {}),
    ("constant_pad_nd", (X, [1, -1, 2, 0]), {}),
    ("constant_pad_nd", (), {"input": X, "pad": (1, 1), "value": 2}),
    ("constant_pad_nd", (X, (1, 1), None), {}),
    ("constant_pad_nd", (X, 1), {}),
    ("constant_pad_nd", (X, (-3, -3)), {}),
    ("convolution", (X, W, B, [1, 1], [0, 0], [1, 1], False, [0, 0], 1), {}),
    ("convolution", (X, W, None, [2], [1], [2], False, [5], 1), {}),
    ("convolution", (X, W[:, :2], B, (1, 2), (1, 0), (1,), False, (0,), 2), {}),
    ("convolution", (X, W.transpose(0, 1), B, [2], [1], [1], True, [1], 1), {}),
    ("convolution", (X1, W1, None, [1], [0], [1], False, [0], 1), {}),
    ("convolution", (V, W[:, :, None], B, [1], [0, 1, 1], [1], False, [0], 1), {}),
    ("convolution", (X[0], W, None, [1], [0], [1], False, [0], 1), {}),
    ("convolution", (X, W, None, 1, 0, 1, False, 0, 1), {}),
    ("convolution", (X, W, None, [1], "same", [1], False, [0], 1), {}),
    ("convolution", (X, W, None, [1], [0], [1], 1, [0], 1), {}),
    ("convolution", (X, W, None, [1], [0], [1], False, [0]), {}),
    ("convolution", (X[:, :2], W, None, [1], [0], [1], False, [0], 1), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), CALLS)
def test_they_mean_what_torchs_mean(name, arguments, options):
    want = outcome(getattr(torch, name), *arguments, **options)
    got = outcome(getattr(aliases, name), *arguments, **options)
    if isinstance(want, TypeError) and "argument" in str(want):  # Python and C++ word this one differently
        assert type(got) is TypeError
    elif isinstance(want, Exception) or isinstance(got, Exception):
        same_error(got, want)
    else:
        torch.testing.assert_close(got, want)


def test_convolution_does_not_heed_autocast_on_cpus():
    words = ([1], [0], [1], False, [0], 1)
    with torch.autocast("cpu", torch.bfloat16):
        got, want = (space.convolution(X.float(), W.float(), None, *words) for space in (aliases, torch))
    assert got.dtype is want.dtype is torch.float32


def test_every_place_is_torchs_and_named_once():
    assert len({(space.__name__, name) for space, name, _ in aliases.PLACES}) == len(aliases.PLACES)
    assert all(hasattr(space, name) for space, name, _ in aliases.PLACES)
    found = {name for space, name, _ in aliases.PLACES if space is torch}
    family = ("conv", "max_pool", "avg_pool1d", "constant_pad_nd")
    assert found >= {n for n in dir(torch) if n.startswith(family) and not n.startswith(("conv_transpose_", "convert"))}
