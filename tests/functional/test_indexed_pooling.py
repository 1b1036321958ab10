"""Max unpooling and fractional max pooling beside torch's: values, seeds, coinciding places, derivatives, errors."""

import pytest
import torch
import torch.nn.functional as torch_functional
from torch.autograd import gradcheck, gradgradcheck

from scratchlayers import convert, nn, registry
from scratchlayers import functional as F
from scratchlayers.explanation import observe
from tests.compare import EXACT, agree, outcome, same_error, same_memory
from tests.draw import arranged, tensor
from tests.registries import recorder
from tests.test_handwritten import HandWritten

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
random_ranks = pytest.mark.parametrize("rank", [2, 3])
backends = pytest.mark.parametrize("backend", registry.names())
# torch compiles its own rules for forward mode when it is first used
forward_mode = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def x(rank, dtype=torch.float64, layout="contiguous"):
    return arranged(torch.randn(2, 3, *(8, 7, 6)[:rank], generator=torch.Generator().manual_seed(0)).to(dtype), layout)


def even(rank):
    return x(rank)[(..., *(slice(n) for n in (8, 6, 4)[:rank]))].clone()


def pooled(rank, x, *words):
    return getattr(torch_functional, f"max_pool{rank}d")(x, *words, return_indices=True)


def from_one_seed(name, tensors, words):
    """Compare ours with torch's, both after the same seed."""
    results = []
    for space in (F, torch_functional):
        torch.manual_seed(3)
        results.append(outcome(getattr(space, name), *tensors, *words))
    got, want = results
    if isinstance(want, Exception) or isinstance(got, Exception):
        same_error(got, want)
        return
    got, want = (result if isinstance(result, tuple) else (result,) for result in results)
    torch.testing.assert_close(got, want, equal_nan=True, **EXACT)
    assert all(same_memory(y, z) for y, z in zip(got, want, strict=True))


@ranks
@backends
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "transposed", "expanded"])
@pytest.mark.parametrize("words", [(2, None, 0), (3, 2, 1), (3, 1, 0)])  # the last two name places more than once
def test_max_unpool_is_torchs(rank, backend, layout, words):
    with registry.use_backend(backend):
        for dtype in FLOATS:
            for lead in (slice(None), slice(0, 0), 0):
                whole = x(rank, dtype, layout)[lead]
                y, index = pooled(rank, whole, *words)
                for size in ((), (list(whole.shape[-rank:]),)):
                    agree(f"max_unpool{rank}d", [y, index], [*words, *size], strides=rank < 3, **EXACT)


@ranks
def test_max_unpool_second_derivatives_are_torchs_where_places_coincide(rank):
    found = []
    for space in (F, torch_functional):
        y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).reshape(1, 1, *(1,) * (rank - 1), 3).requires_grad_()
        index = torch.tensor([4, 4, 0]).reshape(y.shape)
        z = getattr(space, f"max_unpool{rank}d")(y, index, (1,) * (rank - 1) + (2,))
        (g,) = torch.autograd.grad((z**3).sum(), y, create_graph=True)
        found.append((z, g, *torch.autograd.grad((g**2).sum(), y)))
    torch.testing.assert_close(*found)


@ranks
def test_max_unpool_refuses_what_torch_does(rank):
    y, i = pooled(rank, torch.randn(2, 3, *(8, 6, 4)[:rank]), 2)
    calls = [([y, other], [2]) for other in (i.int(), i.float(), i[0], i[:1], i + 1000, i - 1000, None, "a")]
    calls += [([y.to(dtype), i], [2]) for dtype in (torch.int64, torch.bool, torch.complex64)]
    calls += [([y[at], i[at]], [2]) for at in ((slice(2), slice(0, 0)), (..., slice(0, 0)), (0, 0), (None,))]
    calls += [([y, i], [k]) for k in (0, 1, -1, (2,), 3, True, 2.0, None, "a", (1, 2, 3, 4))]
    calls += [([y, i], [2, s]) for s in (0, 1, -1, (2,), 3, True, 2.0, "a", [])]
    calls += [([y, i], [2, 2, p]) for p in (0, 1, -1, (1,), 3, True, 1.0, None, "a")]
    sizes = [[9, 7, 5], (10, 8, 6), [7, 5, 3], [8.0, 6.0, 4.0]]
    calls += [([y, i], [2, 2, 0, size[:rank]]) for size in sizes] + [([y, i], [2, 2, 0, s]) for s in (3, "a", [])]
    for tensors, words in calls:
        got, want = (outcome(getattr(space, f"max_unpool{rank}d"), *tensors, *words) for space in (F, torch_functional))
        if isinstance(want, Exception) or isinstance(got, Exception):
            same_error(got, want)
        else:
            assert torch.equal(got, want)


@random_ranks
@backends
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "transposed", "sliced"])
def test_fractional_max_pool_is_torchs_from_the_same_seed(rank, backend, layout):
    with registry.use_backend(backend):
        for dtype in FLOATS:
            for y in (x(rank, dtype, layout), x(rank, dtype, layout)[0], x(rank, dtype, layout)[:0]):
                for words in ((2, 3), (1, 2), ((3, 2, 2)[:rank], (1, 3, 2)[:rank]), (2, 0), (2, None, (0.5,) * rank)):
                    from_one_seed(f"fractional_max_pool{rank}d_with_indices", [y], words)


@random_ranks
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_fractional_ties_and_special_values_are_torchs(rank, value):
    ties = tensor((2, 3, *(8, 7, 6)[:rank]), torch.float64)
    for y in (ties, torch.where(ties > 0, value, ties), torch.full_like(ties, value)):
        from_one_seed(f"fractional_max_pool{rank}d", [y], [2, 4, None, True])


