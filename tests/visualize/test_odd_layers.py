"""Layers that work in place, are called twice, take their means off, or stand in a process with settings of its own."""

import pytest
import torch

from scratchlayers import nn, visualize
from scratchlayers.__main__ import main
from scratchlayers.visualize.measure import field, inside, shapes, sliding
from scratchlayers.visualize.measure.layers import name


def test_a_title_names_the_layer():
    assert name(nn.MaxPool2d(2, stride=1)) != name(nn.MaxPool2d(2))
    assert "stride=1" in name(nn.MaxPool2d(2, stride=1))
    assert name(nn.Conv2d(1, 1, 3)) == "Conv2d(1, 1, 3)"


def test_parts_that_work_in_place_leave_the_step_before_and_the_input_alone():
    net = torch.nn.Sequential(torch.nn.ReLU(inplace=True), nn.Conv2d(1, 2, 3), torch.nn.ReLU(inplace=True)).double()
    x = torch.randn(1, 6, 6, dtype=torch.float64)
    before = x.clone()
    steps = inside.measure(net, x).steps
    assert torch.equal(x, before)
    wanted = net[1](before.clamp(min=0)[None])[0].detach()
    torch.testing.assert_close(torch.from_numpy(steps[1].output), wanted)
    assert (steps[1].output < 0).any()


class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.pool = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.b(self.pool(self.a(x))))


def test_the_field_of_a_part_that_is_called_twice_is_that_of_its_last_call():
    (found,) = field.measure(Twice(), 22, ["pool"]).fields
    assert found.reads.any(1).sum() == found.reads.any(0).sum() == 10  # 1 → 2 → 4 → 8 → 10


def test_a_field_reaches_through_what_takes_a_mean_off():
    net = torch.nn.Sequential(nn.Conv2d(1, 1, 3), torch.nn.BatchNorm2d(1), torch.nn.ReLU(), nn.Conv2d(1, 1, 3))
    net[1].running_mean.fill_(8.0)
    assert field.measure(net, 12, ["3"]).fields[0].reads.sum() == 25
    assert net[1].running_mean == 8.0


def test_every_cell_of_a_maximum_counts_as_read():
    found = shapes.measure(6, [3], [1], [0, 1], lambda k, s, p: nn.MaxPool1d(k, s, p))
    assert found.unread.sum() == 0


@pytest.mark.parametrize(("kernel", "padding", "size"), [(3, 1, 1), (5, 2, 2), (7, 3, 3), (1, 1, 4), (3, 4, 4)])
def test_padding_of_short_inputs_is_drawn_on_both_sides(kernel, padding, size):
    assert sliding.measure(nn.Conv1d(1, 1, kernel, padding=padding), size).padding[-1] == (padding, padding)


def test_the_process_is_left_as_it_was():
    layer, state = nn.Conv2d(1, 1, 3).requires_grad_(False), torch.get_rng_state()
    with torch.no_grad():
        for picture in (visualize.sliding_window, visualize.weight_gradient, visualize.im2col):
            assert picture(layer, 5).frames
    with torch.inference_mode():
        assert visualize.coverage(layer, 5).frames
    assert torch.equal(torch.get_rng_state(), state)
    assert not layer.weight.requires_grad


@pytest.mark.parametrize(
    "words",
    [
        "flip --layer ConvTranspose2d(1,1,3)",
        "pool-gradient --layer MaxPool2d(2) --layer MaxPool2d(2,stride=1)",
        "pooled --layer Conv2d(3,1,3)",
        "padding-values --layer ZeroPad2d(1) --layer ReflectionPad2d(9)",
        "receptive-field --size 500",
        "architecture --size 0",
        "kernels --scale inf",
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(words, tmp_path, capsys):
    assert main(["draw", *words.split(), "-o", str(tmp_path / "x.png")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
