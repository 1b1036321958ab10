"""Convolution by Numba with an image in each lane: against torch in float64; memory, plans, what it is for."""

from math import prod
from unittest.mock import patch

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu import choose
from scratchlayers.backends.numba_cpu.conv import TABLES, _ready, conv, conv_input_grad, images_plan
from scratchlayers.backends.numba_cpu.conv.images_plan import NUMBER, plan
from scratchlayers.backends.numba_cpu.conv.sweep import backward, forward
from scratchlayers.backends.numba_cpu.target import lanes
from scratchlayers.geometry import Window
from tests.draw import examples
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}


@pytest.fixture(autouse=True)
def _forced():
    with choose.force("images"):
        yield


@st.composite
def problems(draw):
    """Windows that fit some small images, which are many, or a few more or less than fill vectors."""
    rank = draw(st.integers(1, 3))
    longest, widest = {1: (9, 60), 2: (5, 12), 3: (3, 6)}[rank]

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    sides = tuple(zip(each(0, 4), each(0, 4), strict=True))
    window, size = Window(each(1, longest), each(1, 4), each(1, 3), sides), each(1, widest)
    assume(all(n + sum(side) >= extent for n, side, extent in zip(size, sides, window.extent, strict=True)))
    dtype, groups = draw(st.sampled_from([*EPSILON])), draw(st.sampled_from((1, 1, 1, 2, 3)))
    full = lanes(dtype.itemsize)
    n = draw(st.one_of(st.integers(1, 5), st.sampled_from((full - 1, full, full + 1, 2 * full + 3, 4 * full, 65))))
    c, o = (groups * draw(st.one_of(st.integers(1, 4), st.sampled_from((9, 16, 30)))) for _ in range(2))
    assume(max(c, o) // groups * prod(window.kernel_size) <= 1024)
    return choose.Problem(dtype, n, c, o, groups, window.over(size))


def normal(seed, dtype, *sizes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype) for size in sizes]


def wanted(problem, x, w, gy):
    """(y, gx) by torch in float64."""
    grid, x = problem.grid, x.double().requires_grad_()
    sides = [n for side in reversed([*zip(grid.before, grid.after, strict=True)]) for n in side]
    padded = torch.nn.functional.pad(x, sides)
    y = CONV[grid.rank](padded, w.double(), None, grid.stride, 0, grid.dilation, problem.groups)
    return y.detach(), *torch.autograd.grad(y, x, gy.double())


def agree(problem, seed, bias=False, guarded=lambda x: x):
    grid, rank = problem.grid, problem.grid.rank
    sizes = problem.x_size, problem.w_size, problem.y_size, (problem.filters,), (problem.channels,)
    x, w, gy, b, gb = (guarded(t) for t in normal(seed, problem.dtype, *sizes))
    found = (
        conv(x, w, b if bias else None, grid, problem.groups),
        conv_input_grad(gy, w, grid, problem.groups, gb if bias else None),
    )
    terms = max(problem.channels, problem.filters) // problem.groups * prod(grid.kernel_size)
    for got, want, added in zip(found, wanted(problem, x, w, gy), (b, gb), strict=True):
        want = want + added.double().view(-1, *(1,) * rank) if bias else want
        assert (got.dtype, got.shape) == (problem.dtype, want.shape)
        assert (got.double() - want).abs().max() <= 4 * EPSILON[got.dtype] * terms**0.5 * (want.abs().max() + 1)


@pytest.mark.parametrize("guarded", [lambda x: x, at_the_start, at_the_end], ids=["free", "start", "end"])
@examples(100)
@given(problems(), st.integers(0, 2**16), st.booleans())
def test_any_problem(guarded, problem, seed, bias):
    assert all(next(a for a in TABLES[k] if a.name == "images").can(problem) for k in ("conv", "conv_input_grad"))
    agree(problem, seed, bias, guarded)


def forget():
    _ready.cache_clear()
    plan.cache_clear()


@pytest.fixture
def _fresh_plans():
    yield
    forget()


