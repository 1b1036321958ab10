"""What does an IDX file say? The format MNIST is published in (http://yann.lecun.com/exdb/mnist, "file formats").

Two zero bytes, a type code (8: unsigned byte), the number of dimensions, each size as a big-endian 32-bit
integer, then the elements in C order.
"""

import math
import struct

import numpy as np

from lightning_app.errors import AppError

UNSIGNED_BYTE = 8


def parse(content: bytes, where: str) -> np.ndarray:
    """The array in ``content``, a view without a copy. Sizes are believed only if the bytes are there."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise AppError(f"{where}: not an IDX file of unsigned bytes (it begins {content[:4].hex(' ') or 'nowhere'})")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise AppError(f"{where}: truncated, the IDX header alone takes {start} bytes and {len(content)} are there")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if math.prod(shape) != len(content) - start:
        raise AppError(f"{where}: the IDX header promises {shape} bytes, the file holds {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
