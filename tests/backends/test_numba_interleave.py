"""Elements that take turns, parted and merged by Numba kernels: against NumPy's slices."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu.interleave import merge, part
from scratchlayers.backends.numba_cpu.jit import Real, kernel
from scratchlayers.backends.numba_cpu.team import Job
from tests.draw import examples
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
ROOM = 400  # of a part


@kernel
def parted(lo, hi, thread, x: Real, y: Real, first, parts, apart, count):
    part(x, 0, y, 0, first, parts, apart, count)


@kernel
def merged(lo, hi, thread, x: Real, y: Real, parts, apart, count):
    merge(x, 0, y, 0, parts, apart, count)


def run(kernel, *words):
    pointers = [t.data_ptr() for t in words[:2]]
    Job(kernel.compiled(words[0].dtype), 1, 0, 2, *words[2:]).run(*pointers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@examples(80)
@given(parts=st.integers(2, 6), count=st.integers(0, 300), first=st.integers(0, 11))
def test_parted(dtype, parts, count, first):
    x, y = torch.arange(1, count + 1, dtype=dtype), torch.full((parts, ROOM), float("nan"), dtype=dtype)
    run(parted, x, y, first, parts, ROOM, count)
    u = torch.arange(first, first + count)
    assert torch.equal(y[u % parts, u // parts], x)
    y[u % parts, u // parts] = 0
    assert ((y == 0) | y.isnan()).all(), "what is beside is overwritten with zeros, or not at all"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@examples(80)
@given(parts=st.integers(2, 6), count=st.integers(0, 300))
def test_merged(dtype, parts, count):
    x, y = torch.randn(parts, ROOM, dtype=dtype), torch.full((count + 1,), 7.0, dtype=dtype)
    run(merged, x, y, parts, ROOM, count)
    assert torch.equal(y[:-1], x.T.reshape(-1)[:count])
    assert y[-1] == 7
