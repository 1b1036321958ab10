import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lightning_app.data.idx import parse
from lightning_app.errors import AppError

from .miniature import written


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=4, max_side=5)))
def test_what_is_written_is_read(array):
    np.testing.assert_array_equal(parse(written(array), "here"), array)


@given(st.binary(max_size=40))
def test_no_bytes_at_all_end_in_anything_but_an_array_or_one_line(content):
    with suppress(AppError):
        assert parse(content, "here").nbytes <= len(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nowhere"),
        (b"\x89PNG", "not an IDX file"),
        (b"\0\0\x0d\1" + struct.pack(">I", 1) + b"\0\0\0\0", "unsigned bytes"),
        (b"\0\0\x08\3\0\0", "truncated"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x", "the file holds 1"),
        (written(np.zeros((2, 3), np.uint8))[:-1], "the file holds 5"),
        (written(np.zeros((2, 3), np.uint8)) + b"x", "the file holds 7"),
    ],
)
def test_other_files_are_refused_in_a_line(content, why):
    with pytest.raises(AppError, match=f"here: .*{why}"):
        parse(content, "here")
