"""Unfolding and folding of the ``numba`` backend against strided views: any window, rank, layout and float."""

from math import prod

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchlayers import registry
from scratchlayers.backends.numba_cpu.fold import fold
from scratchlayers.backends.numba_cpu.unfold import unfold
from scratchlayers.geometry import Window

from ..draw import LAYOUTS, examples, tensor
from ..guard import at_the_end, at_the_start

VIEWS = registry.get("torch").kernels
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@st.composite
def problems(draw):
    """(N, C, grid): windows on one to three axes, of strides that vectors weave and others, beyond the input too."""
    rank = draw(st.integers(1, 3))
    size = tuple(draw(st.integers(1, 70 if axis == rank - 1 else 6)) for axis in range(rank))
    kernel = [draw(st.integers(1, 5)) for _ in size]
    stride, dilation = (
        [draw(st.sampled_from([1, 1, 2, 3, 4, 5, 7])) for _ in size],
        [draw(st.integers(1, 3)) for _ in size],
    )
    sides = [(draw(st.integers(0, 4)), draw(st.integers(0, 4))) for _ in size]
    room = [n + sum(side) - (k - 1) * d for n, side, k, d in zip(size, sides, kernel, dilation, strict=True)]
    assume(min(room) > 0)
    return (
        draw(st.integers(0, 3)),
        draw(st.integers(1, 3)),
        Window.parse(rank, kernel, stride, sides, dilation).over(size),
    )


def operands(problem, dtype, layout, seed):
    """(an image, its columns), of whole numbers, so that sums are exact in any order."""
    n, c, grid = problem
    columns = (n, c * prod(grid.kernel_size), prod(grid.output_size))
    return tensor((n, c, *grid.input_size), dtype, layout, seed), tensor(columns, dtype, layout, seed)


@given(problems(), st.sampled_from(FLOATS), st.sampled_from(LAYOUTS), st.integers(0, 2**16))
@examples(100)
def test_every_element_goes_where_it_should(problem, dtype, layout, seed):
    x, y = operands(problem, dtype, layout, seed)
    assert torch.equal(unfold(x, problem[2]), VIEWS["unfold"](x, problem[2]))
    assert torch.equal(fold(y, problem[2]), VIEWS["fold"](y, problem[2]))


@given(problems(), st.sampled_from(FLOATS))
@examples(40)
def test_nothing_beside_the_operands_is_read(problem, dtype):
    for x, y in [operands(problem, dtype, "contiguous", 0)]:
        for where in (at_the_end, at_the_start):
            assert torch.equal(unfold(where(x), problem[2]), VIEWS["unfold"](x, problem[2]))
            assert torch.equal(fold(where(y), problem[2]), VIEWS["fold"](y, problem[2]))


@pytest.mark.parametrize("stride", [1, 2, 3, 6])
def test_the_number_of_threads_changes_no_bit(stride):
    grid = Window.parse(2, 3, stride, 1).over((70, 70))
    x = torch.randn(4, 9, 70, 70)
    y = torch.randn(4, 81, prod(grid.output_size))
    alone, threads = (unfold(x, grid), fold(y, grid)), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(unfold(x, grid), alone[0])
        assert torch.equal(fold(y, grid), alone[1])
    finally:
        torch.set_num_threads(threads)
