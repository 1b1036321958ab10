"""Inside the block, whoever looks up torch's functions when they run finds ours."""

import threading
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as torch_functional
from torch import nn as torch_nn
from torch.nn.functional import conv2d as early_bound
from torch.nn.functional import max_pool2d as early_pool

from scratchlayers import functional, nn, patch
from scratchlayers.conversion.table import FUNCTIONS
from scratchlayers.functional.aliases import PLACES

from .architectures import built, computed
from .nn.build import CASES, IDS, rank_of
from .operators import borrowed
from .registries import recorder
from .test_conversion import SHAPES, close, layers

SPACES = (torch, torch_functional)
NAMES = [(space, name) for space, name, _ in PLACES]


def functions():
    """What torch's names mean now."""
    return {(space.__name__, name): getattr(space, name) for space, name in NAMES}


TORCHS = functions()


@pytest.fixture(autouse=True)
def _torch_is_itself_afterwards():
    yield
    assert functions() == TORCHS


# Which names


def test_every_function_of_ours_that_torch_has_is_swapped():
    with patch():
        assert all(getattr(space, name) is ours for space, name, ours in PLACES)
    assert {name for space, name in NAMES if space is torch_functional} == {
        name for name in functional.__all__ if not name.startswith("convolve")
    }


def test_torch_gets_no_names_that_it_did_not_have():
    before = [set(vars(space)) for space in SPACES]
    with patch():
        assert [set(vars(space)) for space in SPACES] == before


def test_names_bound_earlier_stay_torchs():
    with patch(), recorder(priority=1) as calls:
        early_bound(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    assert calls == []


def test_operators_below_the_names_stay_torchs():
    with patch(), recorder(priority=1) as calls:
        torch.ops.aten.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    assert calls == []


# Blocks


def test_torchs_functions_return_after_an_exception():
    with pytest.raises(ZeroDivisionError), patch():
        raise ZeroDivisionError
    assert functions() == TORCHS


def test_blocks_nest():
    with patch():
        with patch():
            assert torch.conv2d is functional.conv2d
        assert torch.conv2d is functional.conv2d
    assert functions() == TORCHS


def test_blocks_may_end_in_any_order():
    first, second = patch(), patch()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.conv2d is functional.conv2d
    second.__exit__(None, None, None)
    assert functions() == TORCHS


@pytest.mark.compatible("convert, revert, patch", "patch: from many threads")
def test_many_threads_may_open_and_close_blocks():
    wrong = []

    def work():
        for _ in range(200):
            with patch():
                if torch.conv2d is not functional.conv2d:
                    wrong.append(torch.conv2d)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_other_threads_see_the_change():
    seen = []
    with patch():
        thread = threading.Thread(target=lambda: seen.append(torch.conv2d))
        thread.start()
        thread.join()
    assert seen == [functional.conv2d]


def test_patch_is_a_decorator_too():
    @patch()
    def inside():
        return torch.conv2d

    assert inside() is functional.conv2d
    assert inside() is functional.conv2d
    assert torch.conv2d is TORCHS["torch", "conv2d"]


def test_what_somebody_else_has_put_there_returns(monkeypatch):
    def theirs(*operands):
        return TORCHS["torch", "conv2d"](*operands)

    monkeypatch.setattr(torch, "conv2d", theirs)
    with patch():
        assert torch.conv2d is functional.conv2d
    assert torch.conv2d is theirs
    monkeypatch.undo()


def test_backward_may_run_after_the_block():
    x = torch.randn(1, 1, 4, 4, requires_grad=True)
    with recorder(priority=1) as calls:
        with patch():
            y = torch_functional.avg_pool2d(x, 2)
        y.sum().backward()
    assert calls == ["avg_pool", "avg_pool_adjoint"]
    torch.testing.assert_close(x.grad, torch.full_like(x, 0.25))


# Names imported earlier


@pytest.mark.compatible("convert, revert, patch", "patch: names imported earlier")
def test_early_bound_names_are_caught_if_asked_for():
    x = torch.ones(1, 1, 3, 3)
    with patch(early_bound=True), recorder(priority=1) as calls:
        early_bound(x, x)
        early_pool(x, 2)
        functional.conv2d(x, x)
    assert calls == ["conv", "max_pool", "conv"]
    with recorder(priority=1) as calls:
        early_bound(x, x)
    assert calls == []


def test_early_bound_blocks_nest_in_each_other_and_in_plain_ones():
    x = torch.ones(1, 1, 3, 3)
    with patch(early_bound=True), patch(), patch(early_bound=True), recorder(priority=1) as calls:
        early_bound(x, x)
        torch.conv2d(x, x)
    assert calls == ["conv", "conv"]


def test_early_bound_block_ends_with_an_exception_and_refuses_as_torch_does():
    with pytest.raises(RuntimeError, match="expected input"), patch(early_bound=True):
        early_bound(torch.ones(1, 2, 3, 3), torch.ones(1, 1, 3, 3))
    with recorder(priority=1) as calls:
        early_bound(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))
    assert calls == []


