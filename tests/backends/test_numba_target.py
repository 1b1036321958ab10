"""How wide are vectors: what the features say, what may be asked for, and that every width computes the same."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from scratchlayers.backends.numba_cpu import target

AVX2 = {"avx", "avx2", "fma"}
AVX512 = AVX2 | {"avx512f", "avx512vl", "avx512bw", "avx512dq"}


@pytest.fixture
def machine(monkeypatch):
    """Pretend to compile for a machine of these features."""
    monkeypatch.delenv(target.VARIABLE, raising=False)

    def pretend(features, arm=False):
        monkeypatch.setattr(target, "FEATURES", frozenset(features))
        monkeypatch.setattr(target, "ARM", arm)

    return pretend


@pytest.mark.parametrize(
    ("features", "arm", "widths"),
    [
        (AVX512, False, {"avx512": 64, "avx2": 32, "sse": 16}),
        (AVX512 - {"avx512vl"}, False, {"avx2": 32, "sse": 16}),
        (AVX2, False, {"avx2": 32, "sse": 16}),
        (AVX2 - {"fma"}, False, {"sse": 16}),
        ({"avx"}, False, {"sse": 16}),
        ((), False, {"sse": 16}),
        ({"neon"}, True, {"neon": 16}),
        ((), True, {"neon": 16}),
    ],
)
def test_the_features_decide(machine, monkeypatch, features, arm, widths):
    machine(features, arm)
    assert target.widths() == widths
    assert target.vector_bytes() == max(widths.values())
    for name, width in widths.items():
        for word in (name, name.upper()):
            monkeypatch.setenv(target.VARIABLE, word)
            assert target.vector_bytes() == width


@pytest.mark.parametrize("word", ["avx512", "neon", "wide", "64", " "])
def test_what_the_machine_has_not_is_an_error_that_says_what_it_has(machine, monkeypatch, word):
    machine(AVX2)
    monkeypatch.setenv(target.VARIABLE, word)
    with pytest.raises(ValueError, match=rf"^SCRATCHLAYERS_SIMD asks for '{word}'; this machine has avx2, sse$"):
        target.vector_bytes()


def test_an_empty_word_asks_for_nothing(machine, monkeypatch):
    machine(AVX2)
    monkeypatch.setenv(target.VARIABLE, "")
    assert target.vector_bytes() == 32


def test_a_vector_holds_as_many_as_fit():
    assert target.lanes(4) == 2 * target.lanes(8) == target.VECTOR_BYTES // 4


# Whole processes

LAYERS = """
    import sys, torch
    from scratchlayers import functional as F, use_backend
    from scratchlayers.backends.numba_cpu import target
    results = []
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.float64)[: int(sys.argv[1])]:
        x, w = torch.randn(2, 3, 11, 13, dtype=dtype, requires_grad=True), torch.randn(5, 3, 3, 3, dtype=dtype)
        x, w = x.detach().requires_grad_(), w.requires_grad_()
        for backend in ("numba", "torch"):
            with use_backend(backend):
                y = F.avg_pool2d(F.pad(F.max_pool2d(F.conv2d(x, w, None, 1, 1), 3, 2, 1), (1, 2)), 2, 1)
                results.append((y, *torch.autograd.grad(y.square().sum(), (x, w))))
        tolerance = 1e-12 if dtype is torch.float64 else 1e-5
        for mine, other in zip(*results[-2:]):
            torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance * other.abs().max().item())
    print(target.VECTOR_BYTES)
"""
X86 = pytest.mark.skipif(target.ARM, reason="names of x86 features")


def computed(dtypes=1, **variables):
    """The width at which a new process computes layers rightly, in float32 or, of two ``dtypes``, in float64 too."""
    environment = {name: value for name, value in os.environ.items() if name != target.VARIABLE}
    command = [sys.executable, "-c", dedent(LAYERS), str(dtypes)]
    done = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("word", target.widths())
def test_every_width_computes_the_same(word):
    assert computed(dtypes=2, **{target.VARIABLE: word}) == target.widths()[word]


@X86
@pytest.mark.slow
@pytest.mark.skipif("avx2" not in target.widths(), reason="this machine has no AVX2")
def test_code_for_another_processor_has_its_width():
    features = "+sse4.2,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+popcnt"
    assert computed(NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=features) == 32


@X86
def test_code_for_any_processor_is_narrow():
    assert computed(NUMBA_CPU_NAME="generic") == 16


def test_a_wrong_word_is_one_line_of_a_command():
    command = [sys.executable, "-m", "scratchlayers", "list"]
    environment = {**os.environ, target.VARIABLE: "wide"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("scratchlayers list: SCRATCHLAYERS_SIMD asks for 'wide'; this machine has ")
