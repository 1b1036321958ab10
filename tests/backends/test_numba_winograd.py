"""Winograd's algorithm by Numba: its identity in fractions; then against float64, values, memory, widths, threads."""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from unittest.mock import patch

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers import functional
from scratchlayers.backends.numba_cpu import choose, workspace
from scratchlayers.backends.numba_cpu.conv import (
    conv,
    conv_input_grad,
    conv_weight_grad,
    winograd,
    winograd_forward,
    winograd_plan,
    winograd_sums,
    winograd_weight_grad,
)
from scratchlayers.backends.numba_cpu.layout import dense
from scratchlayers.bench.memory import peak_bytes
from scratchlayers.geometry import Window
from tests.draw import arranged, examples
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
NAN, INF = float("nan"), float("inf")
PASSES = ("conv", "conv_input_grad", "conv_weight_grad")


@pytest.fixture(autouse=True)
def _forced():
    with choose.force("winograd"):
        yield


def fractions(count):
    return st.lists(st.fractions(-9, 9, max_denominator=64), min_size=count, max_size=count)


def correlated(d, g, count):
    return [sum(d[i + t] * g[t] for t in range(len(g))) for i in range(count)]


def products(a, b):
    return [p * q for p, q in zip(a, b, strict=True)]


@given(fractions(6), fractions(3))
def test_the_sums_make_four_outputs_of_six_inputs_and_three_taps(d, g):
    made = winograd_sums.outputs(products(winograd_sums.filters(g), winograd_sums.data(d)))
    assert list(made) == correlated(d, g, 4)


@given(fractions(6), fractions(4))
def test_the_sums_make_three_taps_of_six_inputs_and_four_gradients(d, g):
    made = winograd_sums.taps(products(winograd_sums.gradients(g), winograd_sums.data(d)))
    assert list(made) == correlated(d, g, 3)


@pytest.mark.parametrize(("sums", "count"), [(winograd_sums.outputs, 4), (winograd_sums.taps, 3)])
def test_the_last_sums_are_powers_of_the_points(sums, count):
    units = [[Fraction(i == j) for j in range(6)] for i in range(6)]
    columns = [[p**r for r in range(count)] for p in winograd_sums.POINTS] + [[r == count - 1 for r in range(count)]]
    assert [list(sums(unit)) for unit in units] == columns


class Case:
    """A problem with normal numbers, and what torch makes of it."""

    def __init__(self, shape, filters, padding=((1, 1), (1, 1)), dilation=1, layout="contiguous", bias=True):
        generator = torch.Generator().manual_seed(0)

        def normal(*size, layout="contiguous"):
            return arranged(torch.randn(*size, generator=generator), layout)

        n, c, *size = shape
        self.grid = Window(kernel_size=(3, 3), stride=(1, 1), dilation=(dilation,) * 2, padding=padding).over(
            tuple(size)
        )
        self.x, self.w = normal(*shape, layout=layout), normal(filters, c, 3, 3)
        self.gy = normal(n, filters, *self.grid.output_size, layout=layout)
        self.b, self.gb = (normal(filters), normal(c)) if bias else (None, None)

    def __repr__(self):
        return f"x {tuple(self.x.shape)} at {self.x.stride()}, gy {tuple(self.gy.shape)}, {self.grid}"

    def ours(self):
        return (
            conv(self.x, self.w, self.b, self.grid, 1),
            conv_input_grad(self.gy, self.w, self.grid, 1, self.gb),
            conv_weight_grad(self.x, self.gy, self.grid, 1),
        )

    def transformed(self):
        """What the algorithm itself finds: None where that is not finite."""
        (x, last), (gy, gy_last) = dense(self.x), dense(self.gy)
        fields = (torch.float32, x.shape[0], x.shape[1], gy.shape[1], 1, self.grid)
        return (
            winograd_forward.conv(choose.Problem(*fields, last))(x, self.w, self.b),
            winograd_forward.conv_input_grad(choose.Problem(*fields, gy_last))(gy, self.w, self.gb),
            winograd_weight_grad.conv_weight_grad(choose.Problem(*fields, last, gy_last))(x, gy),
        )

    def torchs(self, dtype=torch.float64):
        x, w = self.x.to(dtype).requires_grad_(), self.w.to(dtype).requires_grad_()
        sides = [n for side in reversed([*zip(self.grid.before, self.grid.after, strict=True)]) for n in side]
        b = None if self.b is None else self.b.to(dtype)
        y = torch.nn.functional.conv2d(torch.nn.functional.pad(x, sides), w, b, dilation=self.grid.dilation)
        gx, gw = torch.autograd.grad(y, (x, w), self.gy.to(dtype))
        return y.detach(), gx if self.gb is None else gx + self.gb.to(dtype).view(-1, 1, 1), gw