def test_early_bound_names_of_other_threads_stay_torchs():
    x = torch.ones(1, 1, 3, 3)
    with patch(early_bound=True), recorder(priority=1) as calls:
        thread = threading.Thread(target=early_bound, args=(x, x))
        thread.start()
        thread.join()
    assert calls == []


def test_early_bound_names_train_on_our_kernels():
    x, w = X2.clone().requires_grad_(), W2.clone().requires_grad_()
    want = torch.autograd.grad(early_bound(x, w).square().sum(), (x, w))
    with patch(early_bound=True), borrowed() as operators:
        got = torch.autograd.grad(early_bound(x, w).square().sum(), (x, w))
    assert operators == set()
    close(got, want)


# Compiled


@pytest.mark.compatible("convert, revert, patch", "patch: compiled models compile anew")
@pytest.mark.parametrize("first", [nullcontext, patch])
def test_compiled_models_compile_anew_on_entry_and_on_exit(first, monkeypatch):
    """By a function in our function's place that Dynamo writes down by name."""
    graphs = []

    def note(graph, example):
        graphs.append([node.target.__name__ for node in graph.graph.nodes if node.op == "call_function"])
        return graph.forward

    def ours(input, weight, *words):
        return torch.sub(0.0, input)

    monkeypatch.setitem(FUNCTIONS, (torch_functional, "conv2d"), ours)
    layer, x = torch_nn.Conv2d(1, 2, 2), torch.ones(1, 1, 3, 3)
    want = layer(x)
    compiled = torch.compile(layer, backend=note, fullgraph=True)
    for block in (first, *(nullcontext, patch) * 2):
        with block():
            torch.testing.assert_close(compiled(x), want if block is nullcontext else -x)
    assert sorted(graphs) == [["conv2d"], ["sub"]]
    torch._dynamo.reset()


# Modules


@pytest.mark.compatible("convert, revert, patch", "patch: torch's modules, built before and inside")
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("when", ["before", "inside"])
@pytest.mark.parametrize(("name", "words", "options"), list(layers()))
def test_torchs_own_modules_run_on_our_kernels(name, words, options, when, batched):
    layer = getattr(torch_nn, name)(*words, **options).double()
    x = torch.randn(SHAPES[rank_of(name)], dtype=torch.float64)
    x = x if batched else x[0]
    before = computed(layer, x)
    with patch(), recorder(priority=1) as calls, borrowed() as operators:
        if when == "inside":
            state, layer = layer.state_dict(), getattr(torch_nn, name)(*words, **options).double()
            layer.load_state_dict(state)
        inside = computed(layer, x)
    assert calls
    assert operators == set()
    close(inside, before)


class Standardized(torch_nn.Conv2d):
    """A subclass with a ``forward`` of its own, which conversion leaves alone."""

    def forward(self, input):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return torch_functional.conv2d(input, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


def test_subclasses_run_on_our_kernels():
    layer, x = Standardized(2, 4, 3, padding=1).double(), torch.randn(1, 2, 5, 5, dtype=torch.float64)
    before = computed(layer, x)
    with patch(), recorder(priority=1) as calls:
        close(computed(layer, x), before)
    assert calls == ["conv", "conv_input_grad", "conv_weight_grad"]


@pytest.mark.compatible("convert, revert, patch", "patch: architectures that call functions themselves")
@pytest.mark.parametrize("name", ["bit", "unet2d", "unet3d_avg"])
def test_architectures_that_call_functions_themselves_run_on_our_kernels_alone(name):
    model, example = built(name)
    before = computed(model, example)
    with patch(), borrowed() as operators:
        inside = computed(model, example)
    assert operators == set()
    close(inside, before)


def test_our_own_modules_are_the_same_inside():
    layer, x = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), torch.randn(1, 1, 4, 4)
    want = layer(x)
    with patch():
        assert torch.equal(layer(x), want)


def test_a_function_of_torch_that_pads_inside_works():
    x = torch.randn(2, 400)
    window = torch.hann_window(64)
    want = torch.stft(x, 64, window=window, return_complex=True)
    with patch(), recorder(priority=1) as calls:
        got = torch.stft(x, 64, window=window, return_complex=True)
    assert calls == ["pad"]
    torch.testing.assert_close(got, want)


def test_a_function_of_torch_that_pools_inside_works():
    x = torch.rand(1, 2, 6, 6)
    want = torch_functional.lp_pool2d(x, 2, 3)
    with patch(), recorder(priority=1) as calls:
        got = torch_functional.lp_pool2d(x, 2, 3)
    assert calls == ["avg_pool"]
    torch.testing.assert_close(got, want)


