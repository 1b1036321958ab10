"""Every layer beside torch's."""

import pytest

from scratchlayers import nn
from scratchlayers.testing import module_checks
from scratchlayers.testing.layers import LAYERS

_PAD_BEFORE_CONV = "the input's axes are counted before torch's padding would fail"
GAPS = {
    "same_memory_format-AvgPool3d((2, 1, 3), divisor_override=5)": "torch's avg_pool3d forgets channels_last, ours does not",
    "same_errors-Conv1d(2, 3, 2, padding='same', padding_mode='circular')": _PAD_BEFORE_CONV,
    "same_errors-Conv2d(2, 3, 3, padding=1, padding_mode='reflect')": _PAD_BEFORE_CONV,
    "same_errors-Conv2d(2, 3, 3, padding=2, padding_mode='replicate', bias=False)": _PAD_BEFORE_CONV,
    "same_errors-ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1)": "ours takes an empty image",
    "same_errors-ConvTranspose3d(2, 2, 2, stride=(2, 1, 2), bias=False)": "ours takes an empty image",
    "same_errors-ZeroPad2d((1, -1, 2, 0))": "ours crops an empty image",
    "same_errors-ConstantPad2d((1, 0, -1, 2), -1.5)": "ours crops an empty image",
}


def _marked(check):
    gap = GAPS.get(str(check))
    return pytest.param(check, id=str(check), marks=[pytest.mark.xfail(strict=True, reason=gap)] if gap else [])


@pytest.mark.parametrize("check", [*map(_marked, module_checks())])
def test_layer_is_torchs(check):
    check()


def test_every_class_of_ours_is_in_the_table():
    assert {layer.name for layer in LAYERS} == set(nn.__all__) - {"functional"}


def test_every_gap_is_one_of_the_checks():
    assert set(GAPS) <= set(map(str, module_checks()))
