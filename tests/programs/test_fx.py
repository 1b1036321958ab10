"""FX: a layer is one node; a function is one; programs run, are transformed, copied and pickled."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch.fx import symbolic_trace

from scratchlayers import convert, nn, patch
from scratchlayers import functional as F
from tests.nn.build import CASES, IDS
from tests.programs.models import agree, images, layers, nets

row = partial(pytest.mark.compatible, "Programs for elsewhere")


@row("torch.fx.symbolic_trace: each layer is one node")
@pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)
def test_a_layer_is_one_node(name, words):
    ours, torchs = (torch.nn.Sequential(layer) for layer in layers(name, words))
    mine, theirs = symbolic_trace(ours), symbolic_trace(torchs)
    assert str(mine.graph) == str(theirs.graph)
    x = images(name, words)
    agree(mine(x), ours(x))


@row("torch.fx.symbolic_trace of a net, copied and pickled")
@pytest.mark.parametrize("made", ["ours", "converted"])
def test_a_net(made):
    ours, torchs, x = nets()
    graph, wanted = str(symbolic_trace(torchs).graph), torchs(x)
    program = symbolic_trace(ours if made == "ours" else convert(torchs))
    assert str(program.graph) == graph
    assert type(program.stem) is nn.Conv2d
    for each in (program, copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        agree(each(x), wanted)


def functions(x, w):
    y = F.conv2d(x, w, None, 1, 1)
    y, index = F.max_pool2d(y, 2, return_indices=True)
    return F.max_unpool2d(F.pad(y, (0, 0)), index, 2) + y.shape[0]


@row("torch.fx.symbolic_trace of functions")
def test_functions_are_nodes_that_stay_ours():
    x, w = torch.randn(2, 1, 8, 8), torch.randn(3, 1, 3, 3)
    program = symbolic_trace(functions)
    agree(program(x, w), functions(x, w))
    called = [node.target.__module__ for node in program.graph.nodes if node.op == "call_function"]
    assert sum(module.startswith("scratchlayers.functional.") for module in called) == 4
    agree(pickle.loads(pickle.dumps(program))(x, w), functions(x, w))


@row("torch.fx.symbolic_trace under patch()")
def test_a_net_under_patch():
    _, torchs, x = nets()
    wanted = torchs(x)
    with patch():
        agree(symbolic_trace(torchs)(x), wanted)


class Standardized(nn.Conv2d):
    """A layer with a forward of its own is looked into, as with torch's."""

    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, w, self.bias)


def test_a_subclass_with_its_own_forward_is_looked_into():
    model = torch.nn.Sequential(Standardized(2, 3, 3))
    x = torch.randn(1, 2, 6, 6)
    program = symbolic_trace(model)
    assert not any(node.op == "call_module" for node in program.graph.nodes)
    agree(program(x), model(x))


class Padding(nn.Conv2d):
    """One that asks its parent to compute."""

    def forward(self, x):
        return super().forward(F.pad(x, (1, 1, 1, 1))) * 2


class TorchsPadding(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(torch.nn.functional.pad(x, (1, 1, 1, 1))) * 2


@pytest.mark.parametrize("make", [lambda: Padding(2, 3, 3), lambda: convert(TorchsPadding(2, 3, 3))])
def test_a_users_forward_runs_once(make):
    model = torch.nn.Sequential(make())
    x = torch.randn(2, 2, 6, 6)
    agree(symbolic_trace(model)(x), model(x))


def test_hooks_run_once():
    model = torch.nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2))
    for layer in model:
        layer.register_forward_hook(lambda layer, inputs, output: output * 2)
    x = torch.randn(2, 2, 6, 6)
    agree(symbolic_trace(model)(x), model(x))


def test_a_tracer_may_look_into_every_layer():
    class Deep(torch.fx.Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return False

    model = torch.nn.Sequential(nn.Conv2d(2, 3, 3))
    graph = Deep().trace(model)
    assert not any(node.op == "call_module" for node in graph.nodes)
    x = torch.randn(2, 2, 6, 6)
    agree(torch.fx.GraphModule(model, graph)(x), model(x))


def test_subclasses_of_tensor_are_asked():
    seen = []

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            seen.append(getattr(function, "__name__", ""))
            return super().__torch_function__(function, types, args, kwargs)

    x = torch.randn(1, 2, 6, 6)
    y = nn.MaxPool2d(2)(nn.Conv2d(2, 3, 3)(x.as_subclass(Watched)))
    assert type(y) is Watched
    assert seen == ["conv_nd", "_max_pool"]
