"""The commands: what they print, and their exit status."""

import subprocess
import sys
from textwrap import dedent

import pytest

from scratchlayers import nn
from scratchlayers.__main__ import main

PLUGIN = """
    from scratchlayers.backends.torch_ops import BACKEND as TORCH
    from scratchlayers.contract import Backend

    def avg_pool(x, divisors, grid):
        y = TORCH.kernels["avg_pool"](x, divisors, grid)
        {mistake}
        return y

    GOOD = Backend("mine", {{"avg_pool": avg_pool}}, devices=frozenset({{"cpu"}}))
    LATER = 3
"""


@pytest.fixture
def plugin(tmp_path):
    def write(mistake):
        path = tmp_path / "my_plugin.py"
        path.write_text(dedent(PLUGIN).format(mistake=mistake))
        return f"{path}:GOOD"

    return write


def test_help_needs_no_torch():
    code = "import sys, scratchlayers.__main__ as m; m._parser().format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_list_names_every_class_of_ours_and_every_backend(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    words = out.replace(",", " ").split()
    assert set(nn.__all__) - {"functional"} <= set(words)
    assert "Linear" not in words
    assert {"torch", "numpy", "priority"} <= set(words)


def test_explain_says_who_runs_what_and_why_others_do_not(capsys):
    assert main(["explain", "--backend", "numpy", "--device", "cuda", "--rank", "1"]) == 0
    out = capsys.readouterr().out
    assert "asked in this order: numpy, numba, torch" in out
    assert "torch; numpy runs on cpu, not on cuda" in out


def test_verify_passes_a_right_backend(plugin, capsys):
    assert main(["verify", "--backend", plugin("pass"), "--quick"]) == 0
    out = capsys.readouterr().out
    assert "every law holds" in out
    assert "BROKEN" not in out


def test_verify_says_where_a_wrong_backend_is_wrong(plugin, capsys):
    assert main(["verify", "--backend", plugin("y[..., -1] *= 2"), "--dtype", "float64"]) == 1
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("values_are_torchs"))
    assert row.endswith("BROKEN")
    assert "only in the last element" in out
    assert "counts 2 instead of 1 at output (0,)" in out
    assert "smallest case: single_element" in out


def test_verify_names_the_other_dtypes_that_fail_too(plugin, capsys):
    arguments = ["--dtype", "float64", "--dtype", "float32", "--quick"]
    assert main(["verify", "--backend", plugin("y *= 2"), *arguments]) == 1
    assert "likewise in float32" in capsys.readouterr().out


def test_verify_reports_a_kernel_that_raises(plugin, capsys):
    assert main(["verify", "--backend", plugin("raise OSError('no such luck')"), "--quick"]) == 1
    assert "raises OSError: no such luck" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "nump"], "did you mean 'numpy'?"),
        (["--backend", "no_such_module:X"], "cannot load 'no_such_module:X': ModuleNotFoundError"),
        (["--backend", "no/such/file.py:X"], "there is no file no/such/file.py"),
        (["--backend", "os:no_such_name"], "cannot load 'os:no_such_name': AttributeError"),
        (["--backend", "os:curdir"], "is of <class 'str'>, not a scratchlayers.contract.Backend"),
        (["--backend", "numpy", "--device", "meta"], "nothing to verify"),
        (["--device", "nonsense"], "--device nonsense: Expected one of cpu"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, said, capsys):
    assert main(["verify", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("scratchlayers verify: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["verify", "--dtype", "float31"]])
def test_unknown_words_are_status_2(arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
