"""Max and average pooling are torch's, indices included.

So is their memory, but for avg_pool3d (torch drops channels_last_3d, ours keeps it) and for unbatched volumes, whose
four axes torch may take for images.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.compare import EXACT, ROUNDED, agree
from tests.draw import Call, average_poolings, examples, max_poolings

FLOATS = (torch.float64, torch.float32)
OTHERS = (torch.bfloat16, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
REFUSED = (torch.bool, torch.complex64, torch.uint16)


def memory_is_torchs(rank, call):
    return rank < 3 or call.tensors[0].dim() == 5


ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@ranks
@given(data=st.data())
@examples(250)
def test_max_pool_is_torchs(rank, data):
    call: Call = data.draw(max_poolings(rank, FLOATS))
    agree(f"max_pool{rank}d", *call, strides=memory_is_torchs(rank, call), **EXACT)


@ranks
@given(data=st.data())
@examples(60)
def test_max_pool_is_torchs_in_every_dtype(rank, data):
    call: Call = data.draw(max_poolings(rank, OTHERS + REFUSED))
    agree(f"max_pool{rank}d", *call, strides=memory_is_torchs(rank, call), **EXACT)


@ranks
@given(data=st.data())
@examples(250)
def test_avg_pool_is_torchs(rank, data):
    call: Call = data.draw(average_poolings(rank, FLOATS))
    agree(f"avg_pool{rank}d", *call, strides=rank < 3, **ROUNDED[call.tensors[0].dtype])


@ranks
@given(data=st.data())
@examples(60)
def test_avg_pool_is_torchs_in_every_dtype(rank, data):
    call: Call = data.draw(average_poolings(rank, OTHERS + REFUSED))
    agree(f"avg_pool{rank}d", *call, strides=rank < 3, gradients=False)
