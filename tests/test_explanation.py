"""Which backend ran each layer, what it keeps for backward, who refused; and nothing is left behind."""

import copy
from contextlib import contextmanager

import pytest
import torch
from torch import nn as torch_nn

from scratchlayers import convert, explain, nn, use_backend
from scratchlayers import functional as F
from scratchlayers.contract import Backend
from scratchlayers.explanation import Layer, observe

from .architectures import built
from .nn.build import USUAL, rank_of, usual
from .registries import recorder, recording, registered

CONV = ("conv", "conv_input_grad", "conv_weight_grad")
KERNELS = {
    "Conv": CONV,
    "ConvTranspose": ("conv_input_grad", "conv", "conv_weight_grad"),
    "MaxPool": ("max_pool", "scatter"),
    "AvgPool": ("avg_pool", "avg_pool_adjoint"),
    "AdaptiveMaxPool": ("pad", "max_pool", "scatter", "pad_adjoint"),
    "AdaptiveAvgPool": ("pad", "avg_pool", "avg_pool_adjoint", "pad_adjoint"),
    "LPPool": ("avg_pool", "avg_pool_adjoint"),
    "ZeroPad": ("pad", "pad_adjoint"),
    "ConstantPad": ("pad", "pad_adjoint"),
    "ReflectionPad": ("pad", "pad_adjoint"),
    "ReplicationPad": ("pad", "pad_adjoint"),
    "CircularPad": ("pad", "pad_adjoint"),
    "Unfold": ("unfold", "fold"),
    "Fold": ("fold", "unfold"),
}
SHAPES = {1: (2, 3, 8), 2: (2, 3, 8, 6), 3: (2, 3, 4, 6, 8)}


def layer(name):
    shape = SHAPES[rank_of(name)]
    return getattr(nn, name)(*usual(name, shape)), torch.randn(shape)


def network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))


def hooks(model):
    return [(module._forward_hooks, module._forward_pre_hooks) for module in model.modules()]


# Rows


def test_every_call_of_a_layer_of_ours_is_a_row_in_order():
    rows = observe(network(), torch.ones(2, 1, 8, 8))
    assert [(row.name, row.kind, row.output) for row in rows] == [
        ("0", "Conv2d", (2, 4, 6, 6)),
        ("2", "MaxPool2d", (2, 4, 3, 3)),
    ]
    assert all(isinstance(row, Layer) for row in rows)


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("name", USUAL)
def test_every_class_tells_its_kernels_and_its_output(name, batched):
    module, x = layer(name)
    x = x if batched else x[0]
    (row,) = observe(module, x)
    assert (row.name, row.kind, row.output) == ("the model itself", name, tuple(module(x).shape))
    assert row.backends == dict.fromkeys(KERNELS.get(name) or KERNELS[name[:-2]], "numba")
    assert row.refusals == {kernel: {} for kernel in row.backends}


@pytest.mark.parametrize("name", USUAL)
def test_the_kernels_that_are_told_are_those_that_run(name):
    module, x = layer(name)
    with recorder(priority=1) as calls:
        (row,) = observe(module, x)
        module(x.requires_grad_()).sum().backward()
    assert set(row.backends.values()) == {"recorder"}
    assert set(calls) <= set(row.backends)
    if "Conv" in name:
        assert len(set(calls)) == 3
    else:
        assert set(calls) == set(row.backends)


def test_a_padding_mode_adds_the_kernels_of_padding():
    (row,) = observe(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), torch.ones(1, 1, 4, 4))
    assert list(row.backends) == [*CONV, "pad", "pad_adjoint"]


def test_a_module_called_twice_has_two_rows():
    class Twice(torch_nn.Module):
        def __init__(self):
            super().__init__()
            self.pad = nn.ZeroPad1d(1)

        def forward(self, x):
            return self.pad(self.pad(x))

    rows = observe(Twice(), torch.ones(1, 1, 4))
    assert [(row.name, row.output) for row in rows] == [("pad", (1, 1, 6)), ("pad", (1, 1, 8))]


