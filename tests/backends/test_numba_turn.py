"""Pixels to planes and back by Numba: torch's own copies, bit for bit, and nothing beside a tensor is touched."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu.conv.turn import pixels, planes
from tests.draw import examples
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


@st.composite
def shapes(draw):
    sizes = st.one_of(st.integers(1, 20), st.sampled_from((31, 32, 33, 64, 70, 129)))
    return draw(st.integers(1, 3)), draw(sizes), *(draw(sizes) for _ in range(draw(st.integers(2, 3))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("guarded", [lambda x: x, at_the_start, at_the_end], ids=["free", "start", "end"])
@examples(30)
@given(shape=shapes())
def test_turned_and_back(shape, dtype, guarded):
    x = torch.arange(torch.Size(shape).numel(), dtype=dtype).view(shape)
    last = pixels(shape, dtype)(guarded(x))
    assert torch.equal(last, x)
    assert last.is_contiguous(memory_format=LAST[x.dim()])
    back = planes(shape, dtype)(last)
    assert torch.equal(back, x)
    assert back.is_contiguous()
