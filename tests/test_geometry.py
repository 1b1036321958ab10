"""A grid says which input element every tap reads; stated again by enumeration, one axis at a time."""

from fractions import Fraction

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers.geometry import Frame, Window, divisors, is_per_side, per_axis, transposed

sizes, kernels, steps = st.integers(1, 12), st.integers(1, 5), st.integers(1, 4)
sides = st.tuples(st.integers(0, 4), st.integers(0, 4))


def grid_of(size, kernel, stride, side, dilation, ceil_mode=False):
    window = Window.parse(1, kernel, stride, (side,), dilation, ceil_mode)
    assume(size + sum(side) >= window.extent[0])
    return window.over((size,))


def reads(grid):
    """Per output position, the input indices of its taps."""
    (m,), (k,), (s,), (d,), (b,) = grid.output_size, grid.kernel_size, grid.stride, grid.dilation, grid.before
    return [[p * s + t * d - b for t in range(k)] for p in range(m)]


@given(sizes, kernels, steps, sides, steps)
def test_windows_fit_and_one_more_would_not(size, kernel, stride, side, dilation):
    taps = reads(grid_of(size, kernel, stride, side, dilation))
    end = size + side[1]
    assert taps[0][0] == -side[0]
    assert taps[-1][-1] < end
    assert taps[-1][-1] + stride >= end


@given(sizes, kernels, steps, sides, steps)
def test_ceil_mode_adds_at_most_one_window_that_starts_inside(size, kernel, stride, side, dilation):
    assume(side[1] <= dilation * (kernel - 1))  # else windows may lie in the padding, of which torch drops one
    floor = grid_of(size, kernel, stride, side, dilation)
    ceil = grid_of(size, kernel, stride, side, dilation, ceil_mode=True)
    assert ceil.output_size[0] - floor.output_size[0] in (0, 1)
    if ceil.output_size != floor.output_size:
        assert reads(ceil)[-1][0] < size
        assert reads(ceil)[-1][-1] >= size + side[1]
    elif reads(floor)[-1][-1] != size + side[1] - 1:  # elements are left over
        assert reads(floor)[-1][0] + stride >= size


