"""Thousands of problems that nobody chose, forward and backward, against torch.nn in float64; on guarded memory, too.

A problem's number says all: ``python -m tests.backends.test_numba_random 1234 1`` runs that one on guarded memory.
"""

import gc
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from scratchlayers import precision, registry, use_backend
from scratchlayers.backends.numba_cpu import target, workspace
from tests.guard import at_the_end, at_the_start

from .problems import HALF, draw

FEW, MANY = 240, 6000  # problems in a default run, and in a long one
CHUNK = 120
SOAK = float(os.environ.get("SOAK_MINUTES", "0")) * 60 or 5.0  # seconds


def results(function, tensors, gy=None, place=lambda x: x):
    """y and the gradients of every tensor; and gy, drawn if there is none."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    y = function(*leaves)
    if gy is None:
        gy = place(torch.randn(y.shape, generator=torch.Generator().manual_seed(0)).to(y))
    return (y, *torch.autograd.grad(y, leaves, gy)), gy


def reference(problem, gy):
    """The same in float64; and the same of the absolute numbers, to which what is rounded away is compared."""
    exact, _ = results(problem.torchs, [t.double() for t in problem.tensors], gy.double())
    if "conv" not in problem.name:
        return exact, [each.abs().max() if each.numel() else 0 for each in exact]
    sizes, _ = results(problem.torchs, [t.double().abs() for t in problem.tensors], gy.double().abs())
    return exact, sizes


def mismatch(problem, word, place=lambda x: x):
    """What is wrong with a problem's results at a precision; None if nothing is."""
    try:
        with use_backend("numba"), precision(word):
            mine, gy = results(problem.ours, problem.tensors, place=place)
        exact, sizes = reference(problem, gy)
    except Exception as why:  # noqa: BLE001 a wrong kernel may raise anything; it is reported with its problem
        return f"{problem}: {type(why).__name__}: {why}"
    for name, got, want, size in zip(("y", "gx", "gw", "gb"), mine, exact, sizes, strict=False):
        if got.shape != want.shape or got.dtype != problem.dtype:
            return f"{problem}: {name} is {tuple(got.shape)} of {got.dtype}"
        if not (error := (got.double() - want).abs() - allowed(problem, want, size, word)).le(0).all():
            return f"{problem}: {name} is off at {int((~error.le(0)).sum())} of {error.numel()} elements"
    return None


def allowed(problem, want, size, word):
    """A unit in the last place of each result, and one of its terms' absolute sum for each doubling of their number.

    What is fast but not exact may mix outputs of a tile, so there the sum may be any of the tensor's.
    """
    accumulated = torch.float32 if problem.dtype in HALF else problem.dtype
    if word == "fast" and accumulated is torch.float32 and "conv" in problem.name and want.numel():
        size = 8 * size.max()
    doublings = 2 + max(problem.terms, 1).bit_length()
    rounding = torch.finfo(problem.dtype).eps * (want.abs() + torch.finfo(problem.dtype).tiny)
    return rounding + doublings * torch.finfo(accumulated).eps * size


@contextmanager
def guarded_memory(place):
    """Put all that the kernels allocate beside a page that nobody may touch, filled with NaN or the largest number."""

    def forbidding(allocate):
        def allocated(*sizes, **options):
            memory = place(allocate(*sizes, **options))
            return memory.fill_(float("nan") if memory.is_floating_point() else torch.iinfo(memory.dtype).max)

        return allocated

    with ExitStack() as stack:
        for name in ("empty", "empty_strided"):
            stack.enter_context(patch.object(torch, name, forbidding(getattr(torch, name))))
        workspace._local.__dict__.clear()
        try:
            yield
        finally:
            workspace._local.__dict__.clear()


def on_guarded_memory(seed, word):
    """Compute a problem, its dense operands and all that kernels allocate being guarded at one end."""
    problem = draw(seed)
    place = (at_the_end, at_the_start)[seed % 2]
    problem.tensors = tuple(
        place(t) if t.is_contiguous() or t.is_contiguous(memory_format=torch.channels_last) else t
        for t in (t.contiguous() if t.dim() != 4 else t for t in problem.tensors)
    )
    with guarded_memory(place):
        return mismatch(problem, word, place)


