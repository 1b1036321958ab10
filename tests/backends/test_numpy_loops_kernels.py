"""The kernels against the torch backend, and the duties of the contract that loops could fail."""

from math import prod

import pytest
import torch
from torch.testing import assert_close

from scratchlayers import registry
from scratchlayers.backends import numpy_loops, torch_ops
from scratchlayers.contract import NAMES
from scratchlayers.geometry import Frame, Grid, Window, divisors

OURS = numpy_loops.BACKEND.kernels
THEIRS = torch_ops.BACKEND.kernels
NAN, INF = float("nan"), float("inf")

GRIDS = {
    "1d-plain": Window.parse(1, 3).over((7,)),
    "1d-stride-leaves-a-rest": Window.parse(1, 2, 3, 1, 2).over((9,)),
    "1d-hangs-over": Window.parse(1, 3, 2, 1, ceil_mode=True).over((6,)),
    "2d-unequal-padding": Window.parse(2, (3, 2), 1, ((2, 0), (0, 1))).over((3, 4)),
    "2d-strides-and-dilations": Window.parse(2, (2, 3), (2, 1), (1, 2), (3, 1)).over((5, 4)),
    "2d-mostly-padding": Window.parse(2, 2, 1, 1).over((1, 2)),
    "3d": Window.parse(3, (2, 1, 3), (1, 2, 2), (1, 0, 1), (2, 1, 1)).over((3, 2, 4)),
}
FRAMES = {
    "1d-constant": Frame.around((3,), ((2, 1),), "constant"),
    "2d-crop": Frame.around((4, 3), ((-1, 2), (1, -2)), "constant"),
    "2d-reflect": Frame.around((3, 4), ((2, 1), (0, 3)), "reflect"),
    "2d-replicate": Frame.around((1, 2), ((3, 0), (1, 1)), "replicate"),
    "3d-circular": Frame.around((2, 3, 1), ((2, 1), (0, 3), (1, 0)), "circular"),
}
EXACT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COMPLEX = (torch.complex64, torch.complex128)


def numbers(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if dtype in EXACT:
        low = 0 if dtype == torch.uint8 else -99
        return torch.randint(low, 100, shape, dtype=dtype, generator=generator)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype) + (
        1j * torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype) if dtype.is_complex else 0
    )


def calls(grid: Grid, dtype=torch.float32, groups=1):
    """Arguments for every kernel that takes a grid."""
    channels, filters = 2 * groups, 3 * groups
    x = numbers(2, channels, *grid.input_size, dtype=dtype, seed=1)
    w = numbers(filters, 2, *grid.kernel_size, dtype=dtype, seed=2)
    gy = numbers(2, filters, *grid.output_size, dtype=dtype, seed=3)
    b = numbers(filters, dtype=dtype, seed=4)
    conv = {
        "conv": (x, w, b, grid, groups),
        "conv_input_grad": (gy, w, grid, groups),
        "conv_weight_grad": (x, gy, grid, groups),
    }
    if dtype.is_complex:
        return conv
    _, tap = THEIRS["max_pool"](x, grid)
    g = numbers(*tap.shape, dtype=dtype, seed=5)
    counts = divisors(grid, count_include_pad=False)
    return conv | {
        "max_pool": (x, grid),
        "gather": (x, tap, grid),
        "scatter": (g, tap, grid),
        "avg_pool": (x, counts, grid),
        "avg_pool_adjoint": (g, counts, grid),
    }


def tensors(arguments):
    return [a for a in arguments if isinstance(a, torch.Tensor)]


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dtype", [*REAL, *COMPLEX], ids=str)
def test_kernels_agree_with_the_torch_backend(grid, groups, dtype):
    for name, arguments in calls(grid, dtype, groups=groups).items():
        assert_close(OURS[name](*arguments), THEIRS[name](*arguments), msg=lambda why, name=name: f"{name}: {why}")