@given(sizes, kernels, steps, steps)
def test_same_keeps_one_window_for_every_step_and_pads_no_more_than_it_must(size, kernel, stride, dilation):
    window = Window.parse(1, kernel, stride, "same", dilation)
    grid, ((before, after),) = window.over((size,)), window.sides((size,))
    assert grid.output_size == (-(-size // stride),)
    assert after - before in (0, 1)
    if before + after:
        assert reads(grid)[-1][-1] == size + after - 1


@given(sizes, kernels, steps, steps)
def test_full_reads_every_element_with_every_tap(size, kernel, stride, dilation):
    taps = reads(Window.parse(1, kernel, 1, "full", dilation).over((size,)))
    assert all({row[t] for row in taps} >= set(range(size)) for t in range(kernel))
    assert len(taps) == size + dilation * (kernel - 1)
    assert Window.parse(1, kernel, stride, "full", dilation).over((size,)).output_size == (-(-len(taps) // stride),)


@given(sizes, kernels, steps, steps)
def test_valid_is_no_padding(size, kernel, stride, dilation):
    assume(size >= dilation * (kernel - 1) + 1)
    assert Window.parse(1, kernel, stride, "valid", dilation).over((size,)) == grid_of(
        size, kernel, stride, (0, 0), dilation
    )


@given(sizes, kernels, steps, st.integers(0, 2), steps, st.booleans())
def test_output_sizes_are_torchs(size, kernel, stride, padding, dilation, ceil_mode):
    padding = min(padding, kernel // 2)
    grid = grid_of(size, kernel, stride, (padding, padding), dilation, ceil_mode)
    pooled = torch.nn.functional.max_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, dilation, ceil_mode)
    assert grid.output_size == tuple(pooled.shape[2:])


@given(sizes, kernels, steps, sides, steps, st.integers(0, 3))
def test_a_transposed_grid_is_a_grid_of_the_output(size, kernel, stride, side, dilation, extra):
    assume(extra < max(stride, dilation))
    assume((size - 1) * stride - sum(side) + dilation * (kernel - 1) + 1 + extra >= 1)
    grid = transposed(1, (size,), (kernel,), stride, (side,), extra, dilation)
    assert grid.output_size == (size,)
    assert grid.input_size[0] == (size - 1) * stride - sum(side) + dilation * (kernel - 1) + 1 + extra
    if extra < stride:  # then the convolution of that input has exactly these positions
        assert Window.parse(1, kernel, stride, (side,), dilation).over(grid.input_size) == grid


@given(sizes, kernels, steps, sides, st.booleans(), st.booleans())
def test_divisors_count_what_a_window_covers(size, kernel, stride, side, ceil_mode, count_include_pad):
    grid = grid_of(size, kernel, stride, side, 1, ceil_mode)
    inside = range(-side[0], size + side[1]) if count_include_pad else range(size)
    assert divisors(grid, count_include_pad) == (tuple(max(sum(i in inside for i in row), 1) for row in reads(grid)),)


@given(st.lists(st.tuples(sizes, kernels), min_size=1, max_size=3), st.booleans())
def test_averages_of_ones_are_ones(axes, count_include_pad):
    """With the divisors of the axes multiplied, unpadded."""
    assume(all(n >= k for n, k in axes))
    size, kernel = zip(*axes, strict=True)
    grid = Window.parse(len(axes), kernel).over(size)
    for counts, k in zip(divisors(grid, count_include_pad), kernel, strict=True):
        assert all(Fraction(k, count) == 1 for count in counts)


@given(sizes, st.integers(-4, 6), st.integers(-4, 6), st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_frames_copy_what_torch_copies(size, before, after, mode):
    try:
        frame = Frame.around((size,), ((before, after),), mode)
    except ValueError:
        assume(False)
    assume(size + min(before, 0) + min(after, 0) > 0)
    x = torch.arange(1.0, size + 1)[None, None]
    want = torch.nn.functional.pad(x, (before, after), mode)
    assert [source + 1 for source in frame.sources[0]] == want[0, 0].int().tolist()
    assert frame.output_size == (size + before + after,)


@given(sizes, sides, sides)
def test_a_crop_undoes_a_pad(size, side, other):
    padded = Frame.around((size,), (side,), "constant")
    cropped = Frame.around(padded.output_size, ((-side[0], -side[1]),), "constant")
    assert [padded.sources[0][i] for i in cropped.sources[0]] == list(range(size))


@given(sizes, st.integers(-4, 6), st.integers(-4, 6), st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_what_is_copied_once_can_be_put_back(size, before, after, mode):
    try:
        frame = Frame.around((size,), ((before, after),), mode)
    except ValueError:
        assume(False)
    copies = [[i for i, source in enumerate(frame.sources[0]) if source == n] for n in range(size)]
    if frame.undone is None:
        assert mode != "constant"
        assert any(len(found) > 1 for found in copies)
    else:
        assert (frame.undone.input_size, frame.undone.output_size) == (frame.output_size, frame.input_size)
        assert [[i] if i >= 0 else [] for i in frame.undone.sources[0]] == copies


def test_every_spelling_means_the_same():
    spellings = [2, (2,), [2], (2, 2), [2, 2], torch.Size((2, 2))]
    assert {per_axis(2, value, "stride") for value in spellings} == {(2, 2)}
    assert {Window.parse(2, 3, padding=p).padding for p in [1, (1, 1), ((1, 1), (1, 1)), [[1, 1], [1, 1]]]} == {
        ((1, 1), (1, 1))
    }
    assert Window.parse(2, (2, 3)).stride == (2, 3)


@pytest.mark.parametrize(
    ("padding", "answer"),
    [
        (1, False),
        ("same", False),
        ((1, 2), False),
        ([1], False),
        ((), False),
        (((1, 2),), True),
        ([[1, 2], [0, 1]], True),
    ],
)
def test_a_padding_per_side_is_recognised(padding, answer):
    assert is_per_side(padding) is answer


ERRORS = [
    (lambda: per_axis(2, (1, 2, 3), "stride"), ValueError, ["stride", "2 of them", "(1, 2, 3)"]),
    (lambda: per_axis(2, 0, "dilation"), ValueError, ["dilation", "at least 1", "0"]),
    (lambda: per_axis(2, True, "stride"), TypeError, ["stride", "bool"]),
    (lambda: per_axis(2, 1.5, "stride"), TypeError, []),
    (lambda: Window.parse(1, 3, padding="some"), ValueError, ["'valid', 'same', 'full'", "'some'"]),
    (lambda: Window.parse(2, 3, padding=((1, 1),)), ValueError, ["2 pairs", "((1, 1),)"]),
    (lambda: Window.parse(1, 3, padding=-1), ValueError, ["at least 0", "-1"]),
    (lambda: Window.parse(1, 5).over((4,)), ValueError, ["(5,)", "(4,)"]),
    (lambda: Frame.around((3,), ((3, 0),), "reflect"), ValueError, ["reflect", "at most 2 of 3", "(3, 0)"]),
    (lambda: Frame.around((3,), ((4, 0),), "circular"), ValueError, ["circular", "at most 3 of 3", "(4, 0)"]),
    (lambda: Frame.around((3,), ((-2, -2),), "constant"), ValueError, ["2", "3"]),
    (lambda: Frame.around((3,), ((1, 1),), "mirror"), ValueError, ["mode", "'mirror'"]),
    (lambda: transposed(1, (3,), (3,), 2, 0, 2, 1), ValueError, ["output_padding", "2"]),
    (lambda: transposed(1, (3,), (3,), 1, "same", 0, 1), ValueError, ["'same'"]),
]


@pytest.mark.parametrize(("call", "kind", "named"), ERRORS)
def test_errors_name_what_was_asked(call, kind, named):
    with pytest.raises(kind) as why:
        call()
    assert all(word in str(why.value) for word in named), str(why.value)