def test_a_layer_called_with_keywords_is_seen():
    class Named(torch_nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.ConvTranspose1d(1, 1, 3, stride=2)

        def forward(self, x):
            return self.conv(input=x, output_size=[10])

    (row,) = observe(Named(), torch.ones(1, 1, 4))
    assert row.output == (1, 1, 10)


def test_a_pair_of_results_shows_the_first():
    (row,) = observe(nn.MaxPool1d(2, return_indices=True), torch.ones(1, 1, 4))
    assert row.output == (1, 1, 2)


def test_the_model_may_take_several_examples():
    class Sum(torch_nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.AvgPool1d(2)

        def forward(self, x, y):
            return self.pool(x + y)

    assert observe(Sum(), torch.ones(1, 1, 4), torch.ones(1, 1, 4))[0].output == (1, 1, 2)


def test_subclasses_and_parametrized_modules_of_ours_are_seen():
    class Mine(nn.Conv2d):
        pass

    model = nn.Sequential(Mine(1, 1, 1), torch_nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 1, 1)))
    rows = observe(model, torch.ones(1, 1, 2, 2))
    assert [(row.name, row.kind) for row in rows] == [("0", "Mine"), ("1", "ParametrizedConv2d")]
    assert all(tuple(row.backends) == CONV for row in rows)


def test_an_architecture_of_other_people_is_seen_call_by_call():
    model, example = built("unet3d")
    convert(model)
    ours = [name for name, module in model.named_modules() if hasattr(module, "_chosen")]
    assert sorted(row.name for row in observe(model, example)) == sorted(ours)


# Backends and refusals


def test_the_wanted_backend_is_named_and_what_it_refuses_goes_on():
    with recorder(kernels=["conv"]), use_backend("recorder"):
        row, pool = observe(network(), torch.ones(1, 1, 8, 8))
    assert row.backends == {"conv": "recorder", "conv_input_grad": "numba", "conv_weight_grad": "numba"}
    assert row.refusals["conv"] == {}
    assert row.refusals["conv_input_grad"] == {"recorder": "has no conv_input_grad"}
    assert pool.refusals["scatter"] == {"recorder": "has no scatter"}


def test_a_modules_own_choice_is_told():
    model = network()
    model[2].backend = "numpy"
    conv, pool = observe(model, torch.ones(1, 1, 8, 8))
    assert set(conv.backends.values()) == {"numba"}
    assert set(pool.backends.values()) == {"numpy"}


def test_the_dtype_decides_who_runs():
    model = nn.AvgPool1d(2)
    with recorder(priority=1, dtypes=frozenset({torch.float64})):
        (wide,) = observe(model, torch.ones(1, 1, 4, dtype=torch.float64))
        (narrow,) = observe(model, torch.ones(1, 1, 4))
    assert wide.backends["avg_pool"] == "recorder"
    assert narrow.backends["avg_pool"] == "numba"
    assert narrow.refusals["avg_pool"] == {"recorder": "has no kernels for torch.float32"}


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.ConstantPad1d(1, 0.0), (1, 1, 5, 5)),
        (nn.ZeroPad2d(1), (5, 5)),
        (nn.ZeroPad1d(1), (1, 2, 3, 4, 5)),
        (nn.ReflectionPad2d(1), (3, 5, 5)),
        (nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), (1, 5)),
    ],
)
def test_the_rank_decides_who_pads(module, shape):
    """Constant padding of images by a 1-d module runs over as many axes as the images have."""
    for rank in (1, 2, 3):
        with recorder(priority=1, kernels=["pad"], ranks=frozenset({rank})) as calls:
            (row,) = observe(module, torch.ones(shape))
        assert (row.backends["pad"] == "recorder") == (calls == ["pad"])


# Algorithms


