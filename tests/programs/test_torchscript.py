"""torch.jit: traced and scripted, saved and loaded, our layers are torch's operators; the model itself stays ours."""

import io
from functools import partial

import pytest
import torch
from torch import Tensor

from scratchlayers import convert, nn, patch
from scratchlayers import functional as F
from tests.nn.build import CASES, IDS
from tests.programs.models import agree, images, layers, nets

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated:DeprecationWarning")
row = partial(pytest.mark.compatible, "Programs for elsewhere")
every_layer = pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)
writers = pytest.mark.parametrize("write", ["trace", "script"])


def again(program):
    """The program, saved and loaded."""
    file = io.BytesIO()
    torch.jit.save(program, file)
    file.seek(0)
    return torch.jit.load(file)


def kinds(program):
    return sorted(node.kind() for node in program.inlined_graph.nodes() if node.kind().startswith("aten::"))


def scripted(layer):
    """The program, or the kind of the error."""
    try:
        return torch.jit.script(layer)
    except Exception as why:  # noqa: BLE001 torch raises many kinds, and the kind is what is compared
        return type(why)


@row("torch.jit.trace of each layer, saved and loaded")
@every_layer
def test_a_layer_is_traced_as_torchs(name, words):
    ours, torchs = layers(name, words)
    for x in (images(name, words), images(name, words, batch=False)):
        mine, theirs = (torch.jit.trace(layer, x) for layer in (ours, torchs))
        assert kinds(mine) == kinds(theirs)
        agree(again(mine)(x), ours(x))


@row("torch.jit.script of each layer, saved and loaded")
@every_layer
def test_a_layer_is_scripted_as_torchs(name, words):
    ours, torchs = layers(name, words)
    mine, theirs = scripted(ours), scripted(torchs)
    if isinstance(theirs, type):
        assert mine is theirs
        return
    assert kinds(mine) == kinds(theirs)
    x = images(name, words)
    agree(again(mine)(x), ours(x))


@row("torch.jit.{write} of a net, saved and loaded; the net's layers stay ours")
@writers
@pytest.mark.parametrize("made", ["ours", "converted"])
def test_a_net(write, made):
    ours, torchs, x = nets()
    wanted = torchs(x)
    model = ours if made == "ours" else convert(torchs)
    program = torch.jit.trace(model, x) if write == "trace" else torch.jit.script(model)
    agree(again(program)(x), wanted)
    assert type(model.stem) is nn.Conv2d
    assert type(model.deep[0]) is nn.Conv2d


@row("torch.jit.{write} under patch()")
@writers
def test_a_net_under_patch(write):
    _, torchs, x = nets()
    wanted = torchs(x)
    with patch():
        program = torch.jit.trace(torchs, x) if write == "trace" else torch.jit.script(torchs)
        agree(program(x), wanted)
    agree(again(program)(x), wanted)


def convolved(x: Tensor, w: Tensor) -> Tensor:
    return F.conv_transpose2d(F.conv2d(x, w, None, [1, 1], [1, 1]), w)


def pooled(x: Tensor) -> tuple[Tensor, Tensor]:
    y = F.adaptive_avg_pool2d(F.avg_pool2d(F.pad(x, [1, 1, 0, 0], "reflect"), 2, 1), [4, 3])
    return F.max_pool2d(F.lp_pool2d(y, 2.0, 2, 1), 2, 1, return_indices=True)


def folded(x: Tensor) -> Tensor:
    return F.fold(F.unfold(x, [2, 2]), [6, 5], [2, 2])


@pytest.mark.parametrize("function", [convolved, pooled, folded])
def test_functions_are_scripted(function):
    x, w = torch.randn(1, 2, 6, 5), torch.randn(2, 2, 3, 3)
    operands = (x, w) if function is convolved else (x,)
    agree(torch.jit.script(function)(*operands), function(*operands))


class Doubled(torch.nn.Conv2d):
    def forward(self, x):
        return torch.nn.functional.conv2d(x, self.weight * 2, self.bias)


def test_a_converted_subclass_is_scripted_as_its_source_says():
    layer = convert(Doubled(2, 3, 3))
    x = torch.randn(1, 2, 6, 6)
    agree(again(torch.jit.script(layer))(x), layer(x))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_poolings_are_scripted_under_patch(rank):
    x = torch.randn(1, 2, *(6,) * rank)
    with patch():
        program = torch.jit.script(getattr(torch.nn, f"MaxPool{rank}d")(2))
        agree(program(x), getattr(F, f"max_pool{rank}d")(x, 2))


def test_what_only_we_have_is_traced_as_padding_and_convolution():
    layer = nn.Conv2d(2, 3, 3, stride=2, padding="same")
    x = torch.randn(1, 2, 7, 6)
    agree(again(torch.jit.trace(layer, x))(x), layer(x))
