"""torch.export: an exported program holds torch's operators, in training and in evaluation, for any size."""

from functools import partial

import pytest
import torch
from torch.export import Dim, export

from scratchlayers import convert, nn
from scratchlayers import functional as F
from tests.nn.build import CASES, IDS
from tests.programs.models import agree, images, layers, nets

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec. LeafSpec.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning"),
]
row = partial(pytest.mark.compatible, "Programs for elsewhere")
SIDES = ((1, 0), (0, 2))
every_layer = pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)


def operators(program):
    """The namespaces of what a program calls."""
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    return {node.target.namespace for node in nodes if hasattr(node.target, "namespace")}


@row("torch.export of each layer: the nodes that torch's gives")
@every_layer
def test_a_layer_exports_to_what_torchs_does(name, words):
    ours, torchs = layers(name, words)
    x = images(name, words)
    programs = [export(layer, (x,), strict=False) for layer in (ours, torchs)]
    targets = [[str(node.target) for node in program.graph.nodes] for program in programs]
    assert targets[0] == targets[1]
    agree(programs[0].module()(x), ours(x))


@row("torch.export of a net: strict {strict}, any batch and size, run_decompositions to aten only")
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("training", [False, True])
def test_a_net_exports(strict, training):
    ours, torchs, x = nets()
    ours.train(training), torchs.train(training)
    sizes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    program = export(ours, (x,), dynamic_shapes=({} if training else sizes,), strict=strict)
    assert operators(program) == {"aten"}
    plain = program.run_decompositions()
    assert operators(plain) == {"aten"}
    for each in [x] if training else [x, torch.randn(3, 1, 24, 32)]:
        wanted = torchs(each)
        agree(program.module()(each), wanted)
        agree(plain.module()(each), wanted)


@row("torch.export of a converted model")
def test_a_converted_net_exports():
    _, torchs, x = nets()
    wanted = torchs(x)
    agree(export(convert(torchs), (x,)).module()(x), wanted)


def test_an_exported_program_is_saved_and_loaded(tmp_path):
    ours, _, x = nets()
    torch.export.save(export(ours, (x,)), tmp_path / "net.pt2")
    agree(torch.export.load(tmp_path / "net.pt2").module()(x), ours(x))


@pytest.mark.parametrize(
    "words", [{"padding": "full"}, {"padding": "same", "stride": 2}, {"padding": ((1, 0), (0, 2))}]
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_only_we_have_is_exported_as_padding_and_convolution(words, strict):
    layer = nn.Conv2d(2, 3, 3, **words)
    x = torch.randn(1, 2, 7, 6)
    program = export(layer, (x,), strict=strict)
    assert operators(program) == {"aten"}
    agree(program.module()(x), layer(x))


def test_a_transposed_convolution_cut_unequally_is_exported():
    class Cut(torch.nn.Module):
        def forward(self, x, w):
            return F.conv_transpose2d(x, w, padding=((1, 0), (0, 2)), stride=2, output_padding=1)

    x, w = torch.randn(1, 2, 4, 5), torch.randn(2, 3, 3, 3)
    agree(export(Cut(), (x, w)).module()(x, w), Cut()(x, w))


def test_a_pooling_that_only_we_have_says_that_it_cannot_be_exported():
    layer = nn.MaxPool2d(3, padding="same")
    with pytest.raises(NotImplementedError, match=r"padding='same'.*exported program cannot have it: pad the input"):
        export(layer, (torch.randn(1, 2, 6, 6),), strict=False)


@pytest.mark.slow
@row("AOTInductor: compiled ahead, packed, loaded")
def test_aot_inductor(tmp_path):
    ours, torchs, x = nets()
    path = torch._inductor.aoti_compile_and_package(export(ours, (x,)), package_path=str(tmp_path / "net.pt2"))
    agree(torch._inductor.aoti_load_package(path)(x), torchs(x))