@random_ranks
def test_fractional_gradients_are_torchs(rank):
    samples = torch.rand(2, 3, rank, dtype=torch.float64)
    agree(f"fractional_max_pool{rank}d", [x(rank)], [3, 3, None, True, samples], **EXACT)
    agree(f"fractional_max_pool{rank}d", [x(rank)[0]], [3, 3, None, False, samples], **EXACT)


@random_ranks
def test_fractional_refuses_what_torch_does(rank):
    y, name = torch.randn(2, 3, *(7, 6, 5)[:rank]), f"fractional_max_pool{rank}d"
    sizes = [(3,), -1, True, 2.0, None, "a", 7, 6, (), (3,) * (rank + 1)]
    calls = [([y], [2, size]) for size in sizes]
    calls += [([y], [k, 2]) for k in ((2,), (2,) * (rank + 1), True, 2.0, None, "a", 8, (7, 6, 5)[:rank])]
    ratios = (0.5, (0.5,), 0, 2, (2.0,) * rank, (0.5,) * (rank + 1), -1.0, "a", ())
    calls += [([y], [2, None, ratio]) for ratio in ratios]
    calls += [([torch.zeros(shape)], [2, 2]) for shape in ((2, 0, *(5,) * rank), (2, 3, *(0,) * rank), (4,) * rank)]
    calls += [([y.to(dtype)], [2, 3]) for dtype in (torch.int64, torch.bool, torch.complex64)]
    shapes = ((1, 3, rank), (2, 1, rank), (2, 3, rank + 1), (3, 3, rank), (2, 3), (2, 3, rank, 1))
    samples = [torch.rand(shape) for shape in shapes] + [torch.rand(2, 3, rank).double(), "a", 1.0]
    calls += [([y], [2, 3, None, True, u]) for u in samples]
    for tensors, words in calls:
        from_one_seed(name, tensors, words)


@random_ranks
def test_a_fractional_window_of_no_elements_is_refused(rank):
    """Torch reads beyond its input or returns −∞."""
    with pytest.raises(ValueError, match="at least 1"):
        getattr(F, f"fractional_max_pool{rank}d")(x(rank), 0, 2)


@ranks
def test_every_derivative(rank):
    y, index = pooled(rank, even(rank), 2)
    assert gradcheck(lambda y: getattr(F, f"max_unpool{rank}d")(y, index, 2), y.requires_grad_(), fast_mode=True)
    assert gradgradcheck(lambda y: getattr(F, f"max_unpool{rank}d")(y, index, 2), y, fast_mode=True)
    if rank > 1:
        leaf, u = x(rank)[:, :2].clone().requires_grad_(), torch.rand(2, 2, rank, dtype=torch.float64)

        def call(x):
            return getattr(F, f"fractional_max_pool{rank}d")(x, 2, 4, None, False, u)

        assert gradcheck(call, leaf, fast_mode=True)
        assert gradgradcheck(call, leaf, fast_mode=True)


@ranks
@backends
def test_the_modules_are_torchs_and_borrow_nothing(rank, backend):
    y, index = pooled(rank, x(rank), 2)
    torchs = getattr(torch.nn, f"MaxUnpool{rank}d")(2)
    want = torchs(y, index, output_size=x(rank).shape)
    ours = convert(torchs)
    ours.backend = backend
    assert type(ours) is getattr(nn, f"MaxUnpool{rank}d")
    with HandWritten():
        leaf = y.detach().requires_grad_()
        got = ours(leaf, index, output_size=x(rank).shape)
        torch.autograd.grad(got.square().sum(), leaf)
    assert torch.equal(got, want)


@ranks
def test_the_modules_choose_and_are_explained(rank):
    unpool, (y, index) = getattr(nn, f"MaxUnpool{rank}d")(2), pooled(rank, even(rank), 2)
    cases = [(unpool, (y, index), {"put", "take"})]
    if rank > 1:
        cases.append((getattr(nn, f"FractionalMaxPool{rank}d")(2, 3), (x(rank),), {"take", "max_pool", "put"}))
    for module, operands, kernels in cases:
        module.backend = "recorder"
        with recorder() as calls:
            (row,) = observe(module, *operands)
            module(operands[0].clone().requires_grad_(), *operands[1:]).sum().backward()
        assert set(row.backends) == kernels == set(calls)


@ranks
@forward_mode
def test_max_unpool_maps_over_slices_and_has_torchs_tangent(rank):
    pairs = [pooled(rank, x(rank) * scale, 3, 1, 0) for scale in (1, -1)]
    y, index = (torch.stack(both) for both in zip(*pairs, strict=True))

    def call(y, index, space=F):
        return getattr(space, f"max_unpool{rank}d")(y, index, 3, 1, 0)

    want = torch.stack([call(*pair, space=torch_functional) for pair in pairs])
    assert torch.equal(torch.func.vmap(call)(y, index), want)
    value, tangent = torch.func.jvp(lambda y: call(y, index[0]), (y[0],), (y[0].sin(),))
    assert torch.equal(value, want[0])
    assert torch.equal(tangent, call(y[0].sin(), index[0], torch_functional))


@random_ranks
def test_fractional_max_pool_maps_over_slices(rank):
    y, u = torch.stack([x(rank), -x(rank)]), torch.rand(2, 2, 3, rank, dtype=torch.float64)

    def call(y, u, space=F):
        return getattr(space, f"fractional_max_pool{rank}d")(y, 2, 4, None, True, u)

    wanted = zip(*(call(y[i], u[i], torch_functional) for i in range(2)), strict=True)
    for found, want in zip(torch.func.vmap(call)(y, u), wanted, strict=True):
        assert torch.equal(found, torch.stack(want))