def agree(case):
    for got, want in zip(case.transformed(), case.torchs(), strict=True):
        assert (got.dtype, got.shape) == (torch.float32, want.shape)
        assert (got.double() - want).abs().max() <= 4e-6 * want.abs().max().clamp(min=1)


@st.composite
def cases(draw):
    sides = tuple((draw(st.integers(0, 5)), draw(st.integers(0, 5))) for _ in range(2))
    dilation = draw(st.sampled_from((1, 1, 1, 2, 3)))
    size = [draw(st.integers(1, 40)), draw(st.integers(1, 70))]
    assume(all(n + sum(side) > 2 * dilation for n, side in zip(size, sides, strict=True)))
    channels, filters = (draw(st.one_of(st.integers(1, 20), st.sampled_from((16, 32, 40, 64, 130)))) for _ in range(2))
    layout = draw(st.sampled_from(("contiguous", "channels_last")))
    return Case((draw(st.integers(1, 4)), channels, *size), filters, sides, dilation, layout, draw(st.booleans()))


@examples(150)
@given(cases(), st.sampled_from([*winograd_plan.SIZES, None]))
def test_any_problem(case, size):
    sizes = winograd_plan.SIZES if size is None else (size,)
    with patch.object(winograd_plan, "SIZES", sizes):
        agree(case)


SHAPES = {
    "56": (2, 64, 56, 56, 64),
    "28": (2, 128, 28, 28, 128),
    "14": (2, 256, 14, 14, 256),
    "7": (2, 512, 7, 7, 512),
    "one wide image": (1, 16, 9, 1100, 48),
    "blocks of channels and filters": (1, 300, 9, 13, 270),
    "many small images": (130, 16, 4, 4, 16),
}


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_layers_of_nets(shape, layout):
    case = Case(shape[:4], shape[4], layout=layout)
    agree(case)
    y, gx, _ = case.ours()
    assert (y.stride(), gx.stride()) == (case.gy.stride(), case.x.stride())


@pytest.mark.parametrize("shape", [SHAPES[name] for name in ("56", "28", "14", "7")], ids=str)
def test_its_error_is_at_most_three_times_that_of_torchs_direct_algorithm(shape):
    case = Case(shape[:4], shape[4], bias=False)
    for got, torchs, want in zip(case.transformed(), case.torchs(torch.float32), case.torchs(), strict=True):
        ours, others = got - want, torchs - want
        assert ours.norm() <= 3 * others.norm()
        assert ours.abs().max() <= 5 * others.abs().max()


@examples(60)
@given(cases(), st.sampled_from((NAN, INF, -INF)), st.randoms(use_true_random=False))
def test_a_special_value_reaches_exactly_what_reads_it(case, value, random):
    """What reads it is what is not finite in torch's; nothing that is multiplied with it is zero."""
    for tensor in (case.x, case.gy):
        tensor[tuple(random.randrange(n) for n in tensor.shape)] = value
    for got, want in zip(case.ours(), case.torchs(torch.float32), strict=True):
        assert torch.equal(got.isfinite(), want.isfinite())


@pytest.mark.parametrize("place", [(0, 0), (3, 4), (5, 5), (8, 8)])
def test_numbers_that_overflow_only_on_the_way_are_computed_directly(place):
    case = Case((1, 16, 9, 9), 16, bias=False)
    case.x[0, 3, *place] = 3e38
    case.w *= 1e-3
    assert case.transformed()[0] is None
    y, want = case.ours()[0], case.torchs()[0]
    torch.testing.assert_close(y.double(), want, rtol=1e-5, atol=1e-5)


def test_the_plain_sum_is_made_ready_once():
    made = []
    plain = replace(winograd.DENSE_CONV, ready=lambda problem: made.append(problem) or (lambda *operands: None))
    run = winograd._finite(winograd_forward.conv, plain)(problem())
    x, w = torch.full((1, 64, 28, 28), float("inf")), torch.randn(64, 64, 3, 3)
    run(x, w, None)
    run(x, w, None)
    assert made == [problem()]


def test_what_is_not_finite_is_computed_by_plain_sums():
    case = Case((2, 16, 9, 9), 16)
    case.x[1, 2, 3, 4] = NAN
    y, gx, gw = case.transformed()
    assert y is None
    assert gx is not None
    assert gw is None
    y, _, gw = case.ours()
    direct_y = conv(case.x, case.w, case.b, case.grid, 1, exact=True)
    direct_gw = conv_weight_grad(case.x, case.gy, case.grid, 1, exact=True)
    assert torch.equal(y.nan_to_num(9), direct_y.nan_to_num(9))
    assert torch.equal(gw.nan_to_num(9), direct_gw.nan_to_num(9))


