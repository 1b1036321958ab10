import torch
from torch import nn

from scratchlayers.bench.passes import direction
from scratchlayers.bench.problems import Problem, sides
from scratchlayers.bench.work import work


def worked(problem):
    side, _, x = sides(problem)
    return work(problem, side, x, direction(side, x))


def test_a_convolution():
    found = worked(Problem("x", "", "", (2, 4, 8, 8), lambda: nn.Conv2d(4, 6, 3, groups=2)))
    flops, moved = 2 * (2 * 6 * 36) * (2 * 9), 4 * (2 * 4 * 64 + 6 * 2 * 9 + 6 + 2 * 6 * 36)
    assert found["forward"] == found["input"] == found["weight"] == (flops, moved)
    assert found["step"] == (3 * flops, 3 * moved)


def test_a_transposed_convolution_does_what_its_transpose_does():
    found = worked(Problem("x", "", "", (2, 6, 6, 6), lambda: nn.ConvTranspose2d(6, 4, 3, groups=2)))
    assert found["forward"].flops == 2 * (2 * 6 * 36) * (2 * 9)


def test_a_pooling_only_moves():
    found = worked(Problem("x", "", "", (2, 4, 8, 8), lambda: nn.MaxPool2d(2), ("forward", "input", "step")))
    assert found["forward"] == (0, 4 * (2 * 4 * 64 + 2 * 4 * 16))
    assert found["step"] == (0, 2 * found["forward"].bytes)


def test_a_net_needs_no_gradient_of_its_data():
    def build():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5))

    found = worked(Problem("x", "", "", (3, 1, 6, 6), build, ("forward", "step"), net=True))
    conv, linear = 2 * (3 * 2 * 16) * 9, 2 * (3 * 5) * 32
    assert found == {"forward": (conv + linear, None), "step": (2 * conv + 3 * linear, None)}


def test_the_module_is_left_as_it_was():
    side, _, x = sides(Problem("x", "", "", (2, 4, 8, 8), lambda: nn.Conv2d(4, 6, 3)))
    work(Problem("x", "", "", (2, 4, 8, 8), lambda: side.module), side, x, torch.ones(1))
    assert not side.module._forward_hooks
