"""pad is torch's in every mode: of any rank, cropping included."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.compare import EXACT, agree
from tests.draw import Call, constant_paddings, copying_paddings, examples

FLOATS = (torch.float64, torch.float32)
OTHERS = (
    *(torch.bfloat16, torch.float16, torch.complex128, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
modes = pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])


@given(data=st.data())
@examples(400)
def test_constant_padding_is_torchs(data):
    call: Call = data.draw(constant_paddings(FLOATS))
    agree("pad", *call, strides=keeps_memory(*call.tensors, call.words[0]), **EXACT)


def keeps_memory(x, sides):
    """Whether torch's strides are ours: for batches laid out as usual, of which no pad reaches into N and C."""
    formats = {4: [torch.channels_last], 5: [torch.channels_last_3d]}.get(x.dim(), [])
    usual = [torch.empty_like(x, memory_format=format).stride() for format in (torch.contiguous_format, *formats)]
    return x.stride() in usual and len(sides) <= 2 * (x.dim() - 2)


@given(data=st.data())
@examples(200)
def test_constant_padding_is_torchs_in_every_dtype(data):
    call: Call = data.draw(constant_paddings(OTHERS))
    agree("pad", *call, strides=False, **EXACT)


@modes
@given(data=st.data())
@examples(200)
def test_copying_padding_is_torchs(mode, data):
    call: Call = data.draw(copying_paddings(mode, FLOATS))
    agree("pad", *call, strides=keeps_memory(*call.tensors, call.words[0]), **EXACT)


@modes
@given(data=st.data())
@examples(100)
def test_copying_padding_is_torchs_in_every_dtype(mode, data):
    call: Call = data.draw(copying_paddings(mode, OTHERS))
    agree("pad", *call, strides=False, gradients=False, **EXACT)