@examples(100)
@given(problems(), st.sampled_from((1, 2, 4)), st.sampled_from((1, 2**12, 2**18)), st.integers(1, 20))
@pytest.mark.usefixtures("_fresh_plans")
def test_every_tile_and_part(problem, vectors, room, tasks):
    """Where the caches are small, small problems are cut as large ones are."""
    forget()
    rows = images_plan.MOST_ROWS[vectors]
    with patch.multiple(images_plan, ROOM=room, TASKS=tasks, MOST_ROWS={vectors: rows}):
        agree(problem, 0)


@examples(100)
@given(problems())
def test_only_taps_that_read_an_image_are_multiplied(problem):
    """As many as a product of the image and of a gradient of ones, or of zeros around them, says."""
    ones = torch.ones(1, 1, *problem.grid.input_size, dtype=torch.float64)
    w = torch.ones(1, 1, *problem.grid.kernel_size, dtype=torch.float64)
    one = problem._replace(channels=1, filters=1, groups=1, batch=1)
    gy = torch.ones(1, 1, *problem.grid.output_size, dtype=torch.float64)
    y, gx = wanted(one, ones, w, gy)
    for sweep, counts in ((forward(problem.grid), y), (backward(problem.grid), gx)):
        tables = [images_plan._ranges(axis)[0] for axis in sweep]
        d, h, ws = (torch.from_numpy(table[:, 1]) for table in tables)
        assert torch.equal((d[:, None, None] * h[:, None] * ws).double().reshape(-1), counts.reshape(-1))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_read_is_not_multiplied(bad):
    """One image's NaN stays with that image, and a weight's with the positions at which it reads an input."""
    problem = choose.Problem(torch.float32, 20, 2, 3, 1, Window.parse(2, 3, 1, 1).over((4, 5)))
    x, w = normal(0, torch.float32, problem.x_size, problem.w_size)
    x[7, 1, 2, 3] = bad
    y = conv(x, w, None, problem.grid, 1)
    assert not y[7].isfinite().all()
    assert y[[n for n in range(20) if n != 7]].isfinite().all()
    x[7, 1, 2, 3], w[:, :, 0, 0] = 0.0, bad
    finite = conv(x, w, None, problem.grid, 1).isfinite()
    assert finite[:, :, 0].all()
    assert finite[:, :, :, 0].all()
    assert not finite[:, :, 1:, 1:].any()


def problem(n=64, c=1, o=6, size=28, kernel=5, padding=2, last=False):
    return choose.Problem(torch.float32, n, c, o, 1, Window.parse(2, kernel, 1, padding).over((size, size)), last)


@pytest.mark.parametrize(
    ("kernel", "asked", "can"),
    [
        ("conv", problem(), True),
        ("conv", problem(c=41, kernel=5), False),
        ("conv", problem(last=True), False),
        ("conv", problem(size=2049, kernel=1, padding=0), False),
        ("conv_input_grad", problem(size=2049, kernel=2, padding=0), False),
        ("conv_input_grad", problem(o=41), False),
        ("conv", problem(o=41), True),
        ("conv", problem(size=50, kernel=(3, 1), padding=(1, 0)), False),  # whose last axis joins the first
    ],
)
def test_which_problems_it_is_for(kernel, asked, can):
    assert next(a for a in TABLES[kernel] if a.name == "images").can(asked) == can


@pytest.mark.skipif(lanes(4) != 16, reason="the costs were measured with vectors of 64 bytes")
@pytest.mark.parametrize(
    ("kernel", "asked", "pays"),
    [
        ("conv", problem(), True),
        ("conv_input_grad", problem(64, 6, 16, 14, 5, 0), True),
        ("conv", problem(n=1), False),
        ("conv", problem(n=2), False),
        ("conv", problem(16, 64, 64, 28, 3, 1), False),
        ("conv_input_grad", problem(16, 1024, 256, 14, 1, 0), False),
    ],
)
def test_where_it_pays(kernel, asked, pays):
    assert next(a for a in TABLES[kernel] if a.name == "images").pays(asked) == pays


@pytest.mark.parametrize("transposed", [False, True])
def test_what_a_task_works_on_stays_in_the_cache(transposed):
    found = plan(problem(64, 16, 16, 64, 3, 1), transposed)
    assert found.table[NUMBER.parts] > images_plan.TASKS
    assert found.scratch < 2 * images_plan.ROOM
