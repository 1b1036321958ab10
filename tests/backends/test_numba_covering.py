"""Windows that cover the input along some axes, by Numba: against torch in float64, and whether they are seen."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu import choose
from scratchlayers.backends.numba_cpu.conv import conv, conv_input_grad, conv_weight_grad
from scratchlayers.backends.numba_cpu.conv.covering import covered_first, flattened
from scratchlayers.geometry import Window
from tests.draw import arranged, examples
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}


@st.composite
def windows(draw):
    """(sizes, window): along some axes it covers the input, or seems to; along the others it goes anyhow."""
    rank = draw(st.integers(1, 3))
    sizes, taps = ([draw(st.integers(1, 7)) for _ in range(rank)] for _ in range(2))
    stride, dilation = ([draw(st.integers(1, most)) for _ in range(rank)] for most in (3, 2))
    padding = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank)]
    for axis in range(rank):
        if draw(st.booleans()):
            taps[axis] = sizes[axis]
            padding[axis] = (0, (taps[axis] - 1) * (dilation[axis] - 1))
        else:
            sizes[axis] += max((taps[axis] - 1) * dilation[axis] + 1 - sizes[axis], 0)
    return tuple(sizes), Window.parse(rank, tuple(taps), tuple(stride), tuple(padding), tuple(dilation))


NUMBERS = st.one_of(st.integers(1, 9), st.sampled_from((16, 33, 70)))
LAYOUTS = ("contiguous", "channels_last", "transposed")


@examples(150)
@given(
    windows(), st.integers(1, 5), NUMBERS, NUMBERS, st.integers(1, 3), st.sampled_from([*EPSILON]), st.booleans(),
    st.randoms(),
)  # fmt: skip
def test_any_problem(sized, n, c, o, groups, dtype, bias, random):
    sizes, window = sized
    c, o = c * groups, o * groups
    grid, rank = window.over(sizes), len(sizes)
    generator = torch.Generator().manual_seed(random.randrange(2**16))

    def normal(*size):
        drawn = torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)
        return arranged(drawn, random.choice(LAYOUTS))

    x, w, gy = normal(n, c, *sizes), normal(o, c // groups, *window.kernel_size), normal(n, o, *grid.output_size)
    b, gb = (normal(o), normal(c)) if bias else (None, None)
    exact_x, exact_w = (t.detach().double().requires_grad_() for t in (x, w))
    added = None if b is None else b.double()
    sides = [n for side in reversed([*zip(grid.before, grid.after, strict=True)]) for n in side]
    padded = torch.nn.functional.pad(exact_x, sides)
    y = CONV[rank](padded, exact_w, added, window.stride, 0, window.dilation, groups)
    gx, gw = torch.autograd.grad(y, (exact_x, exact_w), gy.double())
    if gb is not None:
        gx = gx + gb.double().view(-1, *(1,) * rank)
    found = conv(x, w, b, grid, groups), conv_input_grad(gy, w, grid, groups, gb), conv_weight_grad(x, gy, grid, groups)
    terms = max(c, o, n) * x[0, 0].numel()
    for got, want in zip(found, (y, gx, gw), strict=True):
        assert (got.dtype, got.shape) == (dtype, want.shape)
        assert (got.double() - want).abs().max() <= 4 * EPSILON[dtype] * terms**0.5 * (want.abs().max() + 1)


@pytest.mark.parametrize("kernel", ["conv", "conv_input_grad", "conv_weight_grad"])
def test_the_result_lies_as_torchs_does(kernel):
    grid = Window.parse(2, (5, 4)).over((5, 4))
    x, w, gy = torch.randn(3, 6, 5, 4), torch.randn(7, 6, 5, 4), torch.randn(3, 7, 1, 1)
    got = {
        "conv": lambda: conv(x, w, None, grid, 1),
        "conv_input_grad": lambda: conv_input_grad(gy, w, grid, 1),
        "conv_weight_grad": lambda: conv_weight_grad(x, gy, grid, 1),
    }[kernel]()
    assert got.stride() == torch.empty(got.shape).stride()


def problem(sizes, taps, stride=1, padding=0, dilation=1, groups=1, last=False, gy_last=False):
    grid = Window.parse(len(sizes), taps, stride, padding, dilation).over(sizes)
    return choose.Problem(torch.float32, 2, 6, 4, groups, grid, last, gy_last)


@pytest.mark.parametrize(
    ("seen", "channels", "size"),
    [
        (problem((5, 5), (5, 5)), 150, (1,)),
        (problem((5, 5), (5, 5), stride=3), 150, (1,)),
        (problem((5, 9), (5, 3), padding=(0, 1)), 30, (9,)),
        (problem((2, 3, 9), (2, 3, 3)), 36, (9,)),
        (problem((1, 3, 9), (1, 3, 3)), 18, (9,)),
        (problem((7,), (7,), gy_last=True), 42, (1,)),
        (problem((5, 5), (5, 5), groups=2), 150, (1,)),
    ],
)
def test_what_is_covered_becomes_channels(seen, channels, size):
    flat, taps = flattened(seen)
    assert (flat.channels, flat.grid.input_size) == (channels, size)
    assert taps * seen.channels == channels
    assert flat.last == flat.gy_last == (size == (1,))


@pytest.mark.parametrize(
    "other",
    [
        problem((5, 5), (5, 5), padding=1),
        problem((5, 5), (4, 5)),
        problem((3, 3), (3, 3), padding=((0, 2), (0, 2)), dilation=2),
        problem((9, 5), (3, 5)),
        problem((1, 1), (1, 1)),
        problem((2, 2), (2, 2), groups=2),
        problem((5, 9), (5, 3), groups=2),
        problem((5, 5), (5, 5), last=True),
        problem((5, 9), (5, 3), gy_last=True),
    ],
)
def test_what_is_not(other):
    assert flattened(other) is None


@pytest.mark.parametrize(
    ("seen", "order"),
    [
        (problem((9, 5), (3, 5)), (1, 0)),
        (problem((9, 5, 4), (3, 5, 2)), (1, 0, 2)),
        (problem((9, 5, 4), (3, 2, 4)), (2, 0, 1)),
        (problem((5, 9, 4), (5, 2, 4)), (0, 2, 1)),
    ],
)
def test_covered_axes_are_moved_to_the_front(seen, order):
    moved, found = covered_first(seen)
    assert found == order
    assert moved.grid.input_size == tuple(seen.grid.input_size[a] for a in order)


@pytest.mark.parametrize(
    "other",
    [
        problem((5, 9), (5, 3)),
        problem((9, 5), (3, 5), padding=(0, 1)),
        problem((9, 3), (3, 3)),
        problem((9, 5), (3, 5), padding=((0, 0), (0, 4)), dilation=(1, 2)),
        problem((9, 5), (3, 5), groups=2),
        problem((9, 5), (3, 5), last=True),
    ],
)
def test_others_stay(other):
    assert covered_first(other) is None
