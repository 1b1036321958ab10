"""Tools that count operations and describe models give torch's numbers."""

from functools import partial

import pytest
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode

from scratchlayers import nn
from tests.compatibility.models import build, images, net

row = partial(pytest.mark.compatible, "Counters")


def flops(space, make=net):
    model = build(make, space)
    with FlopCounterMode(display=False) as counter:
        model(images().requires_grad_()).sum().backward()
    per_module = {m: sum(c.values()) for m, c in counter.get_flop_counts().items()}
    return counter.get_total_flops(), {m: n for m, n in per_module.items() if n}


@row("torch.utils.flop_counter.FlopCounterMode, forward and backward, in all and by module")
@pytest.mark.xfail(strict=True, reason="a dispatch mode sees no operator of ours")
def test_flops_are_torchs():
    assert flops(nn)[0] > 0
    assert flops(nn) == flops(torch.nn)


@row("torchinfo: shapes, parameters, multiply-adds")
def test_a_summary_is_torchs():
    ours, torchs = (
        torchinfo.summary(build(net, s), (2, 3, 8, 8), verbose=0, dtypes=[torch.float64]) for s in (nn, torch.nn)
    )
    assert ours.total_mult_adds == torchs.total_mult_adds > 0
    assert str(ours) == str(torchs)


@row("fvcore.nn.FlopCountAnalysis")
@pytest.mark.xfail(strict=True, reason="it traces by torch.jit.trace, which does not reach our kernels")
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
    assert {"Conv", "MaxPool", "InputGrad", "LinearMap"} <= names, sorted(names)
