"""What explain says about a network is what the network does: windows, sums, patches, and the way to the class."""

import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lightning_app import checkpoint
from lightning_app.data import digits
from lightning_app.errors import MisuseError
from lightning_app.explain import draw, responses
from lightning_app.explain.patches import patches
from lightning_app.explain.trace import Step, Unit, strongest, trace, unit
from lightning_app.explain.way import way
from lightning_app.explain.window import Box, box, gradient, prefix, reached, reads, terms
from lightning_app.net import DEFAULT_NET, build
from lightning_app.pixels import scaled
from lightning_app.predict import network


@pytest.fixture(scope="module")
def net(trained) -> nn.Sequential:
    return network(checkpoint.read(trained / "checkpoints" / "best.ckpt"))


@pytest.fixture(scope="module")
def steps(net) -> list[Step]:
    return trace(net, scaled(digits.load().test.x[:1]))


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "seven.png"
    test = digits.load().test
    picture = test.x[int((test.y == 7).int().argmax()), 0].numpy()
    Image.fromarray(255 - picture).resize((200, 200), Image.Resampling.BICUBIC).save(path)
    return path


def step(layer: nn.Module, *shape: int) -> Step:
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return Step("it", layer.eval(), x, layer(x))


@pytest.mark.parametrize(
    ("entry", "place", "expected"),
    [
        ({"conv": [2, 3]}, (1, 2, 4), Box(2, 4, 4, 6)),
        ({"conv": {"out_channels": 2, "kernel_size": 3, "padding": 1}}, (0, 0, 8), Box(0, 7, 1, 8)),
        ({"conv": {"out_channels": 2, "kernel_size": 3, "stride": 2, "dilation": 2}}, (0, 1, 1), Box(2, 2, 6, 6)),
        ({"max_pool": 2}, (0, 1, 3), Box(2, 6, 3, 7)),
        ({"max_pool": {"kernel_size": 3, "stride": 2, "padding": 1}}, (1, 0, 1), Box(0, 1, 1, 3)),
        ({"avg_pool": [3, 1]}, (0, 6, 0), Box(6, 0, 8, 2)),
        ("global_max_pool", (0, 0, 0), Box(0, 0, 8, 8)),
        ({"reflection_pad": 2}, (0, 0, 0), Box(2, 2, 2, 2)),
        ("relu", (1, 3, 4), Box(3, 4, 3, 4)),
    ],
)
def test_a_window_is_what_the_layer_reads(entry, place, expected):
    layer = build("scratch", [entry, "flatten", {"linear": "classes"}], (2, 9, 9), 4)[0].eval()
    assert box(reads(layer, (2, 9, 9), place)) == expected


@pytest.mark.parametrize("place", [(2, 5, 6), (2, 0, 0), (31, 13, 7)])
def test_the_receptive_field_of_two_convolutions(steps, place):
    """5x5 with stride 2 and padding 2 under 3x3 with padding 1 read 9x9 from row 2·(i - 1) - 2 on."""
    second = next(n for n, each in enumerate(steps) if each.name == "conv2")
    field = box(reads(prefix(steps, Unit(second, place)), (1, 28, 28), place))
    sides = [(max(0, 2 * (i - 1) - 2), min(27, 2 * (i - 1) + 6)) for i in place[1:]]
    assert field == Box(sides[0][0], sides[1][0], sides[0][1], sides[1][1])


def test_a_mask_without_cells_has_no_box():
    assert box(torch.zeros(3, 4, 4, dtype=torch.bool)) is None


@pytest.mark.parametrize("bias", [True, False])
def test_a_convolutions_terms_are_its_own_weights_and_bias(bias):
    torch.manual_seed(0)
    entry = {"conv": {"out_channels": 3, "kernel_size": 3, "bias": bias}}
    layer = build("scratch", [entry, "flatten", {"linear": "classes"}], (2, 7, 7), 4)[0].requires_grad_(False)
    found = terms(step(layer, 2, 7, 7), (1, 2, 3))
    torch.testing.assert_close(found.weights[:, 2:5, 3:6], layer.weight[1])
    assert int(reached(found.weights[None]).sum()) == 18
    assert found.bias == pytest.approx(float(layer.bias[1]) if bias else 0, abs=1e-6)