class Knowing(Backend):
    """A backend that says how it computes some of its kernels."""

    @contextmanager
    def watch(self):
        yield (noted := {})
        noted.update({"conv": "magic, fewer products", "conv_weight_grad": "magic, fewer products", "pad": "scissors"})


def knowing(**limits):
    backend, _ = recording("knowing", priority=1, **limits)
    return registered(Knowing(backend.name, backend.kernels, backend.devices, priority=1))


def test_algorithms_are_told_of_the_kernels_that_the_layer_has(capsys):
    with knowing():
        (row,) = observe(nn.Conv2d(1, 1, 3), torch.ones(1, 1, 4, 4))
        explain(nn.Conv2d(1, 1, 3), torch.ones(1, 1, 4, 4))
    assert row.algorithms == {"conv": "magic, fewer products", "conv_weight_grad": "magic, fewer products"}
    assert "  by magic, fewer products (conv, conv_weight_grad)\n" in capsys.readouterr().out


def test_algorithms_are_told_only_of_what_their_backend_runs():
    with knowing(kernels=("pad", "conv_weight_grad")):
        conv, pool = observe(network(), torch.ones(1, 1, 8, 8))
    assert {name for name, words in conv.algorithms.items() if words == "magic, fewer products"} == {"conv_weight_grad"}
    assert pool.algorithms == {}


@use_backend("torch")
def test_backends_without_algorithms_say_nothing(capsys):
    explain(network(), torch.ones(1, 1, 8, 8))
    assert "  by " not in capsys.readouterr().out


# What is kept


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_convolution_keeps_its_input_and_no_parameter(dtype, batched):
    x = torch.ones(2, 3, 8, 6, dtype=dtype)
    x = x if batched else x[0]
    (row,) = observe(nn.Conv2d(3, 5, 3, padding=1).to(dtype), x)
    assert row.saved_bytes == x.nbytes


def test_a_transposed_convolution_keeps_its_input_and_no_parameter():
    x = torch.ones(2, 3, 8)
    (row,) = observe(nn.ConvTranspose1d(3, 2, 3, stride=2), x)
    assert row.saved_bytes == x.nbytes


def test_a_convolution_with_a_padding_mode_keeps_its_input_and_not_the_padded_one():
    x = torch.ones(2, 3, 8, 8)
    (row,) = observe(nn.Conv2d(3, 5, 3, padding=1, padding_mode="reflect"), x)
    assert row.saved_bytes == 2 * 3 * 8 * 8 * 4


@pytest.mark.parametrize(("kernel", "each"), [(2, 1), (16, 1), (17, 4)])
def test_a_max_pooling_keeps_one_small_integer_an_output(kernel, each):
    (row,) = observe(nn.MaxPool2d(kernel), torch.randn(2, 3, 34, 34, requires_grad=True))
    outputs = 2 * 3 * (34 // kernel) ** 2
    assert row.saved_bytes == each * outputs


@pytest.mark.parametrize("name", [name for name in USUAL if name.startswith("AvgPool") or "Pad" in name])
def test_average_pooling_and_padding_keep_nothing(name):
    module, x = layer(name)
    module.value = 0.0
    (row,) = observe(module, x.requires_grad_())
    assert row.saved_bytes == 0


def test_padding_with_another_constant_keeps_nothing():
    (row,) = observe(nn.ConstantPad2d(1, 0.5), torch.randn(2, 3, 8, 6, requires_grad=True))
    assert row.saved_bytes == 0


def test_a_frozen_layer_on_a_plain_input_keeps_nothing():
    (row,) = observe(nn.Conv2d(3, 5, 3).requires_grad_(False), torch.ones(2, 3, 8, 8))
    assert row.saved_bytes == 0


def test_only_our_layers_are_charged():
    """What the activation between them keeps is not theirs."""
    x = torch.ones(1, 1, 8, 8)
    rows = observe(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sigmoid(), nn.AvgPool2d(2)), x)
    assert [row.saved_bytes for row in rows] == [x.nbytes, 0]