def test_attention_pads_its_mask_inside():
    torch.manual_seed(0)
    attention, x = torch_nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True), torch.randn(5, 1, 8)
    mask = torch.zeros(1, 5, dtype=torch.bool)
    want, _ = attention(x, x, x, key_padding_mask=mask)
    with patch(), recorder(priority=1) as calls:
        got, _ = attention(x, x, x, key_padding_mask=mask)
    assert "pad" in calls
    torch.testing.assert_close(got, want)


# Calls as users write them

X = torch.randn(2, 4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
X2, X3 = X.reshape(2, 4, 3, 3), X.reshape(1, 2, 4, 3, 3)
W = torch.randn(4, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
W2, W3 = W.reshape(4, 4, 3, 1), W[:, :2].reshape(4, 2, 1, 3, 1)
B = torch.arange(4.0, dtype=torch.float64)

CALLS = [
    ("conv1d", (), {"input": X, "weight": W, "bias": B, "stride": 2, "padding": 1, "dilation": 1, "groups": 1}),
    ("conv1d", (X, W), {"padding": "same"}),
    ("conv2d", (X2, W2), {"bias": None, "stride": (1, 2), "padding": [1, 0]}),
    ("conv2d", (X2, W2[:, :2], B, 1, 1, 1, 2), {}),
    ("conv3d", (X3, W3), {"padding": "valid", "dilation": (2, 1, 1)}),
    ("conv_transpose1d", (X, W), {"stride": 2, "output_padding": 1, "padding": 1}),
    ("conv_transpose2d", (X2, W2, B, 2, 0, (0, 1), 1, 1), {}),
    ("conv_transpose3d", (), {"input": X3, "weight": W3[:2], "groups": 2, "dilation": 2}),
    ("max_pool1d", (X, 3), {}),
    ("max_pool1d", (X,), {"kernel_size": [2], "stride": [1], "padding": [1], "dilation": [2], "ceil_mode": True}),
    ("max_pool2d", (), {"input": X2, "kernel_size": 2, "stride": 1}),
    ("max_pool3d", (X3, (2, 1, 1), None, 0, 1, False), {}),
    ("avg_pool1d", (X,), {"kernel_size": 2, "stride": (), "count_include_pad": False}),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.__name__)
@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_calls_mean_what_they_meant(space, name, args, kwargs):
    torchs = getattr(space, name)
    with patch(), recorder(priority=1) as calls:
        got = getattr(space, name)(*args, **kwargs)
    assert calls
    close([got], [torchs(*args, **kwargs)])


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("avg_pool2d", (X2,), {"kernel_size": 2, "divisor_override": 3}),
        ("avg_pool3d", (X3, 2, 1, 1, True, False, None), {}),
        ("pad", (X2, (1, 1)), {}),
        ("pad", (X2,), {"pad": [0, 1, 2, 0], "mode": "constant", "value": 1.5}),
        ("pad", (X2, (1, 1, 1, 1), "reflect"), {}),
        ("pad", (), {"input": X, "pad": (2, 1), "mode": "circular"}),
        ("pad", (X2, torch.Size([1, 2])), {}),
    ],
)
def test_calls_of_functional_mean_what_they_meant(name, args, kwargs):
    want = getattr(torch_functional, name)(*args, **kwargs)
    with patch(), recorder(priority=1) as calls:
        got = getattr(torch_functional, name)(*args, **kwargs)
    assert calls
    close([got], [want])


@pytest.mark.parametrize("name", ["max_pool1d", "max_pool2d", "max_pool3d"])
def test_indices_are_returned_as_a_pair(name):
    x = {"1": X, "2": X2, "3": X3}[name[-2]]
    want = getattr(torch_functional, name)(x, 2, 1, return_indices=True)
    with patch():
        got = getattr(torch_functional, name)(x, 2, 1, return_indices=True)
    assert all(torch.equal(y, z) for y, z in zip(got, want, strict=True))


def test_errors_are_torchs():
    with pytest.raises(RuntimeError) as want:
        torch.conv2d(X, W)
    with patch(), pytest.raises(RuntimeError) as got:
        torch.conv2d(X, W)
    assert str(got.value) == str(want.value)


@pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)
def test_every_layers_errors_are_torchs(name, words):
    layer = getattr(torch_nn, name)(**words)
    bad = (torch.zeros(2), torch.zeros(1, 1, 2, 2, 2, 2), torch.zeros(2, 4, 3, 3, 3, dtype=torch.bool))
    for x in bad:
        wanted = error(layer, x)
        with patch():
            assert error(layer, x) == wanted


def error(layer, x):
    try:
        layer(x)
    except Exception as why:  # noqa: BLE001 torch raises many kinds, and the kind is what is compared
        return type(why), str(why)
    return None
