"""Input gradients of windows apart from each other, by Numba: against torch in float64, and which problems they are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu import choose
from scratchlayers.backends.numba_cpu.conv import conv_input_grad, patches
from scratchlayers.backends.numba_cpu.target import lanes
from scratchlayers.geometry import Window
from tests.draw import arranged, examples
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}
TRANSPOSED = {2: torch.nn.functional.conv_transpose2d, 3: torch.nn.functional.conv_transpose3d}
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


@st.composite
def windows(draw):
    """(sizes, window): windows side by side, with gaps between them, or with something left over."""
    rank = draw(st.integers(2, 3))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    stride = tuple(k + draw(st.sampled_from((0, 0, 1, 2))) for k in kernel)
    most = {2: 9, 3: 4}[rank]
    sizes = tuple((draw(st.integers(1, most)) - 1) * s + k for k, s in zip(kernel, stride, strict=True))
    return tuple(n + draw(st.integers(0, 2)) for n in sizes), Window.parse(rank, kernel, stride)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("guarded", [lambda x: x, at_the_start, at_the_end], ids=["free", "start", "end"])
@examples(30)
@given(
    windows(), st.sampled_from((1, 2, 9, 40)), st.sampled_from((16, 17, 40, 64)), st.sampled_from((2, 17, 64, 600)),
    st.booleans(), st.integers(0, 2**16),
)  # fmt: skip
def test_any_patches(guarded, dtype, sized, n, c, o, bias, seed):
    (sizes, window), generator = sized, torch.Generator().manual_seed(seed)
    grid, rank = window.over(sizes), len(sizes)

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)

    gy = guarded(arranged(normal(n, o, *grid.output_size), "channels_last"))
    w, b = guarded(normal(o, c, *window.kernel_size)), normal(c) if bias else None
    problem = choose.Problem(dtype, n, c, o, 1, grid, True)
    with choose.force("patches"):
        gx = conv_input_grad(gy, w, grid, 1, b)
    assert patches.INPUT_GRAD.can(problem)
    want = torch.zeros(n, c, *sizes, dtype=torch.float64)
    full = TRANSPOSED[rank](gy.double(), w.double(), stride=window.stride)
    want[(..., *(slice(size) for size in full.shape[2:]))] = full[(..., *(slice(size) for size in sizes))]
    want = want if b is None else want + b.double().view(-1, *(1,) * rank)
    assert (gx.dtype, gx.shape) == (dtype, want.shape)
    assert (gx.double() - want).abs().max() <= 4 * EPSILON[dtype] * o**0.5 * (want.abs().max() + 1)
    assert gy.is_contiguous() or gx.is_contiguous(memory_format=FORMATS[rank])


def problem(kernel=2, stride=2, padding=0, dilation=1, channels=64, groups=1, last=True):
    grid = Window.parse(2, kernel, stride, padding, dilation).over((8, 8))
    return choose.Problem(torch.float32, 2, channels, 64, groups, grid, last, last)


@pytest.mark.parametrize(
    ("asked", "can"),
    [
        (problem(), True),
        (problem(kernel=1), True),
        (problem(kernel=(1, 2)), True),
        (problem(kernel=1, dilation=2), True),
        (problem(stride=3), True),
        (problem(channels=lanes(4) // 2), True),
        (problem(channels=lanes(4) // 2 - 1), False),
        (problem(kernel=3), False),
        (problem(padding=1), False),
        (problem(padding=((0, 2), (0, 0))), False),
        (problem(dilation=2), False),
        (problem(groups=2), False),
        (problem(last=False), False),
    ],
)
def test_which_windows_are_apart(asked, can):
    assert patches.INPUT_GRAD.can(asked) == can
