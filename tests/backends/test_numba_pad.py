"""Padding of the ``numba`` backend against the plain loops: any frame, layout, dtype and number of threads."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import registry
from scratchlayers.backends.numba_cpu.pad import pad
from scratchlayers.backends.numba_cpu.pad_adjoint import pad_adjoint
from scratchlayers.geometry import Frame

from ..draw import arranged, examples, tensor

LOOPS = registry.get("numpy").kernels
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
OTHERS = (torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.complex64, torch.complex128)


@st.composite
def frames(draw):
    """(N, C, frame): every mode, cropping too, on one to four axes, of which some stay as they are."""
    rank, mode = draw(st.integers(1, 4)), draw(st.sampled_from(["constant", "replicate", "reflect", "circular"]))
    size, sides = [], []
    for axis in range(rank):
        n = draw(st.integers(1, 100 if axis == rank - 1 else 4))
        crop = [draw(st.integers(0, n // 3)), draw(st.integers(0, n // 3))]
        most = {"reflect": n - 1, "circular": n - sum(crop)}.get(mode, 5)
        way = draw(st.sampled_from(["same", "grow", "crop", "both"]))
        pair = [-crop[0] if way in ("crop", "both") else 0, -crop[1] if way == "crop" else 0]
        if way in ("grow", "both"):
            pair = [pair[0] or draw(st.integers(0, min(most, 5))), draw(st.integers(0, min(most, 5)))]
        size.append(n)
        sides.append(tuple(pair))
    return draw(st.integers(1, 3)), draw(st.integers(1, 3)), Frame.around(tuple(size), tuple(sides), mode)


LAYOUTS = st.sampled_from(["contiguous", "channels_last", "transposed", "sliced", "expanded"])
SEEDS = st.integers(0, 2**16)


@given(frames(), st.sampled_from(FLOATS + OTHERS), LAYOUTS, SEEDS)
@examples(120)
def test_pad_moves_what_it_should(problem, dtype, layout, seed):
    n, c, frame = problem
    x = tensor((n, c, *frame.input_size), dtype, layout, seed)
    before = x.clone()
    assert torch.equal(pad(x, frame), LOOPS["pad"](x, frame))
    assert torch.equal(x, before)


VALUES = (1, -2.5, float("nan"), float("-inf"), 2**62 + 1)


@given(frames(), st.sampled_from(FLOATS + OTHERS), LAYOUTS, st.sampled_from(VALUES), SEEDS)
@examples(120)
def test_pad_fills_with_a_value(problem, dtype, layout, value, seed):
    n, c, frame = problem
    if not (dtype.is_floating_point or dtype.is_complex):
        value = True if dtype is torch.bool else value if dtype is torch.int64 and type(value) is int else 7
    x = tensor((n, c, *frame.input_size), dtype, layout, seed)
    got, want = pad(x, frame, value), LOOPS["pad"](x, frame, value)
    torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=True)


@given(frames(), st.sampled_from((*FLOATS, torch.complex64, torch.complex128)), LAYOUTS, SEEDS)
@examples(120)
def test_the_adjoint_adds_every_copy(problem, dtype, layout, seed):
    """Of whole numbers, so that the sums are exact in any order."""
    n, c, frame = problem
    gy = tensor((n, c, *frame.output_size), dtype, layout, seed)
    assert torch.equal(pad_adjoint(gy, frame), LOOPS["pad_adjoint"](gy, frame))


@given(frames(), SEEDS)
@examples(60)
def test_pad_moves_bits(problem, seed):
    """The payload of a NaN and the sign of a zero arrive."""
    n, c, frame = problem
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(-(2**31), 2**31, (n, c, *frame.input_size), generator=generator).to(torch.int32)
    padded = pad(bits.view(torch.float32), frame)
    assert torch.equal(padded.view(torch.int32), LOOPS["pad"](bits, frame))


@given(frames(), SEEDS)
@examples(60)
def test_a_nan_comes_back_only_where_it_was_copied_from(problem, seed):
    n, c, frame = problem
    gy = tensor((n, c, *frame.output_size), torch.float32, seed=seed)
    if gy.numel():
        gy.view(-1)[seed % gy.numel()] = float("nan")
    assert torch.equal(pad_adjoint(gy, frame).isnan(), LOOPS["pad_adjoint"](gy, frame).isnan())


def test_what_is_cropped_away_and_grown_again_is_zero():
    """As many elements as before, and none of them copied."""
    frame = Frame.around((2, 3), ((-2, 2), (0, 0)), "constant")
    assert torch.equal(pad(torch.ones(1, 1, 2, 3), frame), torch.zeros(1, 1, 2, 3))
    assert torch.equal(pad_adjoint(torch.ones(1, 1, 2, 3), frame), torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize("mode", ["constant", "replicate", "reflect", "circular"])
def test_channels_last_stays_so(mode):
    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=torch.channels_last)
    frame = Frame.around((5, 6), ((1, 2), (0, 3)), mode)
    y = pad(x, frame)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert pad_adjoint(y, frame).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("mode", ["constant", "replicate", "reflect", "circular"])
@pytest.mark.parametrize(
    ("channels", "size", "sides"), [(37, (61, 63), ((5, 3), (2, 7))), (700, (6, 7), ((1, 1), (1, 1)))]
)
def test_the_same_bits_on_any_number_of_threads(mode, channels, size, sides):
    torch.manual_seed(0)
    frame, before, found = Frame.around(size, sides, mode), torch.get_num_threads(), []
    x, gy = torch.randn(7, channels, *size), torch.randn(7, channels, *frame.output_size)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append([t.numpy().tobytes() for t in (pad(x, frame), pad_adjoint(gy, frame))])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_a_lazy_conjugate_or_negative_is_seen():
    x = torch.randn(1, 2, 4, dtype=torch.complex64)
    frame = Frame.around((4,), ((1, 2),), "circular")
    for lazy in (x.conj(), x.conj().imag):
        plain = arranged(lazy.resolve_conj().resolve_neg(), "contiguous")
        assert torch.equal(pad(lazy, frame), pad(plain, frame))
        assert torch.equal(pad_adjoint(pad(lazy, frame), frame), pad_adjoint(pad(plain, frame), frame))
