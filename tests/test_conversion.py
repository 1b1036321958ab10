"""Models of other people become ours in place, compute the same, and become theirs again."""

import copy
import io
import logging
import pickle
import warnings
from types import SimpleNamespace

import numpy
import pytest
import torch
from torch import nn as torch_nn

from scratchlayers import convert, left_alone, nn, report, revert
from scratchlayers.conversion import Report
from scratchlayers.nn.choice import Chooses

from .architectures import ARCHITECTURES, built, computed
from .nn.build import USUAL, rank_of, usual
from .operators import borrowed
from .registries import recorder

TORCHS = tuple(getattr(torch_nn, name) for name in USUAL)
SHAPES = {1: (2, 2, 8), 2: (2, 2, 8, 7), 3: (2, 2, 6, 5, 7)}


def close(ours, torchs):
    for y, z in zip(ours, torchs, strict=True):
        torch.testing.assert_close(y, z, rtol=1e-9, atol=1e-9)


def classes(model):
    return {name: type(module) for name, module in model.named_modules()}


def family(model):
    """The modules that could be ours, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, TORCHS)}


def small():
    torch.manual_seed(0)
    return torch_nn.Sequential(
        torch_nn.Conv2d(1, 4, 3, padding=1),
        torch_nn.ReLU(inplace=True),
        torch_nn.MaxPool2d(2),
        torch_nn.ConvTranspose2d(4, 2, 2, stride=2),
        torch_nn.Flatten(),
        torch_nn.Linear(32, 3),
    ).double()


def digits():
    return torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


# Architectures of other people


@pytest.fixture(scope="module", params=ARCHITECTURES)
def story(request):
    """What a model was, what it computed, and the same after its conversion."""
    model, example = built(request.param)
    old = SimpleNamespace(
        classes=classes(model), state=model.state_dict(keep_vars=True), results=computed(model, example)
    )
    assert convert(model) is model
    new = SimpleNamespace(
        classes=classes(model), state=model.state_dict(keep_vars=True), results=computed(model, example)
    )
    return SimpleNamespace(name=request.param, model=model, example=example, old=old, new=new)


@pytest.mark.compatible("convert, revert, patch", "real models: outputs and all gradients")
def test_outputs_and_all_gradients_are_torchs(story):
    assert story.old.results[0].abs().max() > 1e-2  # a model whose output has faded would prove nothing
    close(story.new.results, story.old.results)


@pytest.mark.compatible("convert, revert, patch", "real models: state_dict, the same objects")
def test_state_is_the_same_objects_under_the_same_keys(story):
    assert list(story.new.state) == list(story.old.state)
    assert all(story.new.state[key] is tensor for key, tensor in story.old.state.items())


def test_every_class_of_the_family_is_ours_and_only_those(story):
    for name, old in story.old.classes.items():
        new = story.new.classes[name]
        if old in TORCHS:
            assert new is getattr(nn, old.__name__), name
        else:
            assert new is old if not issubclass(old, TORCHS) else issubclass(new, Chooses), name
            assert new.__name__ == old.__name__


def test_nothing_is_left_alone(story):
    assert left_alone(story.model) == {}
    assert set(report(story.model).ours) == set(family(story.model))


@pytest.mark.compatible("convert, revert, patch", "real models: no operator of torch's family runs")
def test_no_operator_of_torch_runs(story):
    with borrowed() as operators:
        computed(story.model, story.example)
    cropping = story.name in ("unet2d", "unet3d_avg")  # by F.pad in a module of their own, which patch() covers
    assert operators == ({"constant_pad_nd"} if cropping else set())


@pytest.mark.compatible("convert, revert, patch", "real models: training")
def test_a_few_steps_of_training_lead_to_the_same_weights(story):
    ours, torchs = copy.deepcopy(story.model), revert(copy.deepcopy(story.model))
    for model in (ours.train(), torchs.train()):
        steps = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
        torch.manual_seed(0)
        numpy.random.seed(0)  # wav2vec2 masks by it
        for _ in range(3):
            steps.zero_grad()
            tensor(model(story.example)).square().mean().backward()
            steps.step()
    before = story.model.parameters()
    assert any(not torch.equal(y, z) for y, z in zip(ours.parameters(), before, strict=True))
    close(ours.state_dict().values(), torchs.state_dict().values())


def tensor(y):
    while not isinstance(y, torch.Tensor):
        y = y[0]
    return y


def test_a_module_whose_forward_was_replaced_is_left_alone():
    model = torch_nn.Sequential(torch_nn.MaxPool2d(2))
    model[0].forward = lambda x: x
    assert type(convert(model)[0]) is torch_nn.MaxPool2d
    assert left_alone(model) == {"0": "its forward was replaced on the instance"}


def test_operators_of_torch_would_be_noticed():
    with borrowed() as operators:
        computed(small(), digits())
    assert {"convolution", "convolution_backward", "max_pool2d_with_indices"} <= operators


def test_copies_are_ours_and_compute_the_same(story):
    twin = copy.deepcopy(story.model)
    assert classes(twin) == story.new.classes
    close(computed(twin, story.example), story.new.results)


# torch's parametrized modules, as wav2vec2 has one, cannot be pickled, converted or not
@pytest.mark.compatible("convert, revert, patch", "real models: pickle")
@pytest.mark.parametrize("story", [name for name in ARCHITECTURES if name != "wav2vec2"], indirect=True)
def test_pickles_are_ours_and_compute_the_same(story):
    twin = pickle.loads(pickle.dumps(story.model))
    assert classes(twin) == story.new.classes
    close(computed(twin, story.example), story.new.results)


def test_checkpoints_go_both_ways(story):
    file = io.BytesIO()
    torch.save(story.model.state_dict(), file)
    file.seek(0)
    theirs, _ = built(story.name)
    theirs.load_state_dict(torch.load(file, weights_only=True), strict=True)
    story.model.load_state_dict(theirs.state_dict(), strict=True)


def test_second_conversion_changes_nothing(story):
    assert classes(convert(story.model)) == story.new.classes


@pytest.mark.compatible("convert, revert, patch", "real models: revert")
def test_reverted_model_is_what_it_was_to_the_bit(story):
    twin = copy.deepcopy(story.model)
    before = twin.state_dict(keep_vars=True)
    assert revert(twin) is twin
    assert classes(twin) == story.old.classes
    assert all(tensor is before[key] for key, tensor in twin.state_dict(keep_vars=True).items())
    for y, z in zip(computed(twin, story.example), story.old.results, strict=True):
        torch.testing.assert_close(y, z, rtol=0, atol=0)
    assert classes(revert(twin)) == story.old.classes


# Every class


def layers():
    """One module of every class, and those with words that their ``forward`` reads."""
    for name in USUAL:
        yield pytest.param(name, usual(name, SHAPES[rank_of(name)]), {}, id=name)
    for mode in ("reflect", "replicate", "circular"):
        yield pytest.param(
            "Conv2d", (2, 4, 3), {"padding": (2, 1), "padding_mode": mode, "groups": 2}, id=f"Conv2d-{mode}"
        )
    for name, words, options in [
        ("Conv1d", (2, 3, 2), {"padding": "same", "dilation": 2, "bias": False}),
        ("Conv3d", (2, 2, (1, 2, 3)), {"stride": (2, 1, 1), "padding": (0, 1, 2)}),
        ("ConvTranspose2d", (2, 2, 3), {"stride": 2, "output_padding": 1, "padding": 1, "dilation": (1, 2)}),
        ("MaxPool1d", (3,), {"stride": 1, "padding": 1, "dilation": 2}),
        ("MaxPool2d", (3, 2), {"padding": 1, "ceil_mode": True, "return_indices": True}),
        ("AvgPool2d", (3, 2), {"padding": 1, "ceil_mode": True, "count_include_pad": False}),
        ("AvgPool3d", (2,), {"divisor_override": 3}),
        ("ZeroPad2d", ((1, -1, 0, 2),), {}),
    ]:
        yield pytest.param(name, words, options, id=f"{name}-{'-'.join(options)}")


@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize(("name", "words", "options"), list(layers()))
def test_converted_layer_computes_what_it_did(name, words, options, batched):
    layer = getattr(torch_nn, name)(*words, **options).double()
    x = torch.randn(SHAPES[rank_of(name)], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x if batched else x[0]
    before, shown = computed(layer, x), repr(layer)
    assert convert(layer) is layer
    assert type(layer) is getattr(nn, name)
    assert repr(layer) == shown
    close(computed(layer, x), before)
    assert type(revert(layer)) is getattr(torch_nn, name)


@pytest.mark.parametrize("name", [name for name in USUAL if name.startswith("MaxPool")])
def test_converted_max_pool_returns_torchs_indices(name):
    layer = getattr(torch_nn, name)(2, stride=1, return_indices=True)
    x = torch.randn(SHAPES[int(name[-2])])
    want = layer(x)
    got = convert(layer)(x)
    assert all(torch.equal(y, z) for y, z in zip(got, want, strict=True))


def test_converted_transposed_convolution_takes_an_output_size():
    layer, x = torch_nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1).double(), torch.randn(1, 2, 4, 4).double()
    want = layer(x, output_size=(8, 7))
    torch.testing.assert_close(convert(layer)(x, output_size=(8, 7)), want)


@pytest.mark.parametrize(
    ("name", "words", "backend"),
    [
        ("Conv2d", (2, 2, 3), "torch"),
        ("Conv2d", (2, 2, 3), "numpy"),
        ("ConvTranspose1d", (2, 2, 3), "torch"),
        ("ConvTranspose1d", (2, 2, 3), "numpy"),
        ("MaxPool2d", (2,), "numpy"),
        ("AvgPool3d", (2,), "torch"),
        ("ReflectionPad1d", (1,), "torch"),
    ],
)
def test_converted_layer_trains_under_autocast_in_torchs_dtypes(name, words, backend):
    torch.manual_seed(0)
    layer = getattr(torch_nn, name)(*words)
    x = torch.ones(SHAPES[int(name[-2])], requires_grad=True)
    results = []
    for module in (layer, convert(copy.deepcopy(layer))):
        module.backend = backend
        with torch.autocast("cpu", torch.bfloat16):
            y = module(x)
        gradients = torch.autograd.grad(y.float().square().sum(), [x, *module.parameters()])
        results.append([y, *gradients])
    for got, want in zip(*reversed(results), strict=True):
        assert got.dtype == want.dtype
        torch.testing.assert_close(got.bfloat16(), want.bfloat16())  # float32 gradients, too, come through bfloat16


def test_the_model_itself_may_be_the_layer():
    conv = torch_nn.Conv2d(1, 1, 3)
    assert type(convert(conv)) is nn.Conv2d


def test_a_model_without_such_layers_is_left_as_it_is():
    model = torch_nn.Sequential(torch_nn.Linear(2, 2), torch_nn.ReLU())
    before = classes(model)
    assert classes(convert(model)) == before
    assert left_alone(model) == {}


# What hangs on a model survives


def test_hooks_run_and_can_be_removed_after_the_conversion():
    model, seen = small(), []
    model[1].inplace = False  # what a backward hook is on cannot be changed in place
    conv = model[0]
    handles = [
        conv.register_forward_pre_hook(lambda module, args: seen.append("before")),
        conv.register_forward_hook(lambda module, args, y: seen.append("after")),
        conv.register_full_backward_hook(lambda module, gx, gy: seen.append("backward")),
        conv.weight.register_hook(lambda gw: seen.append("weight")),
    ]
    convert(model)(digits().requires_grad_()).sum().backward()
    assert sorted(seen) == ["after", "backward", "before", "weight"]
    for handle in handles:
        handle.remove()
    model(digits()).sum().backward()
    assert len(seen) == 4


@pytest.mark.compatible("convert, revert, patch", "optimizers go on with their state")
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_an_optimizer_goes_on_with_its_state(optimizer):
    options = {"lr": 0.1, "momentum": 0.9} if optimizer is torch.optim.SGD else {"lr": 0.1}
    ours, torchs = small(), small()
    pair = [(model, optimizer(model.parameters(), **options)) for model in (ours, torchs)]
    for step in range(4):
        if step == 2:
            convert(ours)
        for model, steps in pair:
            steps.zero_grad()
            model(digits()).square().mean().backward()
            steps.step()
    close(ours.parameters(), torchs.parameters())
    assert not torch.equal(ours[0].weight, small()[0].weight)


def test_training_and_frozen_flags_stay():
    model = small().eval()
    model[0].weight.requires_grad_(False)
    convert(model)
    assert not model[0].training
    assert not model[0].weight.requires_grad
    model(digits()).sum().backward()
    assert model[0].weight.grad is None
    assert model[0].bias.grad is not None


def test_a_module_used_twice_stays_one_module():
    conv = torch_nn.Conv1d(1, 1, 1)
    model = convert(torch_nn.Sequential(conv, conv))
    assert model[0] is model[1] is conv
    assert type(conv) is nn.Conv1d


def test_old_style_weight_normalisation_goes_on():
    model = torch_nn.Sequential(torch_nn.utils.spectral_norm(torch_nn.Conv2d(1, 2, 3))).double().eval()
    before = computed(model, digits())
    convert(model)
    assert type(model[0]) is nn.Conv2d
    close(computed(model, digits()), before)


@pytest.mark.parametrize(
    "norm", [torch_nn.utils.parametrizations.weight_norm, torch_nn.utils.parametrizations.orthogonal]
)
def test_parametrized_after_the_conversion_is_still_ours(norm):
    model = convert(torch_nn.Sequential(torch_nn.Conv2d(1, 2, 3)).double())
    norm(model[0])
    assert left_alone(model) == {}
    with recorder() as calls:
        model[0].backend = "recorder"
        computed(model, digits())
    assert calls == ["conv", "conv_input_grad", "conv_weight_grad"]


def test_a_method_replaced_on_the_instance_stays_replaced():
    model = small()
    model[0]._conv_forward = lambda x, w, b: torch.zeros(3, 4, 4, 4, dtype=x.dtype)
    before = model(digits())
    torch.testing.assert_close(convert(model)(digits()), before)


# What is left alone


def test_what_is_left_alone_is_reported_and_logged(caplog):
    model = torch_nn.Sequential(torch_nn.Conv2d(1, 1, 3), torch_nn.MaxPool2d(2), torch_nn.ReLU())
    model[1].forward = lambda x: x
    with caplog.at_level(logging.WARNING, "scratchlayers"):
        convert(model)
    assert [type(module) for module in model] == [nn.Conv2d, torch_nn.MaxPool2d, torch_nn.ReLU]
    (record,) = caplog.records
    assert record.name == "scratchlayers"
    assert record.getMessage() == "convert left 1 alone: its forward was replaced on the instance"
    assert report(model) == Report({"0": "Conv2d"}, {"1": "its forward was replaced on the instance"})
    convert(model[1])
    assert caplog.messages[1].startswith("convert left the model itself alone: ")


def test_report_reads_well():
    model = torch_nn.Sequential(torch_nn.Conv2d(1, 1, 3), torch_nn.MaxPool2d(2))
    assert str(report(model)) == "2 left alone\n  0  not converted yet\n  1  not converted yet"
    convert(model[0])
    assert str(report(model)) == "1 ours\n  0  Conv2d\n1 left alone\n  1  not converted yet"
    assert str(report(torch_nn.ReLU())) == ""


def test_compiled_to_torchscript_is_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.script(torch_nn.Sequential(torch_nn.Conv2d(1, 1, 3), torch_nn.ReLU()))
    assert left_alone(convert(model)) == {"0": "it was compiled by torch.jit: convert first, compile then"}


def test_a_converted_model_without_subclasses_logs_nothing(caplog):
    convert(small())
    assert caplog.records == []


def test_what_is_not_converted_yet_is_reported_so():
    assert left_alone(small()) == dict.fromkeys("023", "not converted yet")


def test_lazy_modules_are_converted_before_they_know_their_size():
    model = torch_nn.Sequential(torch_nn.LazyConv2d(2, 3))
    assert type(convert(model)[0]) is nn.LazyConv2d
    assert type(revert(model)[0]) is torch_nn.LazyConv2d
    convert(model)(torch.ones(1, 1, 4, 4))
    assert type(model[0]) is nn.Conv2d
    assert left_alone(model) == {}


def test_subclasses_of_ours_are_ours():
    class Mine(nn.Conv2d):
        pass

    model = torch_nn.Sequential(Mine(1, 1, 3))
    assert left_alone(model) == {}
    assert type(revert(model)[0]) is Mine


# What torch does not know stays ours

EXTENSIONS = [
    (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), "padding='same' with stride=(2, 2)"),
    (lambda: nn.Conv1d(1, 1, 3, padding=((2, 0),)), "padding=((2, 0),) for each side"),
    (lambda: nn.ConvTranspose1d(1, 1, 3, padding=((2, 0),)), "padding=((2, 0),) for each side"),
    (lambda: nn.MaxPool2d(2, padding="same"), "padding='same'"),
    (lambda: nn.AvgPool2d(2, padding="full"), "padding='full'"),
    (lambda: nn.AvgPool1d(2, padding="same"), "padding='same'"),
    (lambda: nn.MaxPool1d(3, padding=((1, 2),)), "padding=((1, 2),) for each side"),
]


@pytest.mark.parametrize(("build", "what"), EXTENSIONS, ids=[what for _, what in EXTENSIONS])
def test_what_torch_does_not_know_stays_ours_with_a_warning(build, what, caplog):
    model = torch_nn.Sequential(build(), nn.ZeroPad1d(1))
    kind = type(model[0])
    revert(model)
    assert [type(module) for module in model] == [kind, torch_nn.ZeroPad1d]
    (message,) = caplog.messages
    assert message.startswith(f"revert left 0 alone: torch has no {what}")


@pytest.mark.parametrize("padding", ["full", "same", "valid", 1])
def test_what_torch_knows_is_reverted_and_computes_the_same(padding, caplog):
    model = torch_nn.Sequential(nn.Conv2d(1, 1, 3, padding=padding)).double()
    before = computed(model, digits())
    assert type(revert(model)[0]) is torch_nn.Conv2d
    assert caplog.records == []
    close(computed(model, digits()), before)


def test_models_built_of_ours_revert_too():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReplicationPad2d(1)).double()
    before = computed(model, digits())
    revert(model)
    assert {type(module).__module__.split(".")[0] for module in model.modules()} == {"torch"}
    close(computed(model, digits()), before)


# In place, after our layers


@pytest.mark.parametrize("backend", ["torch", "numpy"])
@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 2, 4, 4)], ids=["unbatched", "batched"])
@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.Conv2d(2, 2, 3),
        lambda nn: nn.Conv2d(2, 2, 1, bias=False),
        lambda nn: nn.Conv2d(2, 2, 2, stride=2, groups=2),
        lambda nn: nn.ConvTranspose2d(2, 2, 1, bias=False),
        lambda nn: nn.ConvTranspose2d(2, 2, 2, stride=2),
        lambda nn: nn.MaxPool2d(2),
        lambda nn: nn.MaxPool2d(1),
        lambda nn: nn.AvgPool2d(2),
        lambda nn: nn.ZeroPad2d(0),
        lambda nn: nn.ReflectionPad2d(1),
        lambda nn: nn.CircularPad2d(1),
        lambda nn: nn.ConstantPad2d(1, -2.0),
    ],
)
def test_results_may_be_changed_in_place(build, shape, backend):
    model = torch_nn.Sequential(build(torch_nn), torch_nn.ReLU(inplace=True))
    x = torch.randn(shape, dtype=torch.float64)
    before = computed(model.double(), x)
    convert(model)[0].backend = backend
    close(computed(model, x), before)
