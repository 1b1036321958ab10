"""Depthwise convolution by Numba: against torch in float64, special values, dirty memory, widths, threads."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers import registry
from scratchlayers.backends.numba_cpu import choose, workspace
from scratchlayers.backends.numba_cpu.conv import conv, conv_input_grad, conv_weight_grad, depthwise
from scratchlayers.geometry import Window
from scratchlayers.testing import checks
from tests.draw import arranged, examples
from tests.widths import at_narrower_widths

CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 2e-5}, torch.float64: {"rtol": 1e-12, "atol": 1e-12}}


@pytest.fixture(autouse=True)
def _forced():
    with choose.force("depthwise"):
        yield


class Case:
    """A problem with normal numbers, and what torch makes of it in float64."""

    def __init__(self, dtype, shape, window, fan=1, bias=True, layout="contiguous"):
        generator = torch.Generator().manual_seed(0)

        def normal(*size):
            return arranged(torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype), layout)

        _, self.c, *size = shape
        self.grid, filters = window.over(tuple(size)), fan * self.c
        self.x, self.w = normal(*shape), normal(filters, 1, *window.kernel_size)
        self.b = normal(filters) if bias else None
        self.gb = normal(self.c) if bias else None
        self.gy = normal(shape[0], filters, *self.grid.output_size)

    def __repr__(self):
        return f"x {self.x.dtype} {tuple(self.x.shape)}, gy {tuple(self.gy.shape)}, {self.grid}"

    def ours(self):
        return (
            conv(self.x, self.w, self.b, self.grid, self.c),
            conv_input_grad(self.gy, self.w, self.grid, self.c, self.gb),
            conv_weight_grad(self.x, self.gy, self.grid, self.c),
        )

    def torchs(self):
        x, w = self.x.double().requires_grad_(), self.w.double().requires_grad_()
        sides = [n for side in reversed([*zip(self.grid.before, self.grid.after, strict=True)]) for n in side]
        padded, b = torch.nn.functional.pad(x, sides), None if self.b is None else self.b.double()
        y = CONV[self.grid.rank](padded, w, b, self.grid.stride, 0, self.grid.dilation, self.c)
        gx, gw = torch.autograd.grad(y, (x, w), self.gy.double())
        gb = 0 if self.gb is None else self.gb.double().view(-1, *[1] * self.grid.rank)
        return y.detach(), gx + gb, gw


def agree(case):
    for got, want in zip(case.ours(), case.torchs(), strict=True):
        assert got.dtype == case.x.dtype
        scale = max(float(want.abs().max()), 1.0)
        torch.testing.assert_close(got.double() / scale, want / scale, **TOLERANCE[got.dtype])


@st.composite
def cases(draw):
    rank = draw(st.integers(1, 3))
    longest, widest = {1: (40, 300), 2: (9, 40), 3: (3, 14)}[rank]

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    sides = tuple(zip(each(0, 5), each(0, 5), strict=True))
    window = Window(each(1, longest), each(1, 3), each(1, 3), sides)
    size = each(1, widest)
    room = (n + sum(side) - extent for n, side, extent in zip(size, sides, window.extent, strict=True))
    assume(min(room) >= 0)
    shape = (draw(st.integers(1, 3)), draw(st.one_of(st.integers(1, 20), st.integers(32, 70))), *size)
    words = draw(st.tuples(st.sampled_from((1, 1, 2)), st.booleans(), st.sampled_from(("contiguous", "channels_last"))))
    return Case(draw(st.sampled_from((torch.float32, torch.float64))), shape, window, *words)


@examples(150)
@given(cases())
def test_any_problem(case):
    agree(case)


SHAPES = {
    "3x3": (2, 5, 56, 56, 3, 1, 1, 1),
    "3x3 stride 2": (1, 3, 112, 112, 3, 2, 1, 1),
    "5x5": (2, 17, 28, 28, 5, 1, 2, 1),
    "5x5 stride 2": (2, 17, 28, 28, 5, 2, 2, 1),
    "7x7": (1, 2, 56, 56, 7, 1, 3, 1),
    "31x31": (1, 2, 56, 56, 31, 1, 15, 1),
    "14x14": (2, 33, 14, 14, 3, 1, 1, 1),
    "14x14 stride 2": (2, 33, 14, 14, 3, 2, 1, 1),
    "7x7 planes": (3, 48, 7, 7, 5, 1, 2, 1),
    "dilated": (2, 3, 33, 33, 3, 1, 6, 6),
    "blocks": (1, 2, 300, 200, 5, 1, 2, 1),
    "blocks stride 2": (1, 2, 301, 411, 3, 2, 1, 1),
}


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("name", SHAPES)
def test_layers_of_nets(name, layout):
    n, c, h, w, k, s, p, d = SHAPES[name]
    agree(Case(torch.float32, (n, c, h, w), Window.parse(2, k, s, p, d), layout=layout))


@pytest.mark.parametrize(("length", "k", "s"), [(1000, 31, 1), (70_001, 3, 1), (70_001, 9, 2)])
def test_signals(length, k, s):
    agree(Case(torch.float32, (2, 3, length), Window.parse(1, k, s, k // 2)))


@pytest.mark.parametrize("size", [(40, 40, 40), (9, 7, 7)])
def test_volumes(size):
    agree(Case(torch.float32, (1, 2, *size), Window.parse(3, 3, 1, 1)))


@examples(60)
@given(cases(), st.sampled_from((float("nan"), float("inf"))), st.randoms(use_true_random=False))
def test_a_special_value_reaches_exactly_what_reads_it(case, value, random):
    """What reads it is what is not finite in torch's; nothing that is multiplied with it is zero."""
    for tensor in (case.x, case.gy):
        tensor[tuple(random.randrange(n) for n in tensor.shape)] = value
    for got, want in zip(case.ours(), case.torchs(), strict=True):
        assert torch.equal(got.isfinite(), want.isfinite())


@examples(40)
@given(cases(), st.sampled_from((float("nan"), float("inf"))))
def test_dirty_memory_does_not_show(case, value):
    clean = case.ours()
    workspace.scratch(2**16).view(case.x.dtype).fill_(value)
    for got, want in zip(case.ours(), clean, strict=True):
        assert torch.equal(got, want)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_bits_for_every_number_of_threads(name):
    n, c, h, w, k, s, p, d = SHAPES[name]
    case, results = Case(torch.float32, (n, c, h, w), Window.parse(2, k, s, p, d)), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(case.ours())
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_only_channels_that_are_groups():
    grid = Window.parse(2, 3).over((9, 9))
    assert depthwise.can(choose.Problem(torch.float32, 1, 8, 16, 8, grid))
    assert not depthwise.can(choose.Problem(torch.float32, 1, 8, 16, 4, grid))


CHOSEN = "test_any_problem or test_layers_of_nets or special_value"
test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__, words=("-k", CHOSEN))


KERNELS = {"conv", "conv_input_grad", "conv_weight_grad"}


@pytest.mark.parametrize(
    "check", [c for c in checks(registry.get("numba"), quick=True) if set(c.group) & KERNELS], ids=str
)
def test_keeps_the_contract(check):
    check()
