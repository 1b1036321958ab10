"""What can this machine do at most? Fused multiply-adds that touch no memory, and a copy too large for any cache."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

import llvmlite.binding as llvm
import torch

_CHAINS = 10  # independent sums: as many as a multiply-add takes cycles, on both units; they fit 16 registers
_STEPS = 2_000_000
_COPIED = 2**28
_TRIES = 10


class Roofs(NamedTuple):
    """Operations and bytes a second, of all threads together."""

    flops: float
    bytes: float

    def share(self, flops: float, nbytes: float, seconds: float) -> float:
        """Return the share of min(peak, intensity x bandwidth) reached: above 1 in a cache, or by fewer flops."""
        return max(flops / self.flops, nbytes / self.bytes) / seconds


def measured() -> Roofs:
    """Measure both, on as many threads as torch is set to use."""
    return Roofs(_peak(torch.get_num_threads()), _copy())


def _peak(threads: int) -> float:
    lanes = _lanes()
    engine, chains = _compiled(_module(lanes))
    with ThreadPoolExecutor(threads) as pool:

        def run() -> None:
            list(pool.map(chains, [_STEPS] * threads))

        seconds = _least(run)
    del engine
    return 2 * lanes * _CHAINS * _STEPS * threads / seconds


def _copy() -> float:
    a = torch.ones(_COPIED // 4)
    b = torch.empty_like(a)
    return 2 * _COPIED / _least(lambda: b.copy_(a))


def _least(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(_TRIES):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def _lanes() -> int:
    have = llvm.get_host_cpu_features()
    return 16 if have.get("avx512f") else 8 if have.get("avx2") else 4


def _compiled(text: str) -> tuple[llvm.ExecutionEngine, Callable[[int], float]]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    return engine, ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(engine.get_function_address("chains"))


def _module(lanes: int) -> str:
    """Return the text of ``chains(n)``: n times, in each of the chains, a = a * x + x of whole vectors."""
    kind, chains = f"<{lanes} x float>", range(_CHAINS)
    fma = f"{kind} @llvm.fma.v{lanes}f32"
    lines = [
        f"declare {fma}({kind}, {kind}, {kind})",
        "define float @chains(i64 %n) {",
        "entry:",
        "  %seed = sitofp i64 %n to float",
        "  %small = fdiv float 1.0, %seed",
        f"  %one = insertelement {kind} zeroinitializer, float %small, i32 0",
        f"  %x = shufflevector {kind} %one, {kind} %one, <{lanes} x i32> zeroinitializer",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [0, %entry], [%next, %loop]",
        *(f"  %a{c} = phi {kind} [{_all(c, lanes)}, %entry], [%b{c}, %loop]" for c in chains),
        *(f"  %b{c} = call {fma}({kind} %a{c}, {kind} %x, {kind} %x)" for c in chains),
        "  %next = add i64 %i, 1",
        "  %more = icmp slt i64 %next, %n",
        "  br i1 %more, label %loop, label %end",
        "end:",
        *(f"  %s{c} = fadd {kind} %b{c}, {f'%s{c - 1}' if c else 'zeroinitializer'}" for c in chains),
        f"  %result = extractelement {kind} %s{_CHAINS - 1}, i32 0",
        "  ret float %result",
        "}",
    ]
    return "\n".join(lines)


def _all(value: int, lanes: int) -> str:
    return f"<{', '.join([f'float {value}.0'] * lanes)}>"
