import pytest
import torch
from torch import nn

from lightning_app.errors import AppError
from lightning_app.net import CLASSES, DEFAULT_NET, build

SHAPE = (1, 12, 12)
EVERYTHING = [
    {"zero_pad": 1},
    {"conv": [4, 3]},
    {"constant_pad": [1, 0.5]},
    {"conv_transpose": {"out_channels": 3, "kernel_size": 3, "bias": False}},
    {"reflection_pad": 1},
    {"replication_pad": 1},
    {"circular_pad": 1},
    {"max_pool": {"kernel_size": 2, "stride": 1, "padding": 1}},
    {"avg_pool": 2},
    "relu",
    "flatten",
    {"linear": 8},
    "batch_norm",
    {"linear": "classes"},
]


def built(layers: str, net=EVERYTHING, classes: int = 5, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return build(layers, net, SHAPE, classes)


@pytest.mark.parametrize("net", [EVERYTHING, DEFAULT_NET], ids=["everything", "default"])
def test_packs_have_the_same_weights_and_compute_the_same(net):
    x = torch.randn(2, *SHAPE)
    ours, theirs = built("scratch", net).eval(), built("torch", net).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


def test_loops_compute_the_same():
    x = torch.randn(1, *SHAPE)
    torch.testing.assert_close(built("numpy").eval()(x), built("torch").eval()(x), atol=1e-5, rtol=1e-5)


def test_convolution_padding_and_pooling_are_ours():
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in EVERYTHING]
    ours = [type(layer).__module__.startswith("scratchlayers.") for layer in built("scratch")]
    assert ours == [name not in ("relu", "flatten", "linear", "batch_norm") for name in names]


def test_packs_are_what_they_say():
    for layers, package in (("scratch", "scratchlayers."), ("numpy", "scratchlayers."), ("torch", "torch.")):
        convs = [layer for layer in built(layers) if isinstance(layer, nn.Conv2d)]
        assert convs
        assert all(type(layer).__module__.startswith(package) for layer in convs)
        assert all(getattr(layer, "backend", None) == ("numpy" if layers == "numpy" else None) for layer in convs)


def test_every_name_is_a_class_of_torch():
    assert all(issubclass(getattr(nn, kind), nn.Module) for kind in CLASSES.values())


def test_colour_images_and_other_sizes():
    net = build("scratch", [{"conv": [2, 3]}, "global_max_pool", "flatten", {"linear": "classes"}], (3, 9, 17), 4)
    assert net(torch.randn(6, 3, 9, 17)).shape == (6, 4)


def test_what_is_inferred_does_not_use_up_random_numbers():
    torch.manual_seed(0)
    first = nn.Conv2d(1, 16, 5, bias=False).weight
    assert torch.equal(built("torch", DEFAULT_NET)[0].weight, first)


@pytest.mark.parametrize(
    ("net", "why"),
    [
        (["convv"], "layer 1: 'convv' is no layer; did you mean conv?"),
        (["relu", {"maxpool": 2}], "layer 2: .*did you mean max_pool?"),
        (["xyz"], "there are: conv"),
        ([{"conv": 4, "relu": None}], "is no layer"),
        ([{}], "is no layer"),
        ([{"conv": {"out_channels": 4, "kernel": 3}}], r"layer 1 \(conv\): .*takes: out_channels, kernel_size"),
        ([{"conv": [4, 99]}], r"layer 1 \(conv\): .*its input is 1 x 12 x 12"),
        ([{"max_pool": 2}, {"max_pool": 2}, {"max_pool": 9}], r"layer 3 \(max_pool\)"),
        (["flatten", {"conv": [4, 3]}], r"layer 2 \(conv\): .*its input is 144"),
        (["flatten"], "ends with shape 144; 5 are needed"),
        ([], "ends with shape 1 x 12 x 12"),
    ],
)
def test_what_cannot_be_built_is_said_with_its_number(net, why):
    with pytest.raises(AppError, match=f"model.net.*{why}"):
        built("torch", net)
