"""Where a result is wrong is said in the narrowest words that are true."""

import pytest
import torch

from scratchlayers.testing import BrokenLawError
from scratchlayers.testing.compare import close, place


@pytest.mark.parametrize(
    ("size", "wrong", "said"),
    [
        ((3, 4), [(0, 0), (2, 3)], "only in the corners"),
        ((3, 4), [(0, 1), (0, 3)], "only in the first row"),
        ((3, 4), [(2, 1)], "only in the last row"),
        ((3, 4), [(1, 0)], "only in the first column"),
        ((3, 4), [(1, 3), (2, 3)], "only in the last column"),
        ((3, 4), [(0, 1), (1, 3)], "only at the edges"),
        ((3, 4), [(1, 1), (1, 2)], "only in the interior"),
        ((3, 4), [(1, 1), (2, 2)], "in the interior and at the border"),
        ((3,), [(0,)], "only in the first element"),
        ((3, 3, 3), [(2, 1, 1)], "only in the last plane"),
        ((3, 3, 3), [(0, 0, 2)], "only in the corners"),
    ],
)
def test_place(size, wrong, said):
    mask = torch.zeros(2, 3, *size, dtype=torch.bool)
    for at in wrong:
        mask[(slice(None), slice(None), *at)] = True
    assert place(mask).endswith(said)


def test_place_names_the_image_and_the_channel_that_alone_are_wrong():
    mask = torch.zeros(2, 3, 4, dtype=torch.bool)
    mask[1, 2] = True
    assert place(mask) == "wrong at 4 of 24 elements, at every position, image 1 alone, channel 2 alone"
    assert "filter 1 alone" in place(mask, "gw")
    assert place(torch.ones(1, 1, 2, dtype=torch.bool)) == "wrong at 2 of 2 elements, everywhere"


def test_close_shows_the_worst_element():
    got = torch.tensor([[[1.0, 2.0, 5.0]]])
    with pytest.raises(BrokenLawError, match=r"last element; the worst at \(0, 0, 2\): 5 instead of 3"):
        close(got, torch.tensor([[[1.0, 2.0, 3.0]]]), "y")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_special_values_are_close_to_themselves_only(value):
    special, zero = torch.full((1, 1, 1), value), torch.zeros(1, 1, 1)
    assert close(special, special.clone(), "y") == 0
    for got, want in ((special, zero), (zero, special), (special, -special if value == value else zero)):
        with pytest.raises(BrokenLawError):
            close(got, want, "y")


@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float64, 1e-7, 1e-7), (torch.float32, 1.3e-6, 1e-5), (torch.float16, 1e-3, 1e-5)]
)
@pytest.mark.parametrize("compare", [lambda got, want: close(got, want, "y"), torch.testing.assert_close])
def test_the_tolerance_is_assert_closes(compare, dtype, rtol, atol):
    want = torch.tensor([[[1.0, 0.5]]], dtype=dtype)
    allowed = atol + rtol * want.double()
    compare((want.double() + 0.6 * allowed).to(dtype), want)
    with pytest.raises(AssertionError):
        compare((want.double() + 2.0 * allowed).to(dtype), want)


def test_the_error_is_relative_above_1():
    want = torch.tensor([[[0.0, 1e6]]])
    assert close(want + torch.tensor([0.0, 0.5]), want, "y") == pytest.approx(0.5e-6)
