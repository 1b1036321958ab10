"""Other people's subclasses of torch's layers become ours, stay theirs, and become only theirs again."""

import abc
import copy
import io
import pickle
import subprocess
import sys
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import nn as torch_nn

from scratchlayers import convert, left_alone, nn, report, revert
from scratchlayers.conversion import redirect
from scratchlayers.nn.choice import Chooses

from ..architectures import computed
from ..operators import borrowed
from ..registries import recorder
from .others import KINDS, OWN, Reduced, Standardized


def example():
    return torch.randn(2, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=KINDS)
def theirs(request):
    torch.manual_seed(0)
    return KINDS[request.param]().double()


@pytest.fixture
def converted(theirs):
    return convert(copy.deepcopy(theirs))


def close(got, want):
    for y, z in zip(got, want, strict=True):
        torch.testing.assert_close(y, z, rtol=1e-10, atol=1e-10)


def test_results_and_gradients_are_theirs_on_our_kernels_alone(theirs, converted):
    want = computed(theirs, example())
    with recorder(priority=1) as calls, borrowed() as operators:
        close(computed(converted, example()), want)
    assert calls
    assert operators == set()


def test_class_is_theirs_and_ours(theirs, converted):
    kind, new = type(theirs), type(converted)
    assert issubclass(new, kind)
    assert issubclass(new, Chooses)
    assert (new.__name__, new.__qualname__, new.__module__) == (kind.__name__, kind.__qualname__, kind.__module__)
    assert repr(converted) == repr(theirs)
    assert type(convert(copy.deepcopy(theirs))) is new
    assert type(convert(converted)) is new


def test_report_names_them(theirs, converted):
    kind = type(theirs)
    (words,) = report(converted).ours.values()
    assert words.startswith(f"{kind.__module__}.{kind.__qualname__}, a ")
    assert words.endswith(", its own forward included") == (kind.__name__ in OWN)


def test_reverted_is_the_same_object_of_the_same_class_with_the_same_attributes(theirs):
    kind, before = type(theirs), {key: id(value) for key, value in vars(theirs).items()}
    assert revert(convert(theirs)) is theirs
    assert type(theirs) is kind
    assert {key: id(value) for key, value in vars(theirs).items()} == before


def test_torch_itself_is_back_after_an_exception():
    layer = convert(Standardized(2, 2, 3))
    with pytest.raises(RuntimeError, match="expected input"):
        layer(torch.zeros(1, 3, 4, 4))
    with recorder(priority=1) as calls:
        F.conv2d(torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 2, 2))
    assert calls == []


def test_backend_of_the_module_holds_in_its_own_forward():
    layer = convert(Standardized(2, 2, 3))
    with recorder() as calls:
        layer.backend = "recorder"
        layer(torch.zeros(1, 2, 4, 4))
    assert calls == ["conv"]


# Copies and files


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_converted(converted, protocol):
    twin = pickle.loads(pickle.dumps(converted, protocol))
    assert type(twin) is type(converted)
    if not isinstance(twin, Reduced):  # it leaves its dtype behind, converted or not
        close(computed(twin, example()), computed(converted, example()))


def test_deep_copies_are_converted(converted):
    twin = copy.deepcopy(converted)
    assert type(twin) is type(converted)
    close(computed(twin, example()), computed(converted, example()))


def test_file_of_a_model_is_read_in_a_new_process(tmp_path):
    model = convert(torch_nn.Sequential(*(build() for build in KINDS.values())))
    torch.save(model, tmp_path / "model.pt")
    code = (
        "import sys, torch; model = torch.load(sys.argv[1], weights_only=False); "
        "import scratchlayers; print(len(scratchlayers.report(model).ours), scratchlayers.left_alone(model))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.pt"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{len(KINDS)} {{}}\n"


def test_weights_only_files_go_both_ways(theirs, converted):
    file = io.BytesIO()
    torch.save(converted.state_dict(), file)
    file.seek(0)
    theirs.load_state_dict(torch.load(file, weights_only=True))
    close(theirs.parameters(), converted.parameters())


# What is refused, and why


class Watched(torch_nn.Conv2d):
    """Knows its subclasses."""

    seen: ClassVar[list] = []

    def __init_subclass__(cls):
        cls.seen.append(cls)


class Meta(type):
    """Makes classes in its own way."""


class Made(torch_nn.Conv2d, metaclass=Meta):
    """Made by it."""


class Abstract(torch_nn.Conv2d, abc.ABC):
    """A metaclass of Python's own."""


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (Watched, "notes its subclasses and would be told of one more"),
        (Made, "has a metaclass, which would be told of one more class"),
    ],
)
def test_classes_that_would_notice_are_left_alone(build, why):
    layer = convert(build(1, 1, 1))
    assert type(layer) is build
    assert why in left_alone(layer)[""]
    assert Watched.seen == []


def test_abstract_base_classes_are_converted():
    assert isinstance(convert(Abstract(1, 1, 1)), nn.Conv2d)


def test_quantization_keeps_its_own_classes():
    model = torch_nn.Sequential(torch.ao.nn.qat.Conv2d(1, 1, 1, qconfig=torch.ao.quantization.default_qat_qconfig))
    kind = type(model[0])
    assert type(convert(model)[0]) is kind
    assert left_alone(model) == {"0": f"{kind.__module__}.Conv2d is torch's own and not a layer of torch.nn"}


# Compiled


def test_own_forward_is_compiled_in_one_graph(monkeypatch):
    graphs = []

    def note(graph, example):
        graphs.append([node.target for node in graph.graph.nodes if node.op == "call_function"])
        return graph.forward

    def ours(input, weight, *words):
        return torch.conv2d(input, weight, *words).neg()

    monkeypatch.setitem(redirect._OURS, torch.conv2d, ours)
    layer = convert(Standardized(2, 2, 3).double())
    y = torch.compile(layer, backend=note, fullgraph=True)(example())
    torch.testing.assert_close(y, -revert(layer)(example()))
    assert len(graphs) == 1
    torch._dynamo.reset()
