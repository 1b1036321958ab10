"""The general weight gradient by Numba: against torch in float64, special values, dirty memory, widths, threads."""

from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu import choose, workspace
from scratchlayers.backends.numba_cpu.conv import TABLES, _ready, conv_weight_grad
from scratchlayers.backends.numba_cpu.conv.boxes import NUMBER
from scratchlayers.backends.numba_cpu.conv.weight_grad_plan import COPIES, plan
from scratchlayers.contract import Backend
from scratchlayers.geometry import Window, transposed
from scratchlayers.testing import parametrize_with_checks
from tests.draw import arranged, examples
from tests.fenced import Fenced
from tests.widths import at_narrower_widths

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
UNITS = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}
SPECIAL = (float("nan"), float("inf"), -float("inf"))


@pytest.fixture(autouse=True)
def _forced():
    with choose.force("outer"):
        yield


class Case:
    """A problem with normal numbers, and what torch makes of it in float64."""

    def __init__(self, dtype, batch, channels, filters, groups, grid, layout="contiguous"):
        generator = torch.Generator().manual_seed(0)

        def normal(*size):
            return arranged(
                torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype),
                "channels_last" if layout == "mixed" else layout,
            )

        self.grid, self.groups = grid, groups
        self.x = normal(batch, groups * channels, *grid.input_size)
        self.gy = normal(batch, groups * filters, *grid.output_size)
        self.gy = self.gy.contiguous() if layout == "mixed" else self.gy
        self.problem = choose.Problem(dtype, batch, groups * channels, groups * filters, groups, grid)

    def __repr__(self):
        return f"x {self.x.dtype} {tuple(self.x.shape)}, gy {tuple(self.gy.shape)}, {self.groups} groups, {self.grid}"

    def ours(self):
        return conv_weight_grad(self.x, self.gy, self.grid, self.groups)

    def torchs(self, x, gy):
        sides = [n for side in reversed([*zip(self.grid.before, self.grid.after, strict=True)]) for n in side]
        shape = gy.shape[1], x.shape[1] // self.groups, *self.grid.kernel_size
        w = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        padded = F.pad(x.double(), sides)
        y = CONV[self.grid.rank](padded, w, None, self.grid.stride, 0, self.grid.dilation, self.groups)
        # a grid may leave out last windows that would fit
        y = y[(..., *(slice(size) for size in self.grid.output_size))]
        return torch.autograd.grad(y, w, gy.double())[0]


def agree(case):
    """Off by less than one unit in the last place for each term, of the sum of the terms' sizes."""
    got, want = case.ours(), case.torchs(case.x, case.gy)
    terms = case.x.shape[0] * case.gy[0, 0].numel()
    bound = terms * UNITS[got.dtype] * case.torchs(case.x.abs(), case.gy.abs())
    assert got.dtype == case.x.dtype
    assert got.shape == want.shape
    assert bool(((got.double() - want).abs() <= bound).all())


@st.composite
def cases(draw):
    rank = draw(st.integers(1, 3))
    longest, widest = {1: (20, 400), 2: (5, 30), 3: (3, 10)}[rank]

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    sides = tuple(zip(each(0, 3), each(0, 3), strict=True))
    window = Window(each(1, longest), each(1, 3), each(1, 3), sides)
    size = each(1, widest)
    room = (n + sum(side) - extent for n, side, extent in zip(size, sides, window.extent, strict=True))
    assume(min(room) >= 0)
    groups = draw(st.sampled_from((1, 1, 1, 2, 3, 8, 17)))
    most = 40 // groups + 1
    numbers = draw(st.tuples(st.integers(1, 6), st.integers(1, min(most, 9)), st.integers(1, 2 * most)))
    layout = draw(st.sampled_from(("contiguous", "channels_last", "mixed")))
    dtype = draw(st.sampled_from((torch.float32, torch.float64)))
    return Case(dtype, *numbers, groups, window.over(size), layout)


@examples(150)
@given(cases())
def test_any_problem(case):
    agree(case)


@examples(60)
@given(cases(), st.booleans())
def test_nothing_beyond_the_tensors_is_touched(case, at_end):
    want = case.ours()
    case.x, case.gy = (Fenced(x.nbytes).tensor(x, at_end) for x in (case.x, case.gy))

    def maker(shape, dtype):
        gw = torch.empty(shape, dtype=dtype)
        return lambda: Fenced(gw.nbytes).tensor(gw, at_end)

    _ready.cache_clear()
    with patch("scratchlayers.backends.numba_cpu.conv.weight_grad.maker", maker):
        assert torch.equal(case.ours(), want)
    _ready.cache_clear()


