"""Each class is torch's in all but the method that computes, and computes the same."""

import copy
import io
import pickle

import pytest
import torch

from scratchlayers import library, nn, registry
from tests.compare import outcome, same_error
from tests.nn.build import CASES, CLASSES, IDS, rank_of, shapes

layers = pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)
classes = pytest.mark.parametrize("name", CLASSES)


def pair(name, words, dtype=torch.float64):
    """Ours and torch's, made from the same seed."""
    made = []
    for space in (nn, torch.nn):
        torch.manual_seed(0)
        made.append(getattr(space, name)(**words).to(dtype))
    return made


def noise(shape, seed=1):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def run(layer, x):
    """All that a layer returns, and the gradients of its input and parameters."""
    x = x.clone().requires_grad_()
    out = layer(x)
    results = list(out) if isinstance(out, tuple) else [out]
    return results + list(torch.autograd.grad(results[0].square().sum(), [x, *layer.parameters()]))


def close(results, wanted):
    assert len(results) == len(wanted)
    for y, z in zip(results, wanted, strict=True):
        torch.testing.assert_close(y, z, rtol=1e-11, atol=1e-11)
        assert y.stride() == z.stride()


@pytest.mark.compatible("Modules", "every class: isinstance of torch's, its name")
@classes
def test_it_is_torchs_class_of_the_same_name(name):
    ours, torchs = getattr(nn, name), getattr(torch.nn, name)
    assert issubclass(ours, torchs)
    assert ours is not torchs
    assert (ours.__name__, ours.__qualname__) == (name, name)
    assert ours.__doc__.startswith(f"``torch.nn.{name}``")


@pytest.mark.compatible("Modules", "every class: outputs, gradients, strides")
@layers
def test_outputs_and_gradients_are_torchs(name, words):
    ours, torchs = pair(name, words)
    for shape in shapes(name):
        close(run(ours, noise(shape)), run(torchs, noise(shape)))


@pytest.mark.compatible("Modules", "every class: state_dict, initial weights, repr, attributes")
@layers
def test_state_and_repr_are_torchs(name, words):
    ours, torchs = pair(name, words)
    assert repr(ours) == repr(torchs)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), torchs.parameters(), strict=True))
    assert vars(ours).keys() == vars(torchs).keys()


@pytest.mark.compatible("Modules", "every class: weights load into each other")
@layers
def test_weights_load_into_each_other(name, words):
    ours, torchs = pair(name, words)
    for p in torchs.parameters():
        p.data.normal_(generator=torch.Generator().manual_seed(2))
    buffer = io.BytesIO()
    torch.save(torchs.state_dict(), buffer)
    buffer.seek(0)
    ours.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
    close(run(ours, noise(shapes(name)[0])), run(torchs, noise(shapes(name)[0])))
    torchs.load_state_dict(ours.state_dict(), strict=True)


@pytest.mark.compatible("Modules", "every class: copy, deepcopy, pickle")
@layers
def test_it_survives_copying_and_pickling(name, words):
    layer, _ = pair(name, words)
    layer.backend = "numpy"
    x = noise(shapes(name)[0])
    wanted = run(layer, x)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer)):
        assert type(copied) is type(layer)
        assert copied.backend == "numpy"
        assert all(torch.equal(a, b) for a, b in zip(run(copied, x), wanted, strict=True))


@layers
def test_every_backend_computes_the_same(name, words):
    layer, torchs = pair(name, words)
    for backend in registry.names():
        layer.backend = backend
        close(run(layer, noise(shapes(name)[0])), run(torchs, noise(shapes(name)[0])))


@classes
def test_a_module_runs_on_the_backend_it_asks_for(name, monkeypatch):
    words = next(words for other, words in CASES if other == name)
    layer, _ = pair(name, words)
    asked = []
    monkeypatch.setattr(
        library, "_resolve", lambda wanted, *rest, ask=library._resolve: asked.append(wanted) or ask(wanted, *rest)
    )
    for backend in (None, "numpy", "torch"):
        layer.backend = backend
        layer(noise(shapes(name)[0]))
    assert asked == [None, "numpy", "torch"]


def test_an_unknown_backend_is_named():
    layer = nn.MaxPool1d(2)
    layer.backend = "numpi"
    with pytest.raises(registry.UnknownBackendError, match="did you mean 'numpy'"):
        layer(torch.zeros(1, 1, 4))


@pytest.mark.compatible("Modules", "every class: float32 and bfloat16")
@layers
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_takes_the_usual_dtypes(name, words, dtype):
    ours, torchs = pair(name, words, dtype)
    x = noise(shapes(name)[0]).to(dtype)
    want = outcome(torchs, x)
    # torch's AvgPool3d has no kernel for bfloat16, its AdaptiveAvgPool3d rounds after each addition
    if isinstance(want, NotImplementedError) or name == "AdaptiveAvgPool3d":
        want = torchs.float()(x.float()).to(dtype)
    torch.testing.assert_close(ours(x), want)