def test_it_is_what_autograd_really_keeps():
    """The kit's own count, of everything that a model of our layers saves, parameters left out."""
    model, x = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 2, 2)), torch.randn(2, 1, 9, 9)
    parameters = {parameter.data_ptr() for parameter in model.parameters()}
    kept = {}

    def pack(tensor):
        if tensor.data_ptr() not in parameters:
            kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = model(x)
    assert sum(row.saved_bytes for row in observe(model, x)) == sum(kept.values())
    assert y.requires_grad


class Branches(torch_nn.Module):
    def __init__(self):
        super().__init__()
        self.long, self.short = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 1)

    def forward(self, x):
        return self.long(x) + self.short(x)


@use_backend("torch")
def test_what_two_layers_keep_together_is_counted_once_in_the_sum(capsys):
    explain(Branches(), torch.ones(1, 1, 4, 4))
    *rows, total = lines(capsys)
    assert all("saves       64 B" in row for row in rows)
    assert total == "2 calls of hand-written layers, 64 B kept for backward"


# Nothing is left behind


@pytest.mark.parametrize("around", [torch.no_grad, torch.enable_grad, lambda: torch.set_grad_enabled(False)])
def test_the_callers_mode_does_not_matter_and_stays(around):
    x = torch.ones(1, 1, 8, 8)
    with around():
        before = torch.is_grad_enabled()
        rows = observe(network().eval(), x)
        assert torch.is_grad_enabled() is before
    assert rows[0].saved_bytes == x.nbytes


def test_the_model_is_what_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2))
    before, hooked = copy.deepcopy(model.state_dict()), copy.deepcopy(hooks(model))
    observe(model, torch.randn(2, 1, 8, 8))
    assert hooks(model) == hooked
    assert model.training
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_lazy_model_is_seen():
    model = nn.Sequential(nn.ZeroPad2d(1), torch_nn.LazyConv2d(2, 1), torch_nn.LazyBatchNorm2d())
    (row,) = observe(model, torch.ones(2, 1, 2, 2))
    assert row.output == (2, 1, 4, 4)


class Fails(torch_nn.Module):
    def forward(self, x):
        raise ZeroDivisionError("the model's own mistake")


@pytest.mark.parametrize("where", ["in the layer", "after the layer"])
def test_an_exception_in_the_model_is_raised_and_leaves_nothing(where):
    model = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(1, 1, 3), Fails())
    channels, error = (2, RuntimeError) if where == "in the layer" else (1, ZeroDivisionError)
    hooked = copy.deepcopy(hooks(model))
    with pytest.raises(error):
        observe(model, torch.ones(1, channels, 5, 5))
    assert hooks(model) == hooked
    assert torch._C._autograd._top_saved_tensors_default_hooks(True) is None
    assert len(observe(model[:2], torch.ones(1, 1, 5, 5))) == 2


def test_an_unknown_backend_leaves_nothing():
    model = network()
    model[2].backend = "nunpy"
    hooked = copy.deepcopy(hooks(model))
    with pytest.raises(LookupError, match="did you mean 'numpy'"):
        observe(model, torch.ones(1, 1, 8, 8))
    assert hooks(model) == hooked
    assert torch._C._autograd._top_saved_tensors_default_hooks(True) is None


def test_an_interruption_leaves_nothing(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    monkeypatch.setattr(model[0], "_conv_forward", interrupted)
    hooked = copy.deepcopy(hooks(model))
    try:
        with pytest.raises(KeyboardInterrupt):
            observe(model, torch.ones(1, 1, 5, 5))
        assert hooks(model) == hooked
        assert torch._C._autograd._top_saved_tensors_default_hooks(True) is None
    finally:  # whatever this test finds, the others begin with nothing left
        while torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
            torch._C._autograd._pop_saved_tensors_default_hooks()


def test_saved_tensor_hooks_of_the_caller_still_see_the_rest():
    packed = []

    def pack(tensor):
        packed.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        observe(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sigmoid()), torch.ones(1, 1, 2, 2))
    assert packed == [(1, 1, 2, 2)]