def test_every_layers_number_is_the_sum_of_its_terms(steps):
    for each in steps:
        place = tuple(n // 2 for n in each.y.shape[1:])
        found = terms(each, place)
        torch.testing.assert_close(found.products, found.x * found.weights)
        value = float(each.y[(0, *place)])
        assert float(found.products.double().sum()) + found.bias == pytest.approx(value, abs=1e-5)
        sentence = draw.sentence(each, found, None, value)
        assert sentence.endswith(f"= {value:.3f}".replace("-", "−"))


def test_the_slope_is_what_a_small_change_does(steps):
    chosen = strongest(steps)
    upto = prefix(steps, chosen)
    slope = gradient(upto, steps[0].x, chosen.place)
    row, column = divmod(int(slope[0].abs().argmax()), 28)
    moved = steps[0].x.clone()
    moved[0, 0, row, column] += 0.01
    with torch.no_grad():
        change = float(upto(moved)[(0, *chosen.place)] - upto(steps[0].x)[(0, *chosen.place)])
    assert change / 0.01 == pytest.approx(float(slope[0, row, column]), rel=0.01)


def test_the_strongest_is_the_largest_of_the_first_convolution(steps):
    chosen = strongest(steps)
    assert steps[chosen.step].name == "conv1"
    assert float(steps[chosen.step].y[(0, *chosen.place)]) == float(steps[chosen.step].y.max())


def test_patches_are_those_of_the_strongest_answers(net):
    x = digits.load().train.x[:600]
    upto, channels = net[:4], [5, 0]
    found = patches(upto, x, channels, 4)
    with torch.no_grad():
        answers = upto(scaled(x))[:, channels].amax((2, 3))
    best = answers.T.topk(4, dim=1)
    torch.testing.assert_close(found.answers, best.values)
    assert found.images.tolist() == best.indices.tolist()
    assert tuple(found.pixels.shape) == (2, 4, 1, 9, 9)


def test_a_patch_is_what_the_filter_looks_for():
    """A filter that is one where a pattern is one, and less elsewhere, finds the images in which it was planted."""
    pattern = torch.tensor([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]])
    layer = nn.Conv2d(1, 1, 3, bias=False)
    layer.weight.data = (2 * pattern - 1)[None, None]
    x = torch.randint(0, 40, (50, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for image, (row, column) in {7: (0, 0), 19: (4, 5), 30: (9, 9)}.items():
        x[image, 0, row : row + 3, column : column + 3] = (255 * pattern).to(torch.uint8)
    found = patches(layer, x, [0], 3)
    assert set(found.images[0].tolist()) == {7, 19, 30}
    for patch in found.pixels[0, :, 0]:
        assert patch.tolist() == (255 * pattern).tolist()


def test_a_patch_at_the_pictures_edge_is_filled_up():
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    layer.weight.data.fill_(1)
    x = torch.zeros(2, 1, 6, 6, dtype=torch.uint8)
    x[0, 0, 0, 0], x[1, 0, 2:5, 2:5] = 255, 200
    found = patches(layer, x, [0], 2)
    corner = found.pixels[0, found.images[0].tolist().index(0), 0]
    assert tuple(corner.shape) == (3, 3)
    assert corner.max() == 255


def test_the_data_are_those_the_checkpoint_learned_from(trained, tmp_path):
    content = checkpoint.read(trained / "checkpoints" / "best.ckpt")
    assert checkpoint.images(content).name == "digits"
    x, y = digits.load().train.take(torch.arange(40))
    np.savez(tmp_path / "mine.npz", x_train=x[:, 0].numpy(), y_train=y.numpy())
    content["data"]["name"] = "mine"
    content["data"]["options"] |= {"dataset": "npz", "root": str(tmp_path / "mine.npz")}
    assert checkpoint.images(content).name == "mine"
    content["data"]["classes"][0] = "another"
    assert checkpoint.images(content) is None
    (tmp_path / "mine.npz").unlink()
    assert checkpoint.images(content) is None


def test_the_way_leads_to_the_answer(steps):
    found = way(steps, strongest(steps))
    assert [each.step for each in found] == list(range(len(steps)))
    assert found[-1].place == (int(steps[-1].y.argmax()),)
    for one, next_one in pairwise(found):
        mask = reads(steps[next_one.step].layer, tuple(steps[next_one.step].x.shape[1:]), next_one.place)
        assert mask[one.place]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("conv9:1,2,3", "no layer 'conv9', there are conv1, batch_norm1, "),
        ("cnv2:1,2,3", "did you mean conv2?"),
        ("conv2:32,0,0", "write conv2:channel,row,column with channel 0 to 31, row 0 to 13, column 0 to 13"),
        ("conv2:1,2", "write conv2:channel,row,column"),
        ("conv2", "write conv2:channel,row,column"),
        ("conv2:a,b,c", "write conv2:channel,row,column"),
        ("linear1:10", "write linear1:number with number 0 to 9"),
    ],
)
def test_a_unit_that_is_none_is_explained(text, says, steps):
    with pytest.raises(MisuseError, match=re.escape(says)):
        unit(text, steps)


