"""From a Python function to machine code: what it is compiled for, what its code depends on, what it costs."""

import importlib
import itertools
import sys
import threading

import numpy as np
import pytest
import torch

from scratchlayers.backends.numba_cpu import cache, jit, patience, team
from scratchlayers.backends.numba_cpu.jit import Bytes, Ints, Longs, Real, inner, kernel

FACTOR = 3
COUNT = itertools.count()


@inner
def twice(a):
    """2 a."""
    return a + a


@kernel
def scale(lo, hi, thread, x: Real, y: Real, shift):
    """y = 2 FACTOR x + shift."""
    for i in range(lo, hi):
        y[i] = twice(x[i]) * FACTOR + shift


@kernel
def widen(lo, hi, thread, x: Real, bytes: Bytes, ints: Ints, longs: Longs):
    """Copies of other types."""
    for i in range(lo, hi):
        bytes[i] = np.uint8(x[i])
        ints[i] = np.int32(x[i])
        longs[i] = np.int64(x[i])


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A cache of this test's own."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a module of this name and import it anew, as a new process would."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            return importlib.import_module(name)
        finally:
            sys.dont_write_bytecode = before
            jit._fingerprint.cache_clear()

    yield write
    jit._fingerprint.cache_clear()


def scaled(x, shift=1, **constants):
    y = torch.empty_like(x)
    team.Job(scale.compiled(x.dtype, **constants), len(x), 0, 2, shift).run(x.data_ptr(), y.data_ptr())
    return y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32, torch.int64])
def test_real_is_the_dtype_that_is_asked_for(dtype):
    x = torch.arange(-5, 6).to(dtype)
    assert torch.equal(scaled(x), 6 * x + 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_other_pointers_have_their_own_dtype(dtype):
    x = torch.arange(9).to(dtype)
    ys = [torch.empty(9, dtype=d) for d in (torch.uint8, torch.int32, torch.int64)]
    team.Job(widen.compiled(dtype), 9, 0, 4).run(x.data_ptr(), *(y.data_ptr() for y in ys))
    assert all(y.tolist() == list(range(9)) for y in ys)


def test_globals_may_be_replaced():
    x = torch.arange(4.0)
    assert torch.equal(scaled(x, FACTOR=10), 20 * x + 1)
    assert torch.equal(scaled(x), 6 * x + 1)


def test_a_global_that_is_not_there_is_an_error():
    with pytest.raises(TypeError, match="scale reads no global FACTR"):
        scale.compiled(torch.float32, FACTR=10)


@kernel
def refuse(lo, hi, thread, x: Real, by):
    """It raises."""
    if by == 0:
        raise ValueError("by nothing")


def test_a_kernel_that_may_raise_is_refused_before_it_is_kept(place):
    """Its code would end the process that reads it from the disk."""
    with pytest.raises(TypeError, match="the kernel refuse raises or allocates"):
        refuse.compiled(torch.float32)
    assert not list(place.rglob("refuse-*"))


def test_an_address_is_made_once():
    assert scale.compiled(torch.float32) == scale.compiled(torch.float32)
    assert scale.compiled(torch.float32) != scale.compiled(torch.float64)


def test_nan_and_infinity_mean_what_they_mean():
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0])
    assert torch.equal(scaled(x).isnan(), x.isnan())
    assert torch.equal(scaled(x)[1:3], x[1:3])


def test_many_threads_that_ask_at_once_compile_once(place, written):
    module = written("together", MODULE.format(factor=2))
    before, addresses = patience.spent["compile"], []
    barrier = threading.Barrier(4)

    def ask():
        barrier.wait(10)
        addresses.append(module.scale.compiled(torch.float32))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(addresses)) == 1
    assert patience.spent["compile"] > before
    assert len(list(place.iterdir())) == 1


# What is kept

MODULE = """
from __future__ import annotations
from scratchlayers.backends.numba_cpu.jit import Real, inner, kernel

@inner
def twice(a):
    return {factor} * a

@kernel
def scale(lo, hi, thread, x: Real, y: Real):
    for i in range(lo, hi):
        y[i] = twice(x[i])
"""


def run(module):
    """What the module's kernel makes of 1."""
    x, y = torch.ones(1), torch.empty(1)
    team.Job(module.scale.compiled(torch.float32), 1, 0, 2).run(x.data_ptr(), y.data_ptr())
    return y.item()


def compiles(action):
    """Whether an action compiled anything."""
    before = patience.spent["compile"]
    action()
    return patience.spent["compile"] > before


def test_what_was_compiled_is_found_again(place, written):
    source = MODULE.format(factor=2)
    assert compiles(lambda: run(written("again", source)))
    assert not compiles(lambda: run(written("again", source)))
    assert run(written("again", source)) == 2


