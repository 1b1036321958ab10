"""How wide are the vectors of the machine that the kernels are compiled for?

The width follows from the features that Numba generates code for: the host's, or what ``NUMBA_CPU_NAME`` and
``NUMBA_CPU_FEATURES`` say. ``SCRATCHLAYERS_SIMD`` asks for a narrower one.
"""

from __future__ import annotations

import os

from numba.core.registry import cpu_target

VARIABLE = "SCRATCHLAYERS_SIMD"
TRIPLE, CPU, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
FEATURES = frozenset(word[1:] for word in _FEATURES.split(",") if word.startswith("+"))
ARM = TRIPLE.startswith(("aarch64", "arm64"))


def widths() -> dict[str, int]:
    """Return the bytes of a vector by the name of the instructions that have such vectors here, widest first."""
    if ARM:
        return {"neon": 16}
    avx512 = {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= FEATURES
    avx2 = {"avx2", "fma"} <= FEATURES
    return {**({"avx512": 64} if avx512 else {}), **({"avx2": 32} if avx2 else {}), "sse": 16}


def vector_bytes() -> int:
    """Return the bytes of one vector: 64, 32 or 16; ValueError if the machine has none that is called as asked."""
    have = widths()
    word = os.environ.get(VARIABLE, "").lower() or next(iter(have))
    if word not in have:
        raise ValueError(f"{VARIABLE} asks for {word!r}; this machine has {', '.join(have)}")
    return have[word]


VECTOR_BYTES = vector_bytes()
# How many vectors the machine has registers for: AVX-512 and NEON have 32, AVX2 and SSE 16.
REGISTERS = 32 if VECTOR_BYTES == 64 or ARM else 16


def lanes(itemsize: int) -> int:
    """Return how many elements of this many bytes one vector holds."""
    return VECTOR_BYTES // itemsize
