"""The strip of feature maps is computed by the layers themselves, whatever the network."""

import numpy as np
import pytest
import torch
from torch import nn

from lightning_app.data.images import Images, Labelled
from lightning_app.figures import feature_maps
from lightning_app.net import build
from lightning_app.pixels import scaled


class Model(nn.Module):
    def __init__(self, net, shape, classes):
        super().__init__()
        self.net = build("scratch", net, shape, classes)

    def forward(self, x):
        return self.net(scaled(x))


def images(shape, classes) -> Images:
    torch.manual_seed(0)
    data = Labelled(torch.randint(0, 256, (8, *shape), dtype=torch.uint8), torch.arange(8) % classes)
    return Images("toys", "made up", tuple(f"c{i}" for i in range(classes)), data, data)


CONV, POOL = {"conv": [6, 3]}, {"max_pool": 2}
END = ["flatten", {"linear": "classes"}]


@pytest.mark.parametrize(
    ("net", "panels"),
    [
        ([CONV, "relu", POOL, *END], ["a test image", "6 learned kernels", "Conv2d: 6 maps", "MaxPool2d: 6 maps"]),
        ([{"conv": [20, 3]}, *END], ["a test image", "16 of 20 learned kernels", "Conv2d: 16 of 20 maps"]),
        ([{"avg_pool": 2}, *END], ["a test image", "AvgPool2d: 1 maps"]),
        (END, ["a test image"]),
    ],
)
def test_there_is_a_panel_for_what_there_is(net, panels):
    figure = feature_maps(Model(net, (1, 8, 8), 4), images((1, 8, 8), 4))
    assert [part.texts[0].get_text() for part in figure.subfigs] == [*panels, "the answer"]


def test_the_maps_are_the_layers_own():
    model, data = Model([CONV, "relu", POOL, *END], (3, 8, 9), 4), images((3, 8, 9), 4)
    figure = feature_maps(model, data)
    picture, _, conv, pool, _ = figure.subfigs
    x = torch.from_numpy(np.asarray(picture.axes[0].images[0].get_array())).permute(2, 0, 1)[None]
    expected = model.net[0](scaled(x))[0]
    for axes, values in zip(conv.axes, expected, strict=False):
        np.testing.assert_allclose(axes.images[0].get_array(), values.detach())
    for axes, values in zip(pool.axes, model.net[:3](scaled(x))[0], strict=False):
        np.testing.assert_allclose(axes.images[0].get_array(), values.detach())


def test_of_many_classes_the_likeliest_are_shown():
    figure = feature_maps(Model(END, (1, 4, 4), 30), images((1, 4, 4), 30))
    assert len(figure.subfigs[-1].axes[0].get_yticklabels()) == 10
