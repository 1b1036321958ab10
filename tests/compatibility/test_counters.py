"""Tools that count operations and describe models give torch's numbers."""

from functools import partial

import pytest
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode

from scratchlayers import nn
from tests.compatibility.models import build, images, net

row = partial(pytest.mark.compatible, "Counters")


LAYERS = {
    "Conv1d, strided": lambda s: s.Conv1d(4, 6, 3, stride=2, padding=1),
    "Conv2d, dilated, groups": lambda s: s.Conv2d(4, 6, (3, 2), dilation=2, groups=2),
    "Conv2d, depthwise, no bias": lambda s: s.Conv2d(4, 8, 3, padding="same", groups=4, bias=False),
    "Conv2d, reflecting": lambda s: s.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    "Conv3d": lambda s: s.Conv3d(4, 2, 2),
    "ConvTranspose1d": lambda s: s.ConvTranspose1d(4, 6, 3, stride=2),
    "ConvTranspose2d, groups": lambda s: s.ConvTranspose2d(4, 6, (3, 2), stride=2, output_padding=1, groups=2),
    "ConvTranspose3d": lambda s: s.ConvTranspose3d(4, 2, 2, padding=1),
    "MaxPool2d": lambda s: s.MaxPool2d(2),
    "AvgPool3d": lambda s: s.AvgPool3d(2),
    "CircularPad1d": lambda s: s.CircularPad1d(2),
}


def flops(model, x, need):
    """The counts of forward and of backward, by module; forward's input needs a gradient or not."""
    with FlopCounterMode(display=False) as counter:
        y = model(x.requires_grad_(need))
    before = counter.get_total_flops()
    if y.requires_grad:
        with counter:
            y.sum().backward()
    counts = {m: sum(c.values()) for m, c in counter.get_flop_counts().items()}
    return before, counter.get_total_flops(), {m: n for m, n in counts.items() if n}


@row("torch.utils.flop_counter.FlopCounterMode, in all and by module")
def test_a_models_flops_are_torchs():
    ours, torchs = (flops(build(net, s), images(), True) for s in (nn, torch.nn))
    assert ours == torchs
    assert 0 < ours[0] < ours[1]


@row("FlopCounterMode: {name}, forward and backward")
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("need", [True, False], ids=["input needs gradient", "input needs none"])
def test_a_layers_flops_are_torchs(name, need):
    rank = int(name.split(",")[0][-2])
    ours, torchs = (
        flops(build(LAYERS[name], s), torch.ones(2, 4, *(7, 6, 5)[:rank]).double(), need) for s in (nn, torch.nn)
    )
    assert ours == torchs
    assert (ours[0] > 0) == ("Conv" in name)


@row("FlopCounterMode: backward of what was computed outside of the mode")
def test_flops_of_backward_alone_are_torchs():
    def run(model):
        loss = model(images()).sum()
        with FlopCounterMode(display=False) as counter:
            loss.backward()
        return counter.get_total_flops()

    assert run(build(net, nn)) == run(build(net, torch.nn)) > 0


@row("torchinfo: shapes, parameters, multiply-adds")
def test_a_summary_is_torchs():
    ours, torchs = (
        torchinfo.summary(build(net, s), (2, 3, 8, 8), verbose=0, dtypes=[torch.float64]) for s in (nn, torch.nn)
    )
    assert ours.total_mult_adds == torchs.total_mult_adds > 0
    assert str(ours) == str(torchs)


@row("fvcore.nn.FlopCountAnalysis")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_fvcore_counts_as_in_torch():
    from fvcore.nn import FlopCountAnalysis

    ours, torchs = (FlopCountAnalysis(build(net, s), images()).unsupported_ops_warnings(False) for s in (nn, torch.nn))
    assert torchs.total() > 0
    assert ours.by_operator() == torchs.by_operator()
    assert ours.by_module() == torchs.by_module()


@row("torch.profiler: forward and backward of our operators carry names")
def test_a_profile_names_our_operators():
    model = build(net, nn)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        model(images()).sum().backward()
    names = {event.key for event in profile.key_averages()}
    assert {"Conv", "ConvBackward", "InputGrad", "MaxPool", "MaxPoolBackward"} <= names, sorted(names)