def _net(n, c, k, size, *window, groups=1):
    return n, c, k, groups, Window.parse(len(size), *window).over(size)


LAYERS = {
    "one channel, 5x5": _net(8, 1, 6, (28, 28), 5, 1, 2),
    "one channel, 3x3": _net(4, 1, 32, (28, 28), 3),
    "one image": _net(1, 6, 16, (14, 14), 5),
    "32 channels": _net(3, 32, 64, (26, 26), 3),
    "stem": _net(2, 3, 64, (112, 112), 7, 2, 3),
    "wider than a box": _net(1, 3, 20, (9, 700), 3, 1, 1),
    "small planes": _net(9, 70, 70, (7, 7), 3, 1, 1),
    "many channels": _net(2, 300, 150, (14, 14), 3, 2, 1),
    "pointwise": _net(2, 100, 130, (20, 20), 1),
    "pointwise, every second": _net(2, 33, 65, (21, 20), 1, 2),
    "pointwise, every third": _net(2, 33, 65, (21, 20), 1, 3),
    "dilated": _net(1, 40, 40, (33, 33), 3, 1, 2, 2),
    "groups of 8": _net(2, 8, 8, (14, 14), 3, 1, 1, groups=8),
    "7 groups of 3": _net(2, 2, 3, (14, 14), 3, 1, 1, groups=7),
    "depthwise": _net(2, 1, 1, (20, 20), 3, 1, 1, groups=21),
    "one filter": _net(6, 20, 1, (20, 20), 3, 1, 1),
    "transposed": (2, 20, 40, 1, transposed(2, (16, 16), 2, 2, 0, 0, 1)),
    "transposed, overlapping": (2, 20, 40, 1, transposed(2, (8, 8), 4, 2, 1, 1, 1)),
    "volume": _net(1, 8, 24, (12, 13, 14), 3, 1, 1),
    "signal": _net(2, 16, 24, (3000,), 2, 1, 0, 64),
    "audio": _net(4, 1, 32, (2000,), 80, 16),
}


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_nets(name, layout):
    agree(Case(torch.float32, *LAYERS[name], layout))


@examples(60)
@given(cases(), st.sampled_from(SPECIAL), st.randoms(use_true_random=False))
def test_a_special_value_reaches_exactly_what_reads_it(case, value, random):
    """Where torch's sums of products are not finite, ours are the same NaN or infinity, and nowhere else."""
    for tensor in (case.x, case.gy):
        tensor[tuple(random.randrange(n) for n in tensor.shape)] = value
    got, want = case.ours().double(), case.torchs(case.x, case.gy)
    assert torch.equal(got.isfinite(), want.isfinite())
    spoiled = ~want.isfinite()
    torch.testing.assert_close(got[spoiled], want[spoiled], rtol=0, atol=0, equal_nan=True)


@examples(40)
@given(cases(), st.sampled_from(SPECIAL))
def test_dirty_memory_does_not_show(case, value):
    clean = case.ours()
    workspace.scratch(1).view(case.x.dtype).fill_(value)
    assert torch.equal(case.ours(), clean)


def test_the_inputs_are_only_read():
    case = Case(torch.float32, *LAYERS["groups of 8"])
    x, gy = case.x.clone(), case.gy.clone()
    case.ours()
    assert torch.equal(case.x, x)
    assert torch.equal(case.gy, gy)


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_bits_for_every_number_of_threads(name):
    case, results = Case(torch.float32, *LAYERS[name]), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(case.ours())
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("name", LAYERS)
def test_copies_of_the_sums_are_bounded(name):
    p = plan(Case(torch.float32, *LAYERS[name]).problem)
    chunks = int(p.table[NUMBER.chunks])
    assert chunks == 1 or p.sums <= COPIES


def test_what_falls_into_enough_chunks_is_not_cut_further():
    """Every part of the rows would pack all gy again."""
    n, c, k, groups, grid = _net(64, 1, 6, (28, 28), 5, 1, 2)
    p = plan(choose.Problem(torch.float32, n, c, k, groups, grid))
    assert p.tasks == p.table[NUMBER.chunks]


CHOSEN = "test_any_problem or test_layers_of_nets or special_value or dirty_memory or beyond"
test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__, words=("-k", CHOSEN))


ALONE = Backend("outer", {"conv_weight_grad": conv_weight_grad}, devices=frozenset({"cpu"}), dtypes=frozenset(UNITS))


@parametrize_with_checks(ALONE, quick=True)
def test_keeps_the_contract(check):
    check()


def test_it_is_the_floor():
    assert TABLES["conv_weight_grad"][-1].name == "outer"