def test_what_changed_is_compiled_again(place, written):
    """Even where only a function that it calls has changed."""
    for factor in (2, 5):
        assert compiles(lambda factor=factor: run(written("changed", MODULE.format(factor=factor))))
        assert run(written("changed", MODULE.format(factor=factor))) == factor


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(jit, "VECTOR_BYTES", 8),
        lambda patch: patch.setattr(jit.numba, "__version__", "0.0"),
        lambda patch: patch.setattr(jit.llvmlite, "__version__", "0.0"),
        lambda patch: patch.setattr(jit.config, "OPT", 1),
        lambda patch: patch.setattr(type(jit.cpu_target.target_context.codegen()), "magic_tuple", lambda _: ("x",)),
        lambda patch: patch.setattr(jit.sys.implementation, "cache_tag", "x"),
    ],
    ids=["width", "numba", "llvmlite", "optimisation", "processor", "python"],
)
def test_the_fingerprint_knows_the_compiler_and_the_machine(monkeypatch, change):
    jit._fingerprint.cache_clear()
    before = jit._fingerprint(__name__)
    with monkeypatch.context() as patch:
        change(patch)
        jit._fingerprint.cache_clear()
        assert jit._fingerprint(__name__) != before
    jit._fingerprint.cache_clear()
    assert jit._fingerprint(__name__) == before
    jit._fingerprint.cache_clear()


def test_kernels_of_one_name_in_two_modules_are_two(place, written):
    modules = [written(name, MODULE.format(factor=2)) for name in ("one", "other")]
    assert [run(module) for module in modules] == [2, 2]
    assert len(list(place.iterdir())) == 2


@pytest.mark.parametrize(
    "line",
    [
        "from .simd import load, store",
        "from .simd import (\n    load,\n    store,\n)",
        "from . import simd",
        "from . import simd as vectors, team",
        "from .simd import load as fetch  # a word",
        "from scratchlayers.backends.numba_cpu.simd import load",
    ],
)
def test_a_module_depends_on_those_it_imports_from(monkeypatch, tmp_path, line):
    name = f"{jit.__package__}.invented{next(COUNT)}"
    module = type(sys)(name)
    module.__file__ = str(tmp_path / "invented.py")
    (tmp_path / "invented.py").write_text(f"{line}\n")
    monkeypatch.setitem(sys.modules, name, module)
    package = f"{jit.__package__}."
    assert {name, f"{package}simd", f"{package}target"} <= set(jit._sources(name))


def test_what_was_typed_in_is_not_found_again(monkeypatch):
    """A session has no file that would tell one definition from the next."""
    monkeypatch.setitem(sys.modules, "typed_in", type(sys)("typed_in"))
    jit._fingerprint.cache_clear()
    first = jit._fingerprint("typed_in")
    jit._fingerprint.cache_clear()
    assert jit._fingerprint("typed_in") != first


# What it costs


def test_what_takes_long_is_told_once(capsys, monkeypatch, place):
    """When all compiling together has taken longer than the user's patience, and for each kernel that does alone."""
    monkeypatch.setattr(patience, "spent", {"compile": 0.0, "load": 0.0})
    monkeypatch.setattr(patience, "_waited", 0.0)
    clock = iter([0, 0.6, 10, 10.6, 20, 20.3, 30, 31.5, 40, 45])
    monkeypatch.setattr(patience.time, "perf_counter", lambda: next(clock))
    for kind, name in (*(("compile", name) for name in "abcd"), ("load", "e")):
        with patience.counted(kind, name):
            pass
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"scratchlayers: compiling for this machine, 1.2 s so far (just now b); kept in {place}",
        f"scratchlayers: compiling for this machine, 3.0 s so far (just now d); kept in {place}",
    ]


def test_the_processors_seconds_are_counted(monkeypatch):
    monkeypatch.setattr(patience, "spent", {"compile": 0.0, "load": 0.0})
    clock = iter([0, 0.25, 1, 3])
    monkeypatch.setattr(patience.time, "thread_time", lambda: next(clock))
    for kind in ("compile", "load"):
        with patience.counted(kind, "a"):
            pass
    assert patience.spent == {"compile": 0.25, "load": 2}


def test_without_a_place_it_says_so(capsys, monkeypatch):
    def nowhere():
        raise OSError("there is no home")

    monkeypatch.setattr(cache, "directory", nowhere)
    monkeypatch.setattr(patience, "PATIENCE", -1.0)
    with patience.counted("compile", "a"):
        pass
    assert "not kept, there is no home (SCRATCHLAYERS_CACHE may name a directory)" in capsys.readouterr().err


def test_without_a_terminal_at_all_nothing_breaks(monkeypatch):
    """As under pythonw, where there is no stderr."""
    monkeypatch.setattr(patience, "PATIENCE", -1.0)
    monkeypatch.setattr(sys, "stderr", None)
    with patience.counted("compile", "a"):
        pass
