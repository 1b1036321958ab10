"""Convolutions of single pixels by Numba, as matrices: against torch in float64, and nothing beside them is touched."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers.backends.numba_cpu import choose
from scratchlayers.backends.numba_cpu.conv import conv, conv_input_grad, conv_weight_grad, matrix
from scratchlayers.backends.numba_cpu.target import lanes
from scratchlayers.geometry import Window
from tests.draw import arranged, examples
from tests.guard import at_the_end, at_the_start
from tests.widths import at_narrower_widths

test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
POINT = Window.parse(2, 1, 1, 0, 1)
ALGORITHMS = {"conv": matrix.CONV, "conv_input_grad": matrix.INPUT_GRAD, "conv_weight_grad": matrix.WEIGHT_GRAD}


@st.composite
def shapes(draw):
    """(images and their size, groups, channels of a group, its filters): few, as every shape of a tile is compiled."""
    size = draw(st.sampled_from(((1, 1), (1, 1), (1, 3), (3, 4), (5, 9))))
    images = draw(st.sampled_from((1, 2, 3, 7, 8, 100, 250)))
    channels = draw(st.sampled_from((16, 17, 33, 50, 64, 511, 512, 530, 1030)))
    return (images, *size), draw(st.integers(1, 3)), channels, draw(st.sampled_from((2, 3, 9, 16, 30, 100)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("guarded", [lambda x: x, at_the_start, at_the_end], ids=["free", "start", "end"])
@examples(30)
@given(shapes(), st.sampled_from([*FORMATS]), st.booleans(), st.integers(0, 2**16))
def test_any_pixels(guarded, dtype, shape, layout, bias, seed):
    (n, *size), groups, c, o = shape
    generator = torch.Generator().manual_seed(seed)

    def normal(*sizes):
        return guarded(arranged(torch.randn(*sizes, generator=generator, dtype=torch.float64).to(dtype), layout))

    x, gy = normal(n, groups * c, *size), normal(n, groups * o, *size)
    w = guarded(torch.randn(groups * o, c, 1, 1, generator=generator, dtype=torch.float64).to(dtype))
    b, gb = (normal(groups * o), normal(groups * c)) if bias else (None, None)
    grid = POINT.over(tuple(size))
    with choose.force("matrix"):
        got = (
            conv(x, w, b, grid, groups),
            conv_input_grad(gy, w, grid, groups, gb),
            conv_weight_grad(x, gy, grid, groups),
        )
    exact_x, exact_w = x.double().requires_grad_(), w.double().requires_grad_()
    y = torch.nn.functional.conv2d(exact_x, exact_w, None if b is None else b.double(), groups=groups)
    gx, gw = torch.autograd.grad(y, (exact_x, exact_w), gy.double())
    want = y, gx if gb is None else gx + gb.double().view(-1, 1, 1), gw
    terms = max(c, o, n * size[0] * size[1])
    for found, right, like in zip(got, want, (gy, x, w), strict=True):
        assert (found.dtype, found.shape) == (dtype, like.shape)
        assert (found.double() - right).abs().max() <= 4 * EPSILON[dtype] * terms**0.5 * (right.abs().max() + 1)
        assert found.is_contiguous(memory_format=FORMATS[layout])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_single_pixels_are_taken_in_blocks(threads):
    x, w, b = torch.randn(6 * matrix.TILES + 5, 40, 1, 1), torch.randn(7, 40, 1, 1), torch.randn(7)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y = conv(x, w, b, POINT.over((1, 1)), 1)
    finally:
        torch.set_num_threads(before)
    want = x.double().view(-1, 40) @ w.double().view(7, 40).T + b
    assert (y.view(-1, 7).double() - want).abs().max() <= 1e-5
    assert torch.equal(y, conv(x, w, b, POINT.over((1, 1)), 1))


def problem(images, channels, size, filters=64, kernel=1, groups=1, last=False):
    grid = Window.parse(2, kernel).over((size, size))
    return choose.Problem(torch.float32, images, channels, filters, groups, grid, last, last)


@pytest.mark.parametrize("kernel", ALGORITHMS)
@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (problem(5, 64, 1), True),
        (problem(5000, 64, 1), True),
        (problem(5, 64, 3, kernel=3), False),
        (problem(8, 64, 2, last=True), True),
        (problem(8, 64, 2, filters=lanes(4) - 1, last=True), True),
        (problem(5, 64, 2), False),
        (problem(1, 2 * lanes(4) - 2, 1, groups=2), False),
        (problem(1, 2 * lanes(4), 1, groups=2), True),
    ],
)
def test_what_is_a_matrix(kernel, asked, taken):
    algorithm = ALGORITHMS[kernel]
    assert (algorithm.can(asked) and algorithm.pays(asked)) == taken


@pytest.mark.parametrize(
    ("kernel", "filters", "taken"),
    [
        ("conv", 64, True),
        ("conv", lanes(4) - 1, False),
        ("conv_input_grad", 64, True),
        ("conv_input_grad", lanes(4) - 1, True),
        ("conv_weight_grad", 64, False),
    ],
)
def test_many_pixels(kernel, filters, taken):
    asked = problem(800, 64, 2, filters=filters, last=True)
    assert ALGORITHMS[kernel].can(asked)
    assert ALGORITHMS[kernel].pays(asked) == taken


@pytest.mark.parametrize(("kernel", "most"), [("conv", 32), ("conv_input_grad", 256), ("conv_weight_grad", 0)])
def test_planes_are_turned_for_large_weights(kernel, most):
    algorithm = ALGORITHMS[kernel]
    for pixels in (4, 36, 324):
        asked = problem(pixels // 4, 512, 2, filters=512)
        assert (algorithm.can(asked) and algorithm.pays(asked)) == (pixels <= most)
        assert not (algorithm.can(few := asked._replace(filters=8)) and algorithm.pays(few))


def test_what_is_not_a_number_stays_where_it_is_read():
    x, w = torch.randn(3, 20, 1, 1), torch.randn(4, 20, 1, 1)
    x[1, 3] = float("inf")
    y = conv(x, w, None, POINT.over((1, 1)), 1)
    assert y.isfinite().all((1, 2, 3)).tolist() == [True, False, True]
    w[2, 19] = float("nan")
    y = conv(x, w, None, POINT.over((1, 1)), 1)
    assert y.isnan().view(3, 4).any(0).tolist() == [False, False, True, False]


@pytest.mark.parametrize("images", [50, 130])
def test_long_sums_are_added_in_pieces(images):
    """In one piece, 30,000 positive terms are off by some hundred units in the last place."""
    generator = torch.Generator().manual_seed(0)
    grid, many = POINT.over((1, 1)), 30_000
    x, w = (torch.rand(n, many, 1, 1, generator=generator) for n in (images, 40))
    tall, gy = (torch.rand(many, n, 1, 1, generator=generator) for n in (40, images))
    wide = torch.rand(many, 40, 1, 1, generator=generator)
    flat = [t.double().flatten(1) for t in (x, w, tall, gy, wide)]
    with choose.force("matrix"):
        got = conv(x, w, None, grid, 1), conv_weight_grad(tall, gy, grid, 1)
        got += (conv_input_grad(x, wide, grid, 1),)
    for found, want in zip(got, (flat[0] @ flat[1].T, flat[3].T @ flat[2], flat[0] @ flat[4]), strict=True):
        assert (found.flatten(1) / want - 1).abs().max() <= 12 * EPSILON[torch.float32]
