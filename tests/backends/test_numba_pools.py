"""Pooling of the ``numba`` backend against the plain loops: any grid, layout, dtype and number of threads."""

from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import registry
from scratchlayers.contract import tap_dtype
from scratchlayers.geometry import Grid, Window, divisors

from ..draw import arranged, examples
from ..widths import at_narrower_widths

NUMBA, LOOPS = registry.get("numba").kernels, registry.get("numpy").kernels
WHOLE = (torch.float32, torch.float64)
HALF = (torch.bfloat16, torch.float16)


@st.composite
def grids(draw):
    """(N, C, grid): windows of every kind, inside the input or not, and rows longer than any vector."""
    rank = draw(st.integers(1, 3))

    def sizes(most):
        return draw(st.tuples(*[st.integers(1, most)] * rank))

    kernel, stride, dilation = sizes(5 if rank < 3 else 3), sizes(6), sizes(3)
    sides = draw(st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4))] * rank))
    least = [max((k - 1) * d + 1 - sum(s), 1) for k, d, s in zip(kernel, dilation, sides, strict=True)]
    rooms = [draw(st.integers(0, 70 if axis == rank - 1 and rank < 3 else 5)) for axis in range(rank)]
    window = Window(kernel, stride, dilation, sides, draw(st.booleans()))
    shape = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 3, 17]))
    return *shape, window.over(tuple(n + room for n, room in zip(least, rooms, strict=True)))


