"""Lazy convolutions are torch's until their first input, and ours from then on."""

import copy
import io
import pickle

import pytest
import torch

from scratchlayers import nn
from tests.compare import outcome, same_error
from tests.nn.build import LAZY, shapes

names = pytest.mark.parametrize("name", LAZY)


def pair(name, *words, **options):
    """Ours and torch's."""
    words, options = words or (6, 3), {"dtype": torch.float64, **options}
    return [getattr(space, name)(*words, **options) for space in (nn, torch.nn)]


def x(name):
    return torch.randn(shapes(name)[0], dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def seeded(layer, operand):
    torch.manual_seed(0)
    return layer(operand)


def test_all_of_torchs_are_there():
    assert set(LAZY) == {name for name in dir(torch.nn) if name.startswith("LazyConv")}


@pytest.mark.compatible("Modules", "lazy convolutions become ours, with torch's weights")
@names
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1, "bias": False, "groups": 2}], ids=str)
def test_it_becomes_ours_with_torchs_weights(name, options):
    ours, torchs = pair(name, **options)
    assert isinstance(ours, type(torchs))
    assert repr(ours) == repr(torchs)
    assert vars(ours).keys() == vars(torchs).keys()
    assert ours.has_uninitialized_params()
    for operand in (x(name), x(name)[0]):
        mine, theirs = copy.deepcopy(ours), copy.deepcopy(torchs)
        torch.testing.assert_close(seeded(mine, operand), seeded(theirs, operand))
        assert type(mine) is getattr(nn, name.removeprefix("Lazy"))
        assert repr(mine) == repr(theirs)
        assert vars(mine).keys() == vars(theirs).keys()
        assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), theirs.parameters(), strict=True))


@names
def test_weights_go_both_ways_known_and_unknown(name):
    known, _ = pair(name)
    known(x(name))
    for source in (known, pair(name)[0]):
        file = io.BytesIO()
        torch.save(source.state_dict(), file)
        for target in pair(name):
            file.seek(0)
            target.load_state_dict(torch.load(file, weights_only=False))
            assert target.has_uninitialized_params() == (source is not known)
            if source is known:
                torch.testing.assert_close(target(x(name)), known(x(name)))
                assert type(target) is getattr(
                    nn if type(target).__module__.startswith("scratch") else torch.nn, name[4:]
                )


@names
def test_it_survives_copying_and_pickling_before_and_after(name):
    layer, _ = pair(name, dtype=torch.float32)  # which is all that an unknown parameter remembers
    layer.backend = "numpy"
    for _ in range(2):
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert type(twin) is type(layer)
            assert twin.backend == "numpy"
            assert twin(x(name).float()).shape[1] == 6
        layer(x(name).float())


@names
def test_wrong_inputs_get_torchs_errors(name):
    for shape in [(), (3,), (2, 3, 4, 4, 4, 4), (2,) * (x(name).dim() - 2)]:
        got, want = (outcome(layer, torch.zeros(shape, dtype=torch.float64)) for layer in pair(name))
        assert isinstance(want, Exception)
        same_error(got, want)
    got, want = (outcome(layer, x(name)) for layer in pair(name, groups=3))
    same_error(got, want)


def test_our_paddings_are_known_to_lazy_ones_too():
    layer = nn.LazyConv2d(2, 3, stride=2, padding="same")
    assert layer(torch.zeros(1, 3, 5, 6)).shape == (1, 2, 3, 3)
