import pytest
import torch
from torch import nn

from scratchlayers.bench.passes import direction, prepared
from scratchlayers.bench.problems import INPUT, PASSES, STEP, WEIGHT, Problem, sides

CONV = Problem("x1", "small", "dense 3x3", (2, 4, 9, 9), lambda: nn.Conv2d(4, 6, 3, padding=1))


def test_each_pass_gives_what_its_name_says_again_and_again():
    for side in sides(CONV)[:2]:
        x = sides(CONV)[2]
        gy = direction(side, x)
        leaf = x.clone().requires_grad_()
        y = side.module.requires_grad_()(leaf)
        gx, *gw = torch.autograd.grad(y, [leaf, *side.module.parameters()], gy)
        wanted = {"forward": [y], "input": [gx], "weight": gw, "step": [gx, *gw]}
        for kind in PASSES:
            run = prepared(side, kind, x, gy)
            for _ in range(2):
                torch.testing.assert_close(list(run()), wanted[kind])


def test_a_forward_records_nothing():
    side, _, x = sides(CONV)
    (y,) = prepared(side, "forward", x, direction(side, x))()
    assert not y.requires_grad


@pytest.mark.parametrize(("kind", "needed"), [(INPUT, {"x"}), (WEIGHT, {"w", "b"}), (STEP, {"x", "w", "b"})])
def test_a_pass_computes_no_other_gradient(kind, needed):
    side, _, x = sides(CONV)
    prepared(side, kind, x, direction(side, x))
    asked = {name[0] for name, parameter in side.module.named_parameters() if parameter.requires_grad}
    assert asked == needed - {"x"}


def test_a_net_infers_in_forward_and_learns_in_its_step():
    net = Problem("x2", "net", "whole nets", (4, 2), lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)), net=True)
    side, _, x = sides(net)
    gy = direction(side, x)
    prepared(side, "forward", x, gy)
    assert not side.module.training
    gradients = prepared(side, "step", x, gy, net=True)()
    assert side.module.training
    assert [gradient.shape for gradient in gradients] == [(3, 2), (3,)]


def test_both_sides_have_the_same_weights_of_their_own():
    theirs, ours, _ = sides(CONV)
    assert type(theirs.module).__module__.startswith("torch.")
    assert type(ours.module).__module__.startswith("scratchlayers.")
    for a, b in zip(theirs.module.parameters(), ours.module.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.data_ptr() != b.data_ptr()


def test_a_bare_function_is_timed_alone():
    def bare(space, module):
        seen.append(space.__name__)
        return module

    seen = []
    sides(Problem("x3", "bare", "tiny", (1, 4, 5, 5), lambda: nn.Conv2d(4, 4, 3), bare=bare))
    assert seen == ["torch.nn.functional", "scratchlayers.functional"]


@pytest.mark.parametrize(("shape", "layer"), [((2, 4, 5, 5), nn.Conv2d), ((2, 4, 5, 5, 5), nn.Conv3d)])
def test_channels_last_is_kept_throughout(shape, layer):
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    theirs, ours, x = sides(Problem("x4", "", "", shape, lambda: layer(4, 6, 3)), torch.channels_last)
    gy = direction(theirs, x)
    for tensor in (x, gy, theirs.module.weight, ours.module.weight):
        assert tensor.is_contiguous(memory_format=layout)


def test_channels_last_leaves_a_row_as_it_is():
    assert sides(Problem("x5", "", "", (2, 4, 5), lambda: nn.Conv1d(4, 6, 3)), torch.channels_last)[2].is_contiguous()