def words(seed):
    return ("fast", "exact")[seed // 2 % 2]


def check(seeds):
    wrong = [found for seed in seeds if (found := mismatch(draw(seed), words(seed)))]
    assert not wrong, f"{len(wrong)} of {len(seeds)}:\n" + "\n".join(wrong[:10])


def check_guarded(first, count):
    """In a new process: what touches a guard ends it."""
    command = [sys.executable, "-m", "tests.backends.test_numba_random", str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout.strip().splitlines()
    assert done.returncode == 0, f"status {done.returncode} after {said[-3:]}\n{done.stderr[-3000:]}"
    assert said[-1] == f"{count} problems"


def chunks(start, stop):
    return [range(first, min(first + CHUNK, stop)) for first in range(start, stop, CHUNK)]


@pytest.mark.parametrize("seeds", chunks(0, FEW), ids=str)
def test_random_problems(seeds):
    check(seeds)


@pytest.mark.thorough
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seeds", chunks(FEW, MANY), ids=str)
def test_many_random_problems(seeds):
    check(seeds)


@pytest.mark.parametrize("first", [0])
def test_no_kernel_touches_what_is_not_its_own(first):
    check_guarded(first, CHUNK)


@pytest.mark.thorough
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("first", range(CHUNK, MANY // 2, 4 * CHUNK))
def test_no_kernel_touches_what_is_not_its_own_at_length(first):
    check_guarded(first, 4 * CHUNK)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("width", [name for name, n in target.widths().items() if n < target.VECTOR_BYTES])
def test_random_problems_at_narrower_widths(width):
    environment = {**os.environ, target.VARIABLE: width}
    tests = ("test_random_problems", "test_no_kernel_touches_what_is_not_its_own")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"{__file__}::{t}" for t in tests)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize(
    "kernel", ["conv", "conv_input_grad", "conv_weight_grad", "pad_adjoint", "scatter", "avg_pool"]
)
def test_a_wrong_kernel_would_be_noticed(kernel):
    """One element of a result, off by a hundredth."""
    real = registry.get("numba")

    def wrong(*operands, **options):
        y = real.kernels[kernel](*operands, **options)
        y.view(-1)[y.numel() // 2] *= 1.01
        return y

    registry.register(replace(real, kernels={**real.kernels, kernel: wrong}, exact={}), replace=True)
    try:
        assert any(mismatch(draw(seed), "fast") for seed in range(60))
    finally:
        registry.register(real, replace=True)
    assert not any(mismatch(draw(seed), "fast") for seed in range(60))


def test_a_guard_ends_the_process_that_touches_it():
    code = (
        "import ctypes, torch\nfrom tests.guard import {place}\nx = {place}(torch.zeros(100))\n"
        "ctypes.memset(x.data_ptr() + {offset}, 0, 1)"
    )
    for place, inside, outside in (("at_the_end", 399, 400), ("at_the_start", 0, -1)):
        for offset, survives in ((inside, True), (outside, False)):
            command = [sys.executable, "-c", code.format(place=place, offset=offset)]
            assert (subprocess.run(command, check=False, capture_output=True).returncode == 0) is survives


@pytest.mark.timeout(max(300, 2 * SOAK))
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow():
    """Mixed calls for a while (SOAK_MINUTES=30 for long): what the process holds stays what it was."""

    def held():
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def lap():
        for seed in range(60):
            problem = draw(seed)
            with use_backend("numba"):
                results(problem.ours, problem.tensors)

    lap()
    lap()
    before, end = held(), time.monotonic() + SOAK
    laps = 0
    while time.monotonic() < end or not laps:
        lap()
        laps += 1
    growth = held() - before
    assert growth < 24 * 2**20, f"{growth / 2**20:.1f} MiB more after {laps} laps"


if __name__ == "__main__":
    start, number = map(int, sys.argv[1:3])
    for each in range(start, start + number):
        sys.stdout.write(f"{draw(each)}\n")
        sys.stdout.flush()
        if found := on_guarded_memory(each, words(each)):
            sys.exit(found)
    sys.stdout.write(f"{number} problems\n")