@examples(40)
@given(cases(), st.sampled_from((NAN, INF)))
def test_dirty_memory_does_not_show(case, value):
    clean = case.transformed()
    workspace.scratch(2**24).view(torch.float32).fill_(value)
    for got, want in zip(case.transformed(), clean, strict=True):
        assert torch.equal(got, want)


@examples(40)
@given(cases(), st.sampled_from((at_the_start, at_the_end)))
def test_no_number_beside_a_tensor_is_touched(case, guarded):
    want = case.transformed()
    for name in ("x", "w", "gy", "b", "gb"):
        if (tensor := getattr(case, name)) is not None:
            setattr(case, name, guarded(tensor))
    for got, other in zip(case.transformed(), want, strict=True):
        assert torch.equal(got, other)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_same_bits_for_every_number_of_threads(shape):
    case, results = Case(shape[:4], shape[4]), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(case.transformed())
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def problem(dtype=torch.float32, batch=1, channels=64, filters=64, groups=1, k=3, s=1, p=1, d=1, size=28):
    grid = Window.parse(2, k, s, p, d).over((size, size))
    return choose.Problem(dtype, batch, channels, filters, groups, grid)


ALGORITHMS = (winograd.CONV, winograd.INPUT_GRAD, winograd.WEIGHT_GRAD)


@pytest.mark.parametrize(
    "other",
    [{"dtype": torch.float64}, {"groups": 2}, {"k": 5}, {"k": (1, 3), "p": 0}, {"s": 2}, {"d": (1, 2)}],
    ids=str,
)
def test_what_it_cannot_do(other):
    assert all(a.can(problem()) and not a.can(problem(**other)) for a in ALGORITHMS)


@pytest.mark.parametrize("other", [{"channels": 8}, {"filters": 8}, {"size": 5}, {"size": 7}], ids=str)
def test_what_does_not_pay(other):
    assert all(a.pays(problem()) and not a.pays(problem(**other)) for a in ALGORITHMS)


def test_it_is_not_taken_where_precision_is_to_be_exact():
    assert not any(a.exact for a in ALGORITHMS)


def plans(batch, channels, size):
    """The plans of the forward pass and of the weight gradient, their blocks as large as they may be."""
    p, image = problem(batch=batch, channels=channels, filters=channels, size=size), (channels, size, size)
    return [
        winograd_plan.fitting(p, plan)
        for plan in (
            partial(winograd_forward._plan, p, image, image, (1, 1), False),
            partial(winograd_weight_grad._plan, p),
        )
    ]


@pytest.mark.parametrize("channels", [64, 512])
def test_its_memory_does_not_grow_with_the_images(channels):
    shares = [[plan.share for plan in plans(batch, channels, 224)] for batch in (4, 64)]
    assert shares[0] == shares[1]
    assert max(shares[1]) * 4 <= 5 * 2**20


@pytest.mark.parametrize(("batch", "channels", "size"), [(1, 64, 56), (4, 128, 28), (128, 64, 8), (1, 512, 14)])
def test_its_memory_is_small_where_the_problem_is(batch, channels, size):
    elements = 2 * batch * channels * size**2 + 9 * channels**2
    for plan in plans(batch, channels, size):
        assert 4 * plan.share <= max(2**20, 0.55 * 4 * elements)


@pytest.mark.parametrize(
    ("shape", "filters"), [((16, 256, 14, 14), 256), ((16, 512, 7, 7), 512), ((1, 64, 56, 56), 64)], ids=str
)
def test_a_step_needs_little_more_memory_than_torchs(shape, filters):
    case, before = Case(shape, filters), torch.get_num_threads()
    x, w = case.x.requires_grad_(), case.w.requires_grad_()

    def step(conv2d):
        return lambda: torch.autograd.grad(conv2d(x, w, padding=1), (x, w), case.gy)

    torch.set_num_threads(2)
    try:
        ours, torchs = (peak_bytes(step(f)) for f in (functional.conv2d, torch.nn.functional.conv2d))
    finally:
        torch.set_num_threads(before)
    assert ours <= 1.25 * torchs


def test_memory_that_grows_is_never_there_twice():
    def grow():
        for size in (2**18, 2**19):
            workspace.scratch(size)

    assert peak_bytes(grow) == pytest.approx(2**19, abs=1000)
