"""What is written can be read: by the other library's layers too, and by a reader that trusts nobody."""

import copy
import io
import pickle
from functools import partial

import pytest
import torch
from torch.nn.utils import parametrizations

import scratchlayers
from scratchlayers import nn
from tests.compatibility.models import SPACES, build, gradients, images, net, trained

row = partial(pytest.mark.compatible, "Files and copies")


def written(thing):
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return file


def safe(*more):
    """All classes of the model, which a reader has to trust by name."""
    kinds = {type(module) for module in build(net, nn).modules()}
    return torch.serialization.safe_globals([*kinds, *more])


@row("state_dict: weights_only load, both ways between ours and torch's")
@pytest.mark.parametrize(("writer", "reader"), [("ours", "torch's"), ("torch's", "ours")])
def test_a_state_dict_fits_the_others_model(writer, reader):
    source = build(net, SPACES[writer])
    trained(source)
    source.zero_grad()
    state = torch.load(written(source.state_dict()), weights_only=True)
    target = net(SPACES[reader]).double()
    assert target.load_state_dict(state) == torch.nn.modules.module._IncompatibleKeys([], [])
    assert list(target.state_dict()) == list(state)
    torch.testing.assert_close(gradients(target), gradients(source))


@row("load_state_dict(assign=True), mmap=True")
def test_a_state_may_be_assigned(tmp_path):
    source = build(net, torch.nn)
    torch.save(source.state_dict(), tmp_path / "state.pt")
    with torch.device("meta"):
        target = net(nn)
    assert target[0].weight.is_meta
    target.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True, mmap=True), assign=True)
    torch.testing.assert_close(gradients(target), gradients(source))


@row("errors of load_state_dict")
def test_a_state_that_does_not_fit_is_refused_as_by_torch():
    wrong = {**build(net, nn).state_dict(), "0.weight": torch.zeros(1), "extra": torch.zeros(1)}
    messages = []
    for space in SPACES.values():
        with pytest.raises(RuntimeError, match="size mismatch") as why:
            build(net, space).load_state_dict(wrong)
        messages.append(str(why.value))
    assert messages[0] == messages[1]


@row("whole modules: torch.save, torch.load(weights_only=True) within safe_globals")
def test_a_whole_model_is_read_where_its_classes_are_trusted():
    model = build(net, nn)
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals"):
        torch.load(written(model), weights_only=True)
    with safe():
        again = torch.load(written(model), weights_only=True)
    assert list(map(type, again)) == list(map(type, model))
    torch.testing.assert_close(gradients(again), gradients(model))


COPIES = {
    "torch.save, torch.load(weights_only=False)": lambda model: torch.load(written(model), weights_only=False),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}


@row("whole modules: {how}")
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_computes_the_same_and_is_a_model_of_its_own(how):
    model = build(net, nn)
    model[0].backend = "torch"
    wanted = gradients(model)
    model.zero_grad()
    again = COPIES[how](model)
    assert list(map(type, again)) == list(map(type, model))
    assert again[0].backend == "torch"
    torch.testing.assert_close(gradients(again), wanted)
    trained(again)
    torch.testing.assert_close(model(images()), build(net, nn)(images()))


@row("deepcopy of parametrized layers")
def test_a_parametrized_layer_may_be_copied():
    layer = parametrizations.weight_norm(nn.Conv2d(3, 4, 3).double())
    again = copy.deepcopy(layer)
    assert isinstance(again, nn.Conv2d)
    torch.testing.assert_close(gradients(again), gradients(layer))


@row("whole modules after revert(): nothing of ours is in the file")
def test_a_reverted_model_is_read_where_we_are_not_installed():
    model = build(net, nn)
    ours = gradients(model)
    model.zero_grad()
    file = written(scratchlayers.revert(model))
    assert b"scratchlayers" not in file.getvalue()
    torch.testing.assert_close(gradients(torch.load(file, weights_only=False)), ours)
