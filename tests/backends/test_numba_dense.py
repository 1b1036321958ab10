"""Any convolution by Numba, both ways: against torch in float64, in every layout; values, memory, widths, threads."""

import ctypes
from functools import partial
from unittest.mock import patch

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers import functional, registry
from scratchlayers.backends.numba_cpu import choose, pages, workspace
from scratchlayers.backends.numba_cpu.conv import (
    _ready,
    conv,
    conv_input_grad,
    dense,
    dense_blocks,
    dense_plan,
    direct_plan,
)
from scratchlayers.backends.numba_cpu.conv.dense_layout import lay
from scratchlayers.backends.numba_cpu.conv.sweep import backward, forward
from scratchlayers.geometry import Window
from scratchlayers.testing import checks
from tests.draw import arranged, examples
from tests.fenced import Fenced
from tests.widths import at_narrower_widths

CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}


@pytest.fixture(autouse=True, params=["dense", "direct", "images"])
def _forced(request):
    with choose.force(request.param):
        yield


only = partial(pytest.mark.parametrize, "_forced", indirect=True)


class Case:
    """A problem with normal numbers, and what torch makes of it in float64."""

    def __init__(self, dtype, shape, filters, window, groups=1, bias=True, layout="contiguous"):
        generator = torch.Generator().manual_seed(0)

        def normal(*size):
            return arranged(torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype), layout)

        n, c, *size = shape
        self.groups, self.grid = groups, window.over(tuple(size))
        self.x, self.w = normal(*shape), normal(filters, c // groups, *window.kernel_size)
        self.b, self.gb = (normal(filters), normal(c)) if bias else (None, None)
        self.gy = normal(n, filters, *self.grid.output_size)

    def __repr__(self):
        return f"x {self.x.dtype} {tuple(self.x.shape)}, gy {tuple(self.gy.shape)}, {self.groups} groups, {self.grid}"

    def ours(self):
        y = conv(self.x, self.w, self.b, self.grid, self.groups)
        return y, conv_input_grad(self.gy, self.w, self.grid, self.groups, self.gb)

    def torchs(self):
        return self._torchs(self.x.double(), self.w.double(), self.gy.double(), self.b, self.gb)

    def sizes(self):
        """Of each result, the sum of what the terms' absolute values are."""
        tensors = (t if t is None else t.double().abs() for t in (self.x, self.w, self.gy, self.b, self.gb))
        return self._torchs(*tensors)

    def _torchs(self, x, w, gy, b, gb):
        x = x.clone().requires_grad_()
        sides = [n for side in reversed([*zip(self.grid.before, self.grid.after, strict=True)]) for n in side]
        padded, b = torch.nn.functional.pad(x, sides), None if b is None else b.double()
        y = CONV[self.grid.rank](padded, w, b, self.grid.stride, 0, self.grid.dilation, self.groups)
        (gx,) = torch.autograd.grad(y, x, gy)
        return y.detach(), gx if gb is None else gx + gb.double().view(-1, *[1] * self.grid.rank)


def agree(case):
    """A sum of m terms is off by less than m units in the last place of the sum of their absolute values."""
    terms = case.w[0].numel() * case.w.shape[0] + 1
    for got, want, size in zip(case.ours(), case.torchs(), case.sizes(), strict=True):
        assert (got.dtype, got.shape) == (case.x.dtype, want.shape)
        assert ((got.double() - want).abs() <= terms * EPSILON[got.dtype] * size).all()


@st.composite
def cases(draw):
    rank = draw(st.integers(1, 3))
    longest, widest = {1: (20, 200), 2: (6, 40), 3: (3, 12)}[rank]

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    sides = tuple(zip(each(0, 4), each(0, 4), strict=True))
    window = Window(each(1, longest), each(1, 4), each(1, 3), sides)
    size = each(1, widest)
    assume(all(n + sum(side) >= extent for n, side, extent in zip(size, sides, window.extent, strict=True)))
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    numbers = st.one_of(st.integers(1, 5), st.integers(6, 26), st.sampled_from((16, 32)))
    channels, filters = draw(numbers), draw(numbers)
    shape = (draw(st.integers(1, 4)), groups * channels, *size)
    words = draw(st.tuples(st.booleans(), st.sampled_from(("contiguous", "channels_last"))))
    return Case(draw(st.sampled_from(tuple(EPSILON))), shape, groups * filters, window, groups, *words)


@examples(200)
@given(cases())
def test_any_problem(case):
    agree(case)


@st.composite
def far_reaching(draw):
    """Windows as large as the image or larger, most of whose taps read only what is around it."""
    rank = draw(st.integers(2, 3))
    size = tuple(draw(st.integers(3, {2: 20, 3: 8}[rank])) for _ in range(rank))
    kernel = tuple(draw(st.integers(2, 3)) for _ in range(rank))
    dilation = tuple(draw(st.integers(n // 2 + 1, n)) for n in size)
    sides = tuple(((k - 1) * d // 2, (k - 1) * d - (k - 1) * d // 2) for k, d in zip(kernel, dilation, strict=True))
    window = Window(kernel, tuple(draw(st.integers(1, 2)) for _ in range(rank)), dilation, sides)
    groups, c, o = draw(st.integers(1, 2)), draw(st.integers(1, 60)), draw(st.integers(1, 30))
    words = draw(st.tuples(st.booleans(), st.sampled_from(("contiguous", "channels_last"))))
    return Case(
        draw(st.sampled_from([*EPSILON])),
        (draw(st.integers(1, 4)), groups * c, *size),
        groups * o,
        window,
        groups,
        *words,
    )


@only(["dense"])
@examples(100)
@given(far_reaching())
def test_rows_of_taps_that_read_nothing_are_left_out(case):
    sweep = forward(case.grid)
    share = sweep[0].inside * sweep[1].inside
    assert dense_blocks.skips(sweep) == (share < dense_blocks.WORTH_SKIPPING)
    assert dense_blocks.computed(sweep) == (share if dense_blocks.skips(sweep) else 1)
    agree(case)


@pytest.mark.parametrize(("dilation", "inside"), [(1, (3 * 33 - 2) / 99), (12, (33 + 2 * 21) / 99), (33, 33 / 99)])
def test_how_many_taps_are_inside(dilation, inside):
    window = Window.parse(2, 3, 1, dilation, dilation)
    sweeps = [sweep(window.over((33, 33))) for sweep in (forward, backward)]
    assert [axis.inside for sweep in sweeps for axis in sweep] == pytest.approx([1, inside, inside] * 2)
    assert [dense_blocks.skips(sweep) for sweep in sweeps] == [inside < dense_blocks.WORTH_SKIPPING] * 2


def planned(choice):
    """Plan as ``choice`` of a sweep and its size says, for a while."""
    _ready.cache_clear()
    return patch.object(dense_plan, "blocks_of", choice)


def forget():
    _ready.cache_clear()
    direct_plan.plan.cache_clear()


@pytest.fixture
def _fresh_plans():
    yield
    forget()


@only(["dense"])
@examples(150)
@given(cases(), st.sampled_from(dense_blocks.SHAPES), st.integers(0, 3))
@pytest.mark.usefixtures("_fresh_plans")
def test_every_tile_and_layout(case, shape, shifted):
    with planned(lambda sweep, size: dense_blocks.blocks_in(sweep, size, *shape, lay(sweep, shifted))):
        agree(case)


@only(["dense"])
@examples(100)
@given(cases(), st.integers(1, 40), st.sampled_from((1, 2**10, 2**14)), st.sampled_from((1, 4, 64)))
@pytest.mark.usefixtures("_fresh_plans")
def test_every_size_of_block(case, steps, room, tasks):
    """Where the caches are small, small problems are cut as large ones are."""
    _ready.cache_clear()
    with patch.multiple(dense_blocks, STEPS=steps, ROOM=room, TASKS=tasks, PANELS=(1,)):
        agree(case)


@only(["direct"])
@examples(150)
@given(cases(), st.sampled_from(sorted(direct_plan.MOST_ROWS)), st.sampled_from((1, 2**12, 2**18)), st.integers(1, 30))
@pytest.mark.usefixtures("_fresh_plans")
def test_every_tile_and_box(case, vectors, room, tasks):
    forget()
    with patch.multiple(direct_plan, ROOM=room, TASKS=tasks, MOST_ROWS={vectors: direct_plan.MOST_ROWS[vectors]}):
        agree(case)


def blocks_packed(plan, w, order):
    """Return the packed weights of a dense plan, its tasks done in this order."""
    packed = torch.zeros(plan.packed // w.itemsize, dtype=w.dtype)
    code = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 13)(dense.dense_tasks.compiled(w.dtype))
    for task in order:
        operands = 0, w.data_ptr(), 0, False, 0, packed.data_ptr(), 0, 0
        code(task, task + 1, 0, *operands, 0, plan.table.ctypes.data)
    return packed


@only(["dense"])
@pytest.mark.parametrize("shape", dense_blocks.SHAPES)
@pytest.mark.parametrize("channels", [2, 17, 33, 50])
def test_a_block_of_weights_ends_where_the_next_begins(shape, channels):
    """Whichever is packed first, as by threads at once."""
    w = torch.randn(29, channels, 3, 1)
    problem = choose.Problem(w.dtype, 1, channels, 29, 1, Window.parse(2, (3, 1)).over((9, 9)))
    with planned(lambda sweep, size: dense_blocks.blocks_in(sweep, size, *shape, lay(sweep, 0))):
        plan = dense_plan.plan_of(problem, False)
    up, down = (blocks_packed(plan, w, order) for order in (range(plan.packs), reversed(range(plan.packs))))
    assert torch.equal(up, down)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 1), (1, 3)])
@pytest.mark.parametrize("groups", [1, 3])
def test_windows_of_one_tap_may_be_shifted(layout, kernel, groups):
    """The output is as large as the input, and yet no copy of it."""
    words = {"padding": 1, "output_padding": 2, "dilation": 3, "groups": groups}
    x, w = arranged(torch.randn(2, 6, 6, 7).double(), layout), torch.randn(6, 4, *kernel).double()
    results = []
    for function in (torch.nn.functional.conv_transpose2d, functional.conv_transpose2d):
        operands = x.clone().requires_grad_(), w.clone().requires_grad_()
        y = function(*operands, **words)
        results.append([y, *torch.autograd.grad(y.sin().sum(), operands)])
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want)


LAYERS = {
    "LeNet 1": ((3, 1, 28, 28), 6, Window.parse(2, 5, 1, 2), 1),
    "LeNet 2": ((3, 6, 14, 14), 16, Window.parse(2, 5), 1),
    "first of VGG": ((1, 3, 64, 64), 64, Window.parse(2, 3, 1, 1), 1),
    "stem": ((1, 3, 96, 96), 64, Window.parse(2, 7, 2, 3), 1),
    "3x3": ((2, 70, 28, 28), 50, Window.parse(2, 3, 1, 1), 1),
    "3x3 of 7x7": ((3, 130, 7, 7), 90, Window.parse(2, 3, 1, 1), 1),
    "3x3 stride 2": ((2, 40, 29, 29), 40, Window.parse(2, 3, 2, 1), 1),
    "1x1": ((2, 100, 14, 14), 70, Window.parse(2, 1), 1),
    "1x1 stride 2": ((2, 64, 28, 28), 48, Window.parse(2, 1, 2), 1),
    "dilated": ((1, 48, 33, 33), 48, Window.parse(2, 3, 1, 2, 2), 1),
    "ResNeXt": ((2, 64, 28, 28), 64, Window.parse(2, 3, 1, 1), 8),
    "patches": ((1, 3, 64, 64), 40, Window.parse(2, 16, 16), 1),
    "doubling": ((2, 24, 40, 40), 40, Window.parse(2, 2, 2), 1),
    "doubling 4x4": ((2, 24, 16, 16), 40, Window.parse(2, 4, 2, 1), 1),
    "volume": ((1, 9, 16, 17, 18), 20, Window.parse(3, 3, 1, 1), 1),
    "dilated signal": ((2, 20, 1000), 30, Window.parse(1, 2, 1, 0, 64), 1),
    "sound": ((3, 1, 2000), 32, Window.parse(1, 80, 16), 1),
    "only padding": ((2, 3, 2, 2), 4, Window.parse(2, 2, 3, ((5, 0), (0, 4))), 1),
    "no taps for most": ((2, 3, 30, 30), 4, Window.parse(2, 2, 7), 1),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", EPSILON)
def test_layers_of_nets(name, dtype):
    agree(Case(dtype, *LAYERS[name]))


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
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@examples(80)
@given(cases(), st.sampled_from((float("nan"), float("inf"))), st.randoms(use_true_random=False))
def test_a_special_value_reaches_exactly_what_reads_it(case, value, random):
    """What reads it is what is not finite in torch's; nothing that is multiplied with it is zero."""
    for tensor in (case.x, case.gy):
        tensor[tuple(random.randrange(n) for n in tensor.shape)] = value
    for got, want in zip(case.ours(), case.torchs(), strict=True):
        assert torch.equal(got.isfinite(), want.isfinite())


@examples(60)
@given(cases(), st.sampled_from((float("nan"), float("inf"))))
def test_dirty_memory_does_not_show(case, value):
    clean = case.ours()
    workspace.scratch(2**20).view(case.x.dtype).fill_(value)
    for got, want in zip(case.ours(), clean, strict=True):
        assert torch.equal(got, want)


@examples(60)
@given(cases(), st.booleans())
@pytest.mark.usefixtures("_fresh_plans")
def test_nothing_beyond_the_tensors_is_touched(case, at_end):
    """Reading or writing beyond an operand or a result ends the process."""
    want = case.ours()

    def fenced(x):
        return Fenced(x.nbytes).tensor(x, at_end)

    case.w = case.w.contiguous()
    for name in ("x", "w", "gy", "b", "gb"):
        if getattr(case, name) is not None:
            setattr(case, name, fenced(getattr(case, name)))

    def maker(shape, dtype, last=False):
        return lambda: fenced(pages.maker(shape, dtype, last)())

    forget()
    conv_files = "scratchlayers.backends.numba_cpu.conv"
    with patch(f"{conv_files}.dense.maker", maker), patch(f"{conv_files}.direct.maker", maker):
        for got, other in zip(case.ours(), want, strict=True):
            assert torch.equal(got, other)


CHOSEN = "any_problem or layers_of_nets or every_tile or special_value or dirty_memory or beyond"
test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__, words=("-k", CHOSEN))


KERNELS = {"conv", "conv_input_grad"}


@pytest.mark.parametrize(
    "check", [c for c in checks(registry.get("numba"), quick=True) if set(c.group) & KERNELS], ids=str
)
def test_keeps_the_contract(check):
    check()


def test_long_sums_are_added_in_pieces():
    """In one piece, 20,000 positive terms are off by some hundred units in the last place."""
    x, w = (torch.rand(n, 2300, 5, 5, generator=torch.Generator().manual_seed(0)) for n in (2, 20))
    w, grid = w[..., :3, :3].contiguous(), Window.parse(2, 3, 1).over((5, 5))
    y = conv(x, w, None, grid, 1)
    want = torch.nn.functional.conv2d(x.double(), w.double())
    assert (y / want - 1).abs().max() <= 12 * EPSILON[torch.float32]