def numbers(shape, dtype, seed, specials=0.0):
    """Whole numbers with many ties, exact in sums of any order; of which some are NaN or infinite."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-3, 4, shape, generator=generator).to(torch.float64)
    odd = torch.tensor([float("nan"), float("inf"), -float("inf")], dtype=torch.float64)
    some = odd[torch.randint(3, shape, generator=generator)]
    return torch.where(torch.rand(shape, generator=generator) < specials, some, x).to(dtype)


def agree(name, *arguments, **tolerance):
    mine, theirs = (kernels[name](*arguments) for kernels in (NUMBA, LOOPS))
    for a, b in zip(*[r if isinstance(r, tuple) else (r,) for r in (mine, theirs)], strict=True):
        torch.testing.assert_close(a, b.reshape(a.shape), equal_nan=True, **(tolerance or {"rtol": 0, "atol": 0}))
    return mine


LAYOUTS = st.sampled_from(["contiguous", "channels_last", "transposed", "sliced", "expanded"])
SEEDS = st.integers(0, 2**16)
SPECIALS = st.sampled_from([0.0, 0.1, 0.6])


@given(grids(), st.sampled_from(WHOLE + HALF), LAYOUTS, SEEDS, SPECIALS)
@examples(60)
def test_max_pool(problem, dtype, layout, seed, specials):
    n, c, grid = problem
    x = arranged(numbers((n, c, *grid.input_size), dtype, seed, specials), layout)
    before = x.clone()
    agree("max_pool", x, grid)
    torch.testing.assert_close(x, before, equal_nan=True, rtol=0, atol=0)


@st.composite
def tall_grids(draw):
    """(N, C, grid): windows of several rows, far apart, side by side or overlapping a little."""
    stride = draw(st.tuples(st.integers(1, 9), st.integers(5, 20)))
    kernel = draw(st.tuples(st.integers(2, 9), st.integers(3, 24)))
    sides = draw(st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2))
    size = [k + draw(st.integers(0, most)) for k, most in zip(kernel, (12, 70), strict=True)]
    return (
        draw(st.integers(1, 2)),
        draw(st.sampled_from([1, 3])),
        Window(kernel, stride, (1, 1), sides).over(tuple(size)),
    )


@given(tall_grids(), st.sampled_from(WHOLE), LAYOUTS, SEEDS, SPECIALS)
@examples(60)
def test_averages_over_tall_windows(problem, dtype, layout, seed, specials):
    n, c, grid = problem
    by = divisors(grid, count_include_pad=True)
    exact = {"rtol": 1e-6, "atol": 1e-6}
    x, gy = (numbers((n, c, *size), dtype, seed, specials) for size in (grid.input_size, grid.output_size))
    agree("avg_pool", arranged(x, layout), by, grid, **exact)
    agree("avg_pool_adjoint", arranged(gy, layout), by, grid, **exact)


def test_averages_of_every_other_element_of_many_rows():
    """Of as many windows as elements: the last one lies beside the input."""
    grid = Window.parse(2, (16, 1), (1, 2), ((0, 0), (0, 2))).over((20, 2))
    agree("avg_pool", numbers((2, 3, 20, 2), torch.float64, 0), divisors(grid, count_include_pad=True), grid)


@pytest.mark.parametrize("channels", [5, 64, 147])
@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_averages_of_many_channels_side_by_side(channels, dtype):
    x = torch.randn(2, channels, 11, 9, dtype=dtype).contiguous(memory_format=torch.channels_last)
    grid = Window.parse(2, (7, 5), (2, 3), (3, 1)).over((11, 9))
    got = NUMBA["avg_pool"](x, divisors(grid, count_include_pad=False), grid)
    want = torch.nn.functional.avg_pool2d(x.double(), (7, 5), (2, 3), (3, 1), count_include_pad=False)
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got.double(), want, rtol=1e-6, atol=1e-6)


@given(grids(), st.sampled_from(WHOLE + HALF), LAYOUTS, SEEDS, SPECIALS)
@examples(60)
def test_scatter_gather_and_index_of_any_taps(problem, dtype, layout, seed, specials):
    """Also of taps that no maximum would choose, inside the input or outside."""
    n, c, grid = problem
    shape = (n, c, *grid.output_size)
    generator = torch.Generator().manual_seed(seed)
    tap = torch.randint(prod(grid.kernel_size), shape, generator=generator).to(tap_dtype(grid))
    agree("scatter", arranged(numbers(shape, dtype, seed, specials), layout), arranged(tap, layout), grid)
    agree("gather", arranged(numbers((n, c, *grid.input_size), dtype, seed, specials), layout), tap, grid)


@given(grids(), st.sampled_from(["contiguous", "channels_last", "transposed", "sliced"]), SEEDS)
@examples(30)
def test_tap_index_names_what_max_pool_took(problem, layout, seed):
    n, c, grid = problem
    x = numbers((n, c, *grid.input_size), torch.float64, seed)
    y, tap = NUMBA["max_pool"](x, grid)
    flat = NUMBA["tap_index"](arranged(tap, layout), grid)
    reads = y > -float("inf")  # all the others have no tap inside
    index = flat.where(reads, 0).reshape(n, c, -1)
    named = x.flatten(2).gather(2, index).reshape(y.shape)
    torch.testing.assert_close(named[reads], y[reads], rtol=0, atol=0)


@given(grids(), st.sampled_from(WHOLE + HALF), LAYOUTS, SEEDS, st.booleans())
@examples(60)
def test_avg_pool_and_its_adjoint(problem, dtype, layout, seed, counted):
    n, c, grid = problem
    by = divisors(grid, counted)
    close = {"rtol": 0.01, "atol": 0.01} if dtype in HALF else {"rtol": 1e-5, "atol": 1e-5}
    agree("avg_pool", arranged(numbers((n, c, *grid.input_size), dtype, seed), layout), by, grid, **close)
    agree("avg_pool_adjoint", arranged(numbers((n, c, *grid.output_size), dtype, seed), layout), by, grid, **close)


@pytest.mark.parametrize("window", [(1, 2), (2, 2), (3, 3), (2, 4)])
@pytest.mark.parametrize("width", [1, 5, 16, 37])
@pytest.mark.parametrize("dtype", WHOLE)
def test_windows_that_are_blocks_of_the_input(window, width, dtype):
    """Every row is written, the last ones not beyond their ends, whether a row fills a vector or not."""
    grid = Window.parse(2, window).over((3 * window[0], width * window[1]))
    x = numbers((2, 3, *grid.input_size), dtype, width, 0.2)
    _, tap = agree("max_pool", x, grid)
    agree("scatter", numbers(tap.shape, dtype, width), tap, grid)


@pytest.mark.parametrize("window", [(5, 1, 2), (4, 2, 1), ((2, 7), (1, 3), (1, 2), 2), (6, 7), (3, 3)])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_scatter_of_many_planes(window, form):
    """Also with taps that no pooling takes: outside of the input."""
    grid, generator = Window.parse(2, *window).over((13, 19)), torch.Generator().manual_seed(0)
    shape = (16, 2, *grid.output_size)
    tap = torch.randint(prod(grid.kernel_size), shape, generator=generator).to(tap_dtype(grid))
    gy = numbers(shape, torch.float64, 1).contiguous(memory_format=form)
    agree("scatter", gy, tap.contiguous(memory_format=form), grid)


@given(grids(), SEEDS)
@examples(40)
def test_a_nan_reaches_exactly_what_reads_it(problem, seed):
    """Lanes that are masked out, or written beyond a row, hold nothing of the input."""
    n, c, grid = problem
    x = numbers((n, c, *grid.input_size), torch.float32, seed)
    x.view(-1)[seed % x.numel()] = float("nan")
    ones = tuple((1,) * m for m in grid.output_size)
    for kernel, inputs in (("max_pool", (x, grid)), ("avg_pool", (x, ones, grid))):
        mine, loops = (k[kernel](*inputs) for k in (NUMBA, LOOPS))
        y, want = (r[0] if isinstance(r, tuple) else r for r in (mine, loops))
        assert torch.equal(y.isnan(), want.isnan())


@pytest.mark.parametrize("window", [(2, 2), (3, 2, 1), (3, 3), (4, 4), (5, 1, 2), (7, 7), (3, 2, 1, 2)])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_results_are_in_the_layout_of_the_input(window, form):
    x = torch.randn(2, 3, 14, 14).contiguous(memory_format=form)
    grid = Window.parse(2, *window).over((14, 14))
    by = tuple((1,) * m for m in grid.output_size)
    y, tap = NUMBA["max_pool"](x, grid)
    results = (y, tap, NUMBA["scatter"](y, tap, grid), NUMBA["gather"](x, tap, grid), NUMBA["avg_pool"](x, by, grid))
    for result in results:
        assert result.is_contiguous(memory_format=form)


def test_one_pixel_is_read_in_the_layout_its_strides_mean():
    grid = Window.parse(2, 7).over((7, 7))
    gy = torch.randn(2, 5, 1, 1)
    by = ((7,), (7,))
    last = NUMBA["avg_pool_adjoint"](torch.empty_strided((2, 5, 1, 1), (5, 1, 5, 5)).copy_(gy), by, grid)
    plain = NUMBA["avg_pool_adjoint"](gy, by, grid)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert plain.is_contiguous()
    torch.testing.assert_close(last, plain, rtol=0, atol=0)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("window", [(2, 2), (3, 2, 1), (3, 1, 1), (4, 4), (5, 5), (5, 1, 2), (9, 9), ((2, 3), (2, 3))])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_the_same_bits_on_any_number_of_threads(window, form, threads):
    """Shares end in the middle of planes, and short rows are written beyond their ends."""
    torch.manual_seed(0)
    size = (60, 36) if window == ((2, 3), (2, 3)) else (61, 63)
    x = torch.randn(3, 37, *size).contiguous(memory_format=form)
    grid = Window.parse(2, *window).over(size)
    by, found = divisors(grid, True), []
    for count in (1, 2, 3):
        threads(count)
        y, tap = NUMBA["max_pool"](x, grid)
        mean = NUMBA["avg_pool"](x, by, grid)
        adjoints = NUMBA["scatter"](mean, tap, grid), NUMBA["avg_pool_adjoint"](mean, by, grid)
        found.append([t.contiguous().numpy().tobytes() for t in (y, tap, mean, *adjoints)])
    assert found[0] == found[1] == found[2]


def test_rows_too_long_for_32_bits_are_refused_in_words():
    x = torch.empty(1, dtype=torch.float32).expand(1, 1, 2**30)
    with pytest.raises(NotImplementedError, match="rows of less than"):
        NUMBA["max_pool"].__globals__["by_output"](x.shape, 4, Window.parse(1, 2).over((2**30,)), False)


test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (1, 64), (5, 13), (14, 14)])
@pytest.mark.parametrize("dtype", WHOLE)
def test_windows_that_are_the_whole_input(size, dtype):
    grid = Window.parse(2, size).over(size)
    x = numbers((3, 5, *size), dtype, 0)
    agree("avg_pool", x, divisors(grid, True), grid, rtol=1e-6, atol=1e-6)
    agree("avg_pool_adjoint", numbers((3, 5, 1, 1), dtype, 1), divisors(grid, True), grid, rtol=1e-6, atol=1e-6)


def test_a_dilated_window_is_not_the_whole_input():
    """Though it has as many taps as the input has elements."""
    grid = Grid((1, 2), (1, 1), (1, 2), (1, 1), (1, 2), (0, 0), (0, 1))
    by = ((1,), (1,))
    assert agree("avg_pool", torch.tensor([[[[1.0, 10.0]]]]), by, grid).item() == 1
    assert agree("avg_pool_adjoint", torch.ones(1, 1, 1, 1), by, grid).tolist() == [[[[1.0, 0.0]]]]


@given(grids(), st.sampled_from(WHOLE + HALF), LAYOUTS, SEEDS, SPECIALS)
@examples(60)
def test_take_and_put_any_places(problem, dtype, layout, seed, specials):
    """Places that coincide too: ``put`` adds up what has one, or keeps the last."""
    n, c, grid = problem
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(prod(grid.input_size), (n, c, *grid.output_size), generator=generator)
    index = arranged(index, layout)
    agree("take", arranged(numbers((n, c, *grid.input_size), dtype, seed, specials), layout), index, grid.input_size)
    gy = arranged(numbers(index.shape, dtype, seed, specials), layout)
    agree("put", gy, index, grid.input_size)
    agree("put", gy, index, grid.input_size, True)


@pytest.mark.parametrize("wrong", [-1, 6, 2**40])
def test_a_place_outside_is_refused(wrong):
    index = torch.tensor([[[0, wrong, 5]]])
    for call in (
        lambda: NUMBA["take"](torch.ones(1, 1, 2, 3), index, (2, 3)),
        lambda: NUMBA["put"](torch.ones(1, 1, 3), index, (2, 3)),
    ):
        with pytest.raises(IndexError, match=r"indices must lie in \[0, 6\)"):
            call()
