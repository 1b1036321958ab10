"""True convolution, against NumPy's and SciPy's."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import functional as F
from tests.draw import ints, tensor

MODES = ("full", "same", "valid")
CONVOLVE = {1: F.convolve1d, 2: F.convolve2d, 3: F.convolve3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
modes = pytest.mark.parametrize("mode", MODES)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.complex128, torch.int64])


def equal(y, z):
    np.testing.assert_array_equal(y.resolve_conj().numpy(), z)


@modes
@given(sizes=ints(2, 1, 9), dtype=dtypes)
def test_convolve1d_is_numpys(mode, sizes, dtype):
    x, w = tensor(sizes[:1], dtype), tensor(sizes[1:], dtype, seed=1)
    if mode == "same" and len(w) > len(x):
        x, w = w, x  # NumPy's "same" is as large as the larger one, ours and SciPy's as x
    equal(F.convolve1d(x, w, mode), np.convolve(x, w, mode))


@ranks
@modes
@given(data=st.data())
def test_convolve_is_scipys(rank, mode, data):
    dtype = data.draw(dtypes)
    x, w = (tensor(data.draw(ints(rank, 1, 5)), dtype, seed=i) for i in range(2))
    try:
        z = scipy.signal.convolve(x.numpy(), w.numpy(), mode, method="direct")
    except ValueError:  # neither fits into the other
        with pytest.raises(ValueError):  # noqa: PT011 of any text
            CONVOLVE[rank](x, w, mode)
        return
    equal(CONVOLVE[rank](x, w, mode), z)


@ranks
@modes
def test_leading_axes_are_convolved_one_by_one(rank, mode):
    x, w = tensor((2, 0 + 3, *(4,) * rank), torch.float64), tensor((2,) * rank, torch.float64)
    y = CONVOLVE[rank](x, w, mode)
    for i in np.ndindex(2, 3):
        assert torch.equal(y[i], CONVOLVE[rank](x[i], w, mode))
    assert CONVOLVE[rank](x[:0], w, mode).shape == (0, *y.shape[1:])


@ranks
@modes
def test_filters_sum_over_channels(rank, mode):
    x, w = tensor((2, 3, *(4,) * rank), torch.float64), tensor((5, 3, *(2,) * rank), torch.float64)
    y = CONVOLVE[rank](x, w, mode)
    parts = [[sum(CONVOLVE[rank](x[n, c], w[o, c], mode) for c in range(3)) for o in range(5)] for n in range(2)]
    assert torch.equal(y, torch.stack([torch.stack(part) for part in parts]))
    assert torch.equal(CONVOLVE[rank](x[0], w, mode), y[0])


@ranks
@modes
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_convolve_has_derivatives(rank, mode, dtype):
    x, w = tensor((3,) * rank, dtype).requires_grad_(), tensor((2,) * rank, dtype, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: CONVOLVE[rank](x, w, mode), (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: CONVOLVE[rank](x, w, mode), (x, w))


@given(a=ints(1, 1, 6), b=ints(1, 1, 6), c=ints(1, 1, 6))
def test_full_convolution_is_commutative_and_associative(a, b, c):
    x, y, z = (tensor(n, torch.int64, seed=i) for i, n in enumerate((a, b, c)))
    assert torch.equal(F.convolve1d(x, y), F.convolve1d(y, x))
    assert torch.equal(F.convolve1d(F.convolve1d(x, y), z), F.convolve1d(x, F.convolve1d(y, z)))


ERRORS = [
    (lambda: F.convolve1d(torch.zeros(3), torch.zeros(2), "middle"), ["'full', 'same', 'valid'", "'middle'"]),
    (lambda: F.convolve2d(torch.zeros(3), torch.zeros(2, 2)), ["2 axes", "(3,)"]),
    (lambda: F.convolve2d(torch.zeros(3, 3), torch.zeros(2, 2, 2)), ["2 or 4", "(2, 2, 2)"]),
    (lambda: F.convolve2d(torch.zeros(2, 4), torch.zeros(3, 3), "valid"), ["(3, 3)", "(2, 4)"]),
    (lambda: F.convolve2d(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 2, 2)), ["3", "2"]),
]


@pytest.mark.parametrize(("call", "named"), ERRORS)
def test_errors_name_the_numbers(call, named):
    with pytest.raises(ValueError) as why:  # noqa: PT011 what it says is checked below
        call()
    assert all(number in str(why.value) for number in named), str(why.value)
