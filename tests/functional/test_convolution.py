"""conv1d, conv2d and conv3d, forwards and transposed, are torch's: on whole numbers, exactly.

So is their memory, but for conv3d: torch's kernels for float64, integers and small inputs drop channels_last_3d, ours
keep it.
"""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.compare import EXACT, agree
from tests.draw import Call, convolutions, examples, transposed_convolutions

FLOATS = (torch.float64, torch.float32)
COMPLEX = (torch.complex128, torch.complex64)
OTHERS = (torch.bfloat16, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
# torch's, for padding="same" with an even kernel; ours needs no copy
quiet = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")


@ranks
@quiet
@given(data=st.data())
@examples(200)
def test_conv_is_torchs(rank, data):
    call: Call = data.draw(convolutions(rank, FLOATS))
    agree(f"conv{rank}d", *call, strides=rank < 3, **EXACT)


@ranks
@quiet
@given(data=st.data())
@examples(60)
def test_conv_is_torchs_in_every_dtype(rank, data):
    call: Call = data.draw(convolutions(rank, COMPLEX + OTHERS))
    agree(f"conv{rank}d", *call, strides=rank < 3, gradients=call.tensors[0].dtype in COMPLEX, **EXACT)


@ranks
@given(data=st.data())
@examples(150)
def test_conv_transpose_is_torchs(rank, data):
    call: Call = data.draw(transposed_convolutions(rank, FLOATS))
    agree(f"conv_transpose{rank}d", *call, strides=rank < 3, **EXACT)


@ranks
@given(data=st.data())
@examples(60)
def test_conv_transpose_is_torchs_in_every_dtype(rank, data):
    call: Call = data.draw(transposed_convolutions(rank, COMPLEX + OTHERS))
    assume(call.tensors[0].numel() or call.tensors[0].is_floating_point())  # without images torch takes any dtype
    agree(f"conv_transpose{rank}d", *call, strides=rank < 3, gradients=call.tensors[0].dtype in COMPLEX, **EXACT)