@pytest.mark.parametrize("dtype", EXACT, ids=str)
def test_integers_wrap_around_as_torchs_do(dtype):
    grid = Window.parse(2, (2, 3), (2, 1), (1, 2)).over((5, 4))
    arguments = calls(grid, dtype)
    for name in ("conv", "conv_input_grad", "conv_weight_grad", "max_pool", "gather", "scatter"):
        assert_close(OURS[name](*arguments[name]), THEIRS[name](*arguments[name]), rtol=0, atol=0)
    x, w, b = arguments["conv"][:3]
    theirs = torch.nn.functional.conv2d(x, w, b, grid.stride, grid.before)
    assert_close(OURS["conv"](*arguments["conv"]), theirs, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")  # torch says so once a process
def test_half_precision_complex_goes_through_single_precision():
    single = calls(GRIDS["1d-plain"], torch.complex64)
    for name, arguments in single.items():
        half = [a.to(torch.complex32) if isinstance(a, torch.Tensor) else a for a in arguments]
        y = OURS[name](*half)
        exact = OURS[name](*[a.to(torch.complex64) if isinstance(a, torch.Tensor) else a for a in half])
        assert y.dtype == torch.complex32
        assert_close(y.to(torch.complex64), exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("dtype", [torch.bool, *EXACT, *REAL, *COMPLEX], ids=str)
def test_padding_agrees_with_the_torch_backend(frame, dtype):
    x = numbers(2, 3, *frame.input_size, dtype=dtype)
    assert_close(OURS["pad"](x, frame), THEIRS["pad"](x, frame), rtol=0, atol=0)
    if dtype != torch.bool:
        gy = numbers(2, 3, *frame.output_size, dtype=dtype)
        assert_close(OURS["pad_adjoint"](gy, frame), THEIRS["pad_adjoint"](gy, frame))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_the_index_of_a_tap_names_the_element_it_chose(grid):
    x = torch.arange(2 * 3 * prod(grid.input_size)).reshape(2, 3, *grid.input_size)
    y, tap = OURS["max_pool"](x, grid)
    index = OURS["tap_index"](tap, grid)
    assert index.dtype == torch.int64
    assert_close(x.flatten(2).gather(2, index.flatten(2)).reshape(y.shape), y)
    assert_close(index, THEIRS["tap_index"](tap, grid))


@pytest.mark.parametrize("value", [0.0, NAN, -INF, INF])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_ties_and_special_values_choose_the_same_tap(grid, value):
    x = torch.zeros(1, 2, *grid.input_size)
    x[:, 1] = numbers(*grid.input_size).round()
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.4] = value
    x[:, 0] = value
    for ours, theirs in zip(OURS["max_pool"](x, grid), THEIRS["max_pool"](x, grid), strict=True):
        assert_close(ours, theirs, equal_nan=True, rtol=0, atol=0)


def test_a_window_that_sees_no_input_holds_the_lowest_value_and_passes_no_gradient_back():
    grid = Window.parse(1, 2, 2, 2).over((2,))
    x = torch.tensor([[[5, 7]]])
    y, tap = OURS["max_pool"](x, grid)
    lowest = torch.iinfo(torch.int64).min
    assert y.tolist() == [[[lowest, 7, lowest]]]
    assert tap.tolist() == [[[0, 1, 0]]]
    assert OURS["gather"](x, tap, grid).tolist() == [[[0, 7, 0]]]
    assert OURS["scatter"](torch.tensor([[[1, 2, 4]]]), tap, grid).tolist() == [[[0, 2]]]


def test_a_window_beside_the_input_on_one_axis_only_sees_nothing_either():
    y, tap = OURS["max_pool"](torch.ones(1, 1, 1, 2), Window.parse(2, 2, 2, (2, 0)).over((1, 2)))
    assert y.tolist() == [[[[-INF], [1]]]]
    assert tap.tolist() == [[[[0], [0]]]]


@pytest.mark.parametrize(("taps", "dtype"), [(256, torch.uint8), (257, torch.int32)])
def test_taps_are_as_small_as_the_contract_allows(taps, dtype):
    x = torch.arange(taps).reshape(1, 1, -1)
    _, tap = OURS["max_pool"](x, Window.parse(1, taps).over((taps,)))
    assert tap.dtype == dtype
    assert tap.item() == taps - 1


def test_means_of_integers_truncate_towards_zero():
    x = torch.tensor([[[-7, 0, 7, 0, 2**53 + 3, 0]]])
    y = OURS["avg_pool"](x, ((2, 2, 2),), Window.parse(1, 2).over((6,)))
    assert y.tolist() == [[[-3, 3, 2**52 + 1]]]
    assert OURS["avg_pool"](x, ((-2, -2, -2),), Window.parse(1, 2).over((6,))).tolist() == [[[3, -3, -(2**52) - 1]]]


def test_halves_are_summed_wide_and_rounded_once():
    """Summed in float16, 2048 + 1 + … + 1 never leaves 2048."""
    x = torch.ones(1, 1, 65, dtype=torch.float16)
    x[..., 0] = 2048
    window, one = Window.parse(1, 65).over((65,)), Window.parse(1, 1).over((65,))
    assert OURS["conv"](x, torch.ones_like(x), None, window, 1).item() == 2112
    assert OURS["conv_weight_grad"](x, torch.ones_like(x), one, 1).item() == 2112
    assert OURS["conv_input_grad"](x.mT, torch.ones(65, 1, 1).half(), Window.parse(1, 1).over((1,)), 1).item() == 2112
    assert OURS["pad_adjoint"](x, Frame.around((1,), ((64, 0),), "replicate")).item() == 2112
    assert OURS["avg_pool"](x, ((64,),), window).item() == 33


@pytest.mark.parametrize("grid", [GRIDS["2d-unequal-padding"], GRIDS["3d"]], ids=["2d", "3d"])
def test_inputs_of_any_strides_are_read_and_not_written(grid):
    for name, arguments in calls(grid, torch.float64).items():
        expected = OURS[name](*arguments)
        for change in (_reversed_strides, _every_other, lambda t: t.clone().requires_grad_(t.is_floating_point())):
            changed = [change(a) if isinstance(a, torch.Tensor) else a for a in arguments]
            before = [t.detach().clone() for t in tensors(changed)]
            results = OURS[name](*changed)
            assert_close(results, expected, rtol=0, atol=0)
            assert_close([t.detach() for t in tensors(changed)], before, rtol=0, atol=0)
            assert not any(r.requires_grad for r in (results if isinstance(results, tuple) else (results,)))


def _reversed_strides(t):
    axes = list(reversed(range(t.dim())))
    return t.permute(axes).contiguous().permute(axes)


def _every_other(t):
    return torch.stack([t, t + 1], dim=-1)[..., 0]


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")  # torch says so once a process
def test_expanded_and_read_only_inputs():
    grid = GRIDS["2d-unequal-padding"]
    x = numbers(1, 1, 1, 1).expand(2, 3, *grid.input_size)
    w = numbers(1).expand(2, 3, *grid.kernel_size)
    y = OURS["conv"](x, w, None, grid, 1)
    assert_close(y, OURS["conv"](x.contiguous(), w.contiguous(), None, grid, 1))
    array = y.numpy()
    array.flags.writeable = False
    frozen = torch.from_numpy(array)
    assert_close(OURS["pad"](frozen, Frame.around(grid.output_size, ((1, 1), (0, 0)), "constant"))[:, :, 1:-1], y)


def test_lazily_conjugated_and_negated_inputs():
    grid = GRIDS["1d-plain"]
    x, w = numbers(1, 2, 7, dtype=torch.complex128), numbers(3, 2, 3, dtype=torch.complex128, seed=1)
    assert_close(OURS["conv"](x.conj(), w, None, grid, 1), OURS["conv"](x.conj().resolve_conj(), w, None, grid, 1))
    negative, positive = x.conj().imag, x.imag
    assert negative.is_neg()
    assert_close(OURS["max_pool"](negative, grid)[0], OURS["max_pool"](-positive, grid)[0])


@pytest.mark.parametrize("name", ["pad", "pad_adjoint"])
def test_a_padding_that_changes_nothing_still_returns_a_fresh_tensor(name):
    x = numbers(1, 1, 3, dtype=torch.float64)
    y = OURS[name](x, Frame.around((3,), ((0, 0),), "constant"))
    assert_close(y, x)
    assert y.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_an_empty_batch_and_no_channels(grid):
    arguments = calls(grid)
    x, w, b, *how = arguments["conv"]
    gy = arguments["conv_input_grad"][0]
    assert_close(OURS["conv_weight_grad"](x[:0], gy[:0], *how), torch.zeros_like(w))
    for name in set(arguments) - {"conv_weight_grad", "max_pool"}:
        empty = [a[:0] if isinstance(a, torch.Tensor) and a.shape[0] == 2 else a for a in arguments[name]]
        assert OURS[name](*empty).shape == (0, *OURS[name](*arguments[name]).shape[1:])
    assert [len(y) for y in OURS["max_pool"](x[:0], grid)] == [0, 0]
    nothing = torch.zeros(2, 0, *grid.input_size)
    assert [y.shape for y in OURS["max_pool"](nothing, grid)] == [(2, 0, *grid.output_size)] * 2
    y = OURS["conv"](nothing, torch.zeros(3, 0, *grid.kernel_size), b, grid, 1)
    assert_close(y, b.reshape(1, 3, *[1] * grid.rank).expand_as(y).contiguous())
    gy = torch.ones(2, 0, *grid.output_size)
    gx = OURS["conv_input_grad"](gy, torch.zeros(0, 4, *grid.kernel_size), grid, 1)
    assert_close(gx, torch.zeros(2, 4, *grid.input_size))


def test_overflow_makes_inf_and_no_warning():
    grid = Window.parse(1, 2).over((4,))
    big = torch.full((1, 1, 4), 3e38)
    assert OURS["avg_pool"](big, ((1, 1),), grid).tolist() == [[[INF, INF]]]
    assert OURS["conv"](big, torch.tensor([[[INF, 0.0]]]), torch.tensor([NAN]), grid, 1).isnan().all()


def test_the_three_contractions_of_one_trilinear_form():
    """Σ conv(x, w) · g = Σ x · input_grad(g, w) = Σ w · weight_grad(x, g), exactly, in whole numbers."""
    arguments = calls(GRIDS["2d-strides-and-dilations"], torch.int64, groups=2)
    x, w, _, *how = arguments["conv"]
    g = arguments["conv_input_grad"][0]
    form = (OURS["conv"](x, w, None, *how) * g).sum()
    assert form == (x * OURS["conv_input_grad"](g, w, *how)).sum()
    assert form == (w * OURS["conv_weight_grad"](x, g, *how)).sum()


def test_the_adjoints_of_the_linear_maps():
    """⟨A x, g⟩ = ⟨x, Aᵀ g⟩, exactly, in whole numbers."""
    grid, frame = GRIDS["2d-strides-and-dilations"], FRAMES["2d-reflect"]
    arguments = calls(grid, torch.int64)
    (x, tap, _), (g, *_) = arguments["gather"], arguments["scatter"]
    sums = tuple((1,) * m for m in grid.output_size)
    small, large = (numbers(2, 1, *size, dtype=torch.int64) for size in (frame.input_size, frame.output_size))
    for name, adjoint, a, b, *how in (
        ("pad", "pad_adjoint", small, large, frame),
        ("gather", "scatter", x, g, tap, grid),
        ("avg_pool", "avg_pool_adjoint", x, g, sums, grid),
    ):
        assert (OURS[name](a, *how) * b).sum() == (a * OURS[adjoint](b, *how)).sum(), name


def test_the_backend_is_whole_and_runs_when_it_is_asked_for():
    backend = numpy_loops.BACKEND
    assert set(OURS) == set(NAMES)
    assert registry.get("numpy") is backend
    assert registry.chain("numpy")[0] is backend
    assert backend.priority < torch_ops.BACKEND.priority
    assert "runs on cpu, not on cuda" in backend.refuses("conv", "cuda", torch.float32, 2)
    assert "has no kernels for torch.float8" in backend.refuses("pad", "cpu", torch.float8_e5m2, 2)
