"""Adaptive and LP pooling beside torch's: any sizes, dtypes, layouts, ties and NaN, derivatives, errors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from scratchlayers import functional as F
from scratchlayers import registry
from scratchlayers.geometry import Regions
from tests.compare import EXACT, ROUNDED, agree
from tests.draw import Call, batches, examples, ints, layouts, seeds, tensor

FLOATS = (torch.float64, torch.float32)
# torch compiles its own rules for forward mode when it is first used
forward_mode = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@st.composite
def adaptive_poolings(draw, rank, dtypes=FLOATS, least=1):
    batch = draw(batches())
    shape = [*([] if batch is None else [batch]), draw(st.integers(1, 3)), *draw(ints(rank, 1, 8))]
    x = tensor(shape, draw(st.sampled_from(dtypes)), draw(layouts()), draw(seeds()))
    asked = draw(ints(rank, least, 9))
    if rank > 1:
        asked = [draw(st.sampled_from([m, m, None])) for m in asked]
    return Call((x,), (draw(st.sampled_from([asked[0] or 1, tuple(asked), asked])),))


@ranks
@given(data=st.data())
@examples(150)
def test_adaptive_avg_pool_is_torchs(rank, data):
    call = data.draw(adaptive_poolings(rank))
    agree(f"adaptive_avg_pool{rank}d", *call, **ROUNDED[call.tensors[0].dtype])


@ranks
@given(data=st.data())
@examples(150)
def test_adaptive_max_pool_is_torchs(rank, data):
    call = data.draw(adaptive_poolings(rank, (*FLOATS, torch.bfloat16, torch.float16)))
    gradients = call.tensors[0].dtype in FLOATS  # torch adds up half-precision gradients in half precision
    agree(f"adaptive_max_pool{rank}d", call.tensors, (*call.words, True), gradients=gradients, **EXACT)
    agree(f"adaptive_max_pool{rank}d", call.tensors, call.words, gradients=gradients, **EXACT)
    agree(f"adaptive_max_pool{rank}d_with_indices", call.tensors, call.words, gradients=False, **EXACT)


@ranks
@pytest.mark.parametrize("value", [float("nan"), float("-inf"), float("inf")])
@pytest.mark.parametrize("backend", registry.names())
def test_special_values_and_ties_are_torchs(rank, value, backend):
    x = tensor((2, 2, *(7, 6, 5)[:rank]), torch.float64)
    special = torch.where(x > 0, value, x)
    with registry.use_backend(backend):
        for size in (1, 2, 3, 4, 9):
            for y in (x, special, torch.full_like(x, value)):
                agree(f"adaptive_max_pool{rank}d", [y], [size, True], **EXACT)
                agree(f"adaptive_avg_pool{rank}d", [y], [size], rtol=1e-12, atol=1e-12)


@ranks
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_every_derivative(rank, kind):
    shape = (1, 2, *(5, 4, 3)[:rank])
    x = torch.randperm(torch.Size(shape).numel()).double().reshape(shape).requires_grad_()
    for size in (1, 3, (2, 6, 3)[:rank]):

        def call(x, size=size):
            return getattr(F, f"adaptive_{kind}_pool{rank}d")(x, size)

        assert gradcheck(call, x, fast_mode=True)
        assert gradgradcheck(call, x, fast_mode=True)


@ranks
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_what_torch_refuses_is_refused_and_its_odd_cases_are_taken(rank, kind):
    x = tensor((2, 3, *(7, 6, 5)[:rank]), torch.float64)
    name = f"adaptive_{kind}_pool{rank}d"
    words = [-1, True, 2.0, None, "a", (), (3,), (True,) * rank, (2.0,) * rank, (-1,) * rank, (3,) * (rank + 1)]
    for word in [*words, (None,) * rank]:
        agree(name, [x], [word], gradients=False, rtol=1e-12, atol=1e-12)
    for size in (0, 1, 2):
        shapes = [
            (2, 3, *(0,) * rank),
            (2, 0, *(4,) * rank),
            (0, 3, *(4,) * rank),
            (4,) * rank,
            (2,) * (rank + 3),
            (3,),
        ]
        for shape in shapes:
            agree(name, [torch.zeros(shape)], [size], gradients=False)
        for dtype in (torch.int64, torch.uint8, torch.bool, torch.complex64):
            agree(name, [x.to(dtype)], [size], gradients=False)


@ranks
@pytest.mark.parametrize("p", [1, 2, 3.0, 4, 1.5, -1.0, float("inf"), -float("inf"), 0])
@pytest.mark.parametrize("words", [(2,), (3, 2), (2, 1, True), (3, None, True)])
def test_lp_pool_is_torchs(rank, p, words):
    x = torch.randn(2, 2, *(7, 6, 5)[:rank], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for y in (x, x.abs(), x[0]):
        agree(f"lp_pool{rank}d", [y], [p, *words], rtol=1e-9, atol=1e-12)


@ranks
@pytest.mark.parametrize("word", [0, -1, 9, (2, 2, 2, 2), "a", None, 2.5, (), True])
def test_lp_pool_refuses_what_torch_does(rank, word):
    x = tensor((2, 2, *(7, 6, 5)[:rank]), torch.float64)
    agree(f"lp_pool{rank}d", [x], [2, word], gradients=False)
    agree(f"lp_pool{rank}d", [x], [2, 2, word], gradients=False)


@pytest.mark.parametrize("n", range(1, 13))
@pytest.mark.parametrize("m", range(1, 15))
def test_regions_laid_end_to_end_hold_what_the_formula_names(n, m):
    for repeat in (False, True):
        frame, grid, (sizes,) = Regions.adaptive((n,), (m,), repeat)
        (sources,) = frame.sources
        for p in range(m):
            first = p * grid.stride[0]
            window = sources[first : first + grid.kernel_size[0]]
            region = list(range(p * n // m, -(-(p + 1) * n // m)))
            filled = [region[-1] if repeat else -1] * (grid.kernel_size[0] - len(region))
            assert sizes[p] == len(region)
            assert list(window) == region + filled


@ranks
@pytest.mark.parametrize("kind", ["avg", "max"])
@forward_mode
def test_it_maps_over_slices_and_has_tangents(rank, kind):
    x = torch.randn(3, 2, 2, *(5, 4, 3)[:rank], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for size in (1, (2, 6, 3)[:rank]):

        def call(x, size=size, space=F):
            return getattr(space, f"adaptive_{kind}_pool{rank}d")(x, size)

        want = torch.stack([call(y, space=torch.nn.functional) for y in x])
        torch.testing.assert_close(torch.func.vmap(call)(x), want, rtol=1e-12, atol=1e-12)
        for mode in (torch.func.jacfwd, torch.func.jacrev):
            expected = torch.func.jacrev(lambda x: call(x, space=torch.nn.functional))(x[0])
            torch.testing.assert_close(mode(call)(x[0]), expected, rtol=1e-12, atol=1e-12)