WRONG = [(), (3,), (0,), (2, 4, 0), (2, 4, 7, 6, 5, 4), (1, 2), (2, 5, 7), (2, 3, 7, 6), (2, 3, 7, 6, 5)]


@pytest.mark.compatible("Errors", "modules: wrong inputs")
@layers
@pytest.mark.parametrize("shape", WRONG, ids=str)
def test_wrong_inputs_get_torchs_errors(name, words, shape):
    ours, torchs = pair(name, words)
    got, want = (outcome(layer, torch.zeros(shape, dtype=torch.float64)) for layer in (ours, torchs))
    if isinstance(got, Exception) or isinstance(want, Exception):
        same_error(got, want)


CONSTRUCTORS = [
    ("Conv2d", (4, 6, 3), {"groups": 3}),
    ("Conv2d", (4, 6, 3), {"groups": 0}),
    ("Conv2d", (4, 6, 3), {"padding": "foo"}),
    ("Conv2d", (4, 6), {}),
    ("Conv2d", (4, 6, 3), {"paddin": 1}),
    ("Conv1d", (4, 5, 3), {"groups": 2}),
    ("ConvTranspose2d", (4, 6, 3), {"padding_mode": "reflect"}),
    ("MaxPool2d", (), {}),
    ("AvgPool1d", (2,), {"divisor_override": 3}),
    ("ZeroPad2d", (), {}),
]


@pytest.mark.compatible("Errors", "modules: wrong constructions")
@pytest.mark.parametrize(("name", "positional", "words"), CONSTRUCTORS)
def test_wrong_constructions_get_torchs_errors(name, positional, words):
    got, want = (outcome(getattr(space, name), *positional, **words) for space in (nn, torch.nn))
    assert isinstance(want, Exception)
    assert type(got) is type(want)
    assert str(got).split("should be one of")[0].replace("_Conv", "Conv2d") == str(want).split("should be one of")[0]


@classes
def test_constructors_have_torchs_positions(name):
    words = [words for other, words in CASES if other == name][-1]
    if "Conv" in name and "Transpose" not in name:
        given = (4, 6, 3, 1, 1, 1, 2, False, "circular")
    elif "Transpose" in name:
        given = (4, 6, 3, 2, 1, 1, 2, False, 2)
    elif "Adaptive" in name or "LPPool" in name or "Fractional" in name:
        given = tuple(words.values())
    elif "MaxPool" in name:
        given = (3, 2, 1, 1, True, True)
    elif "AvgPool" in name:
        given = (3, 2, 1, True, False) + ((5,) if rank_of(name) > 1 else ())
    elif name == "Unfold":
        given = (2, 2, 1, 3)
    else:
        given = tuple(words.values())
    torch.manual_seed(0)
    ours = getattr(nn, name)(*given)
    torch.manual_seed(0)
    torchs = getattr(torch.nn, name)(*given)
    assert repr(ours) == repr(torchs)
    x = noise(shapes(name)[0]).float()
    torch.testing.assert_close(ours(x), torchs(x))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("shape", ["batched", "unbatched"])
def test_conv_transpose_reaches_an_output_size(rank, shape):
    words = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1}
    ours, torchs = pair(f"ConvTranspose{rank}d", words)
    x = noise(shapes(f"ConvTranspose{rank}d")[shape == "unbatched"])
    for extra in (-1, 0, 1, 2):
        size = [2 * n - 1 + extra for n in x.shape[-rank:]]
        for asked in (size, [2, 6, *size]):
            got, want = outcome(ours, x, asked), outcome(torchs, x, asked)
            if isinstance(want, Exception) or isinstance(got, Exception):
                same_error(got, want)
            else:
                close([got], [want])


def test_names_that_are_not_ours_are_torchs():
    assert nn.Linear is torch.nn.Linear
    assert nn.Module is torch.nn.Module
    assert nn.init is torch.nn.init
    assert nn.functional.relu is torch.nn.functional.relu
    assert set(dir(torch.nn)) <= set(dir(nn))
    with pytest.raises(AttributeError):
        nn.NoSuchLayer  # noqa: B018 the look-up is what fails


def test_a_script_needs_one_other_import():
    import scratchlayers.nn as nn  # as a script would

    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(3)
    )
    loss = nn.CrossEntropyLoss()(net(torch.rand(2, 1, 8, 8)), torch.tensor([0, 2]))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loss.backward()
    optimizer.step()
    assert type(net[0]).__module__.startswith("scratchlayers")
    assert net[0].weight.grad.abs().sum() > 0