# The table


def lines(capsys):
    return capsys.readouterr().out.splitlines()


@use_backend("torch")
def test_the_table_has_a_line_a_call_and_the_sum(capsys):
    assert explain(network(), torch.ones(2, 1, 8, 8)) is None
    assert lines(capsys) == [
        "0 (Conv2d)     torch    saves      512 B for backward, output (2, 4, 6, 6)",
        "2 (MaxPool2d)  torch    saves       72 B for backward, output (2, 4, 3, 3)",
        "2 calls of hand-written layers, 584 B kept for backward",
    ]


def test_the_table_tells_refusals_kernel_by_kernel(capsys):
    with recorder(kernels=["conv"]), use_backend("recorder"):
        explain(nn.Conv2d(1, 1, 3), torch.ones(1, 1, 4, 4))
    first, second, _ = lines(capsys)
    assert "numba, recorder" in first
    assert second.strip() == "recorder: has no such kernel (conv_input_grad, conv_weight_grad)"


def test_the_table_repeats_a_backends_own_words(capsys):
    class Seasonal(Backend):
        def refuses(self, kernel, device, dtype, rank):
            return "convolves only in spring"

    with registered(Seasonal("seasonal", {}, frozenset({"cpu"}), priority=1)):
        explain(nn.Conv2d(1, 1, 3), torch.ones(1, 1, 4, 4))
    assert lines(capsys)[2].strip() == "seasonal: convolves only in spring (conv, conv_input_grad, conv_weight_grad)"


@pytest.mark.parametrize(
    ("count", "shown"), [(100, "400 B"), (256, "1.0 KiB"), (2**20, "4.0 MiB"), (2**18 - 1, "1024.0 KiB")]
)
def test_the_table_shows_bytes_in_readable_units(capsys, count, shown):
    explain(nn.Conv1d(1, 1, 1), torch.ones(1, 1, count))
    assert f"{shown} for backward" in lines(capsys)[0]


def test_a_model_without_our_layers_says_so_and_why(capsys):
    explain(torch_nn.Sequential(torch_nn.Conv2d(1, 1, 3), torch_nn.ReLU()), torch.ones(1, 1, 4, 4))
    assert lines(capsys) == [
        "0 calls of hand-written layers, 0 B kept for backward",
        "0 is not ours: not converted yet",
    ]


def test_what_was_left_alone_is_told_with_the_reason(capsys):
    model = torch_nn.Sequential(torch_nn.MaxPool2d(2), torch_nn.MaxPool2d(2))
    model[1].forward = lambda x: x
    explain(convert(model), torch.ones(1, 1, 4, 4))
    assert lines(capsys)[-1] == "1 is not ours: its forward was replaced on the instance"


def test_subclasses_of_other_people_are_rows_once_converted():
    model, example = built("depthwise_efficientnet")
    kinds = [row.kind for row in observe(convert(model), example)]
    assert kinds.count("EfficientNetDepthwiseConv2d") == 10


def test_an_input_may_be_given_by_any_name():
    class Named(torch_nn.MaxPool2d):
        def forward(self, x):
            return super().forward(x)

    class Giving(torch_nn.Sequential):
        def forward(self, x):
            return self[0](x=x)

    (row,) = observe(convert(Giving(Named(2))), torch.ones(1, 1, 4, 4))
    assert row.output == (1, 1, 2, 2)


def test_functions_called_without_a_module_are_not_rows():
    class Bare(torch_nn.Module):
        def forward(self, x):
            return F.avg_pool1d(x, 2)

    assert observe(Bare(), torch.ones(1, 1, 4)) == []