def test_units_are_read(steps):
    assert unit("max_pool1:3,2,1", steps) == Unit(6, (3, 2, 1))
    assert unit("linear1:4", steps) == Unit(11, (4,))


def test_the_numbers_drawn_are_the_networks(steps):
    chosen = strongest(steps)
    first = steps[chosen.step]
    found = terms(first, chosen.place)
    window = box(reads(first.layer, tuple(first.x.shape[1:]), chosen.place))
    figure = draw.products(first, found, 0, window, float(first.y[(0, *chosen.place)]))
    x, weights, products = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_allclose(x * weights, products, rtol=1e-5)
    assert float(products.sum()) == pytest.approx(float(first.y.max()), abs=1e-4)
    texts = [text.get_text() for text in figure.axes[2].texts]
    assert texts == [f"{value:.2f}".replace("-", "−") for value in products.ravel()]


def test_every_map_of_a_layer_is_drawn(steps):
    conv = next(each for each in steps if each.name == "conv2")
    filters, answers = responses.layer_maps(conv).axes
    assert len(filters.images) == len(answers.images) == 32
    for drawn, values in zip(answers.images, conv.y[0], strict=True):
        np.testing.assert_array_equal(drawn.get_array(), values)


def test_the_command(app, trained, photo):
    outcome = app("explain", photo, "--ckpt_path", trained, "--patches", "3", "-o", "there")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("7 ")
    assert "sum of the products" in outcome.out
    assert "linear1" in outcome.out
    there = photo.parent / "there"
    names = {path.name for path in there.iterdir()}
    assert {"explain.html", "steps.png", "products.png", "receptive-field.png", "patches.png"} <= names
    assert len([name for name in names if name.startswith("layer-")]) == len(DEFAULT_NET)
    text = (there / "explain.html").read_text("utf-8")
    assert all(each.startswith("data:") or each[0] == "#" for each in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert text.count("<img") == len(names) - 1


def test_a_unit_of_a_vector_and_of_a_deep_layer(app, trained, photo):
    outcome = app("explain", photo, "--ckpt_path", trained, "--patches", "0", "-o", "v", "--unit", "linear1:7")
    assert outcome.code == 0, outcome.err
    assert "largest of 800 products" in (photo.parent / "v" / "explain.html").read_text("utf-8")
    assert not (photo.parent / "v" / "patches.png").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["absent.png"], "absent.png: no such file"),
        (["x.png", "--unti", "conv1:0,0,0"], "did you mean --unit?"),
        (["x.png", "--patches", "many"], "is no whole number from 0 on"),
        ([], "see scratchlab explain --help"),
    ],
)
def test_misuse_is_one_line(app, trained, options, says):
    assert says in app("explain", *options, "--runs", trained.parent).message


@pytest.mark.parametrize("command", ["explain", "export-html", "report"])
def test_help_is_quick_and_has_examples(command):
    probe = "import sys; from lightning_app.__main__ import main; main([sys.argv[1], '--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe, command], capture_output=True, text=True, timeout=60, check=True
    )
    *text, modules = done.stdout.splitlines()
    assert any(f"scratchlab {command}" in line for line in text)
    assert any(line.lower() == "examples" for line in text)
    assert not {"torch", "pytorch_lightning", "matplotlib", "numpy"} & set(modules.split())
