"""How wide are the vectors of the machine that the kernels are compiled for?

The width follows from the features that Numba compiles for: those of the host, or what ``NUMBA_CPU_NAME`` and
``NUMBA_CPU_FEATURES`` say. ``SCRATCHLAYERS_SIMD`` asks for a narrower one.
"""

from __future__ import annotations

import os

import llvmlite.binding as llvm
from numba import config

VARIABLE = "SCRATCHLAYERS_SIMD"
WIDTHS = {"avx512": 64, "avx2": 32, "neon": 16, "sse": 16}


def features() -> set[str]:
    """Return the names of the features that code is generated for."""
    if config.CPU_FEATURES is not None:
        return {word[1:] for word in config.CPU_FEATURES.split(",") if word.startswith("+")}
    if config.CPU_NAME == "generic":
        return set()
    return {name for name, present in llvm.get_host_cpu_features().items() if present}


def _widest(have: set[str]) -> int:
    if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= have:
        return WIDTHS["avx512"]
    return WIDTHS["avx2"] if {"avx2", "fma"} <= have else WIDTHS["sse"]


def vector_bytes() -> int:
    """Return the bytes of one vector: 64, 32 or 16; ValueError for a word that names no width or too wide a one."""
    widest = _widest(features())
    word = os.environ.get(VARIABLE, "").lower()
    if not word:
        return widest
    if word not in WIDTHS or WIDTHS[word] > widest:
        allowed = ", ".join(name for name, width in WIDTHS.items() if width <= widest)
        raise ValueError(f"{VARIABLE} asks for {word!r}; this machine has {allowed}")
    return WIDTHS[word]


VECTOR_BYTES = vector_bytes()
# How many vectors the machine has registers for: AVX-512 and NEON have 32, AVX2 and SSE 16.
REGISTERS = 32 if VECTOR_BYTES == 64 or "neon" in features() else 16


def lanes(itemsize: int) -> int:
    """Return how many elements of this many bytes one vector holds."""
    return VECTOR_BYTES // itemsize
