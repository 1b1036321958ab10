import csv
import json
import sys
from textwrap import dedent

import pytest
import torch

import scratchlayers.bench.command as module
from scratchlayers.__main__ import main
from scratchlayers.bench import machine
from scratchlayers.bench.overview import overview
from scratchlayers.bench.roofs import Roofs
from scratchlayers.bench.timing import Budget
from tests.bench.broken import backend
from tests.bench.figures import RESULTS

TINY = ["--quick", "--only", "t1", "--backend", "torch"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No measuring of the machine, which is never busy, and rounds as short as can be."""
    monkeypatch.setattr(module, "measured", lambda: Roofs(1e11, 1e10))
    monkeypatch.setattr(module, "QUICK", Budget(3, 0.0004, 1))
    monkeypatch.setattr(machine, "load", lambda: 0.1)


def run(*arguments):
    return main(["bench", *arguments])


def test_a_run_prints_rows_means_and_losses(capsys):
    assert run(*TINY) == 0
    out = capsys.readouterr().out
    assert "roofs: 100 GFLOP/s of multiply-adds, a copy at 10.0 GB/s" in out
    assert len([line for line in out.splitlines() if line.strip().startswith("1/1 t1 Conv2d")]) == 2
    assert "geometric mean" in out
    assert "slower than torch.nn" in out


def test_files_are_written_whole_and_say_the_same(tmp_path, capsys):
    folder = tmp_path / "new" / "here"
    assert run(*TINY, "--output", str(folder)) == 0
    names = {"results.json", "results.csv", "README.md", "ratios.png", "roofline.png"}
    assert {path.name for path in folder.iterdir()} == names
    assert [path.name for path in folder.parent.iterdir()] == ["here"]
    results = json.loads((folder / "results.json").read_text())
    assert [row["pass"] for row in results["rows"]] == ["forward", "step"]
    assert results["environment"]["backend"] == "torch"
    assert results["environment"]["command"].startswith("python -m scratchlayers bench --quick --only t1")
    told = results["environment"]
    assert {"torch_config", "numba", "cpu", "cpu_flags", "threads", "load_per_core", "commit", "date"} <= set(told)
    assert "PyTorch built with" in told["torch_config"]
    assert "Build settings" not in told["torch_config"]  # the paths of the machine that built it
    table = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    as_text = [{key: "" if value is None else str(value) for key, value in row.items()} for row in results["rows"]]
    assert table == as_text
    capsys.readouterr()
    assert run("--table", str(folder / "results.json")) == 0
    assert capsys.readouterr().out == overview(results)


def test_a_row_is_consistent(tmp_path, capsys):
    assert run("--quick", "--only", "c01", "--backend", "torch", "--output", str(tmp_path / "out")) == 0
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert [row["pass"] for row in rows] == ["forward", "input", "weight", "step"]
    for row in rows:
        assert row["torch_gflops"] * row["torch_us"] == pytest.approx(row["flops"] / 1e3, rel=1e-3)
        assert row["ours_gbytes"] * row["ours_us"] == pytest.approx(row["bytes"] / 1e3, rel=1e-3)
        assert row["torch_min_us"] <= row["torch_us"]
        assert row["ratio_low"] <= row["ratio_median"] <= row["ratio_high"]
        assert 0 < row["torch_error"] < 1e-4
        assert 0 < row["ours_error"] < 1e-4
        assert (row["ours_peak"] is not None) == (row["pass"] == "step")
    assert rows[3]["ours_saved"] == rows[3]["torch_saved"] == 64 * 28 * 28 * 4
    assert all(rows[3][f"{side}_peak"] >= 64 * 7 * 28 * 28 * 4 for side in ("torch", "ours"))


def test_a_wrong_backend_is_not_timed_and_leaves_no_files(tmp_path, capsys):
    with backend("conv", lambda y: y * 1.001):
        status = run("--quick", "--only", "t1,t5", "--backend", "broken", "--output", str(tmp_path / "out"))
    assert status == 1
    printed = capsys.readouterr()
    assert "1/2 t1 Conv2d 1→1 3x3, 4x4: NOT TIMED, t1, forward: error 1.0e-03" in printed.out
    assert "2/2 t5 MaxPool2d" in printed.out
    assert "1 not timed, the results differ:" in printed.err
    assert list(tmp_path.iterdir()) == []


def test_the_backend_may_be_in_a_file(tmp_path, capsys):
    path = tmp_path / "plugin.py"
    path.write_text(
        dedent("""
            from scratchlayers.backends.torch_ops import BACKEND as TORCH
            from scratchlayers.contract import Backend
            MINE = Backend("mine", dict(TORCH.kernels), frozenset({"cpu"}))
        """)
    )
    for _ in range(2):  # it is gone after the run
        assert run("--quick", "--only", "t1", "--backend", f"{path}:MINE") == 0
        assert capsys.readouterr().out.startswith("backend mine,")


def test_passes_can_be_chosen(capsys):
    assert run(*TINY, "--passes", "step") == 0
    assert "t1 Conv2d 1→1 3x3, 4x4      forward+backward" in (out := capsys.readouterr().out)
    assert "4x4      forward  " not in out


def test_small_problems_take_the_better_of_torchs_two_ways(monkeypatch, tmp_path, capsys):
    """The one without oneDNN is so here, as the other is made to wait."""
    from scratchlayers.bench import run as running

    real = running.interleaved

    def slowed(contestants, budget):
        with_onednn, without, ours = real(contestants, budget)
        return [[10 * seconds for seconds in with_onednn], without, ours]

    monkeypatch.setattr(running, "interleaved", slowed)
    assert run(*TINY, "--output", str(tmp_path / "out")) == 0
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert {row["baseline"] for row in rows} == {"torch.nn without oneDNN"}
    assert torch.backends.mkldnn.enabled
    assert "µs*" in capsys.readouterr().out


def test_threads_and_backend_are_as_before_afterwards(capsys):
    from scratchlayers import registry

    before = torch.get_num_threads(), registry.names()
    assert run("--quick", "--only", "t1", "--backend", "numpy", "--threads", "2", "--precision", "exact") == 0
    assert "backend numpy, precision exact, contiguous_format, threads: 2" in capsys.readouterr().out
    assert (torch.get_num_threads(), registry.names()) == before


def test_channels_last(capsys):
    assert run("--quick", "--only", "c01,p1", "--backend", "torch", "--channels-last", "--passes", "forward") == 0
    assert "channels_last" in capsys.readouterr().out


def test_a_busy_machine_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(machine, "load", lambda: 0.31)
    assert run(*TINY) == 2
    assert "the machine is busy: a load of 0.31" in (err := capsys.readouterr().err)
    assert "--force" in err
    assert run(*TINY, "--force") == 0
    assert "not to be trusted" in capsys.readouterr().err


def test_an_unknown_load_is_no_obstacle(monkeypatch):
    monkeypatch.setattr(machine, "load", lambda: None)
    assert run(*TINY) == 0


def test_an_interrupted_run_leaves_no_files(monkeypatch, tmp_path, capsys):
    def stops(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "rows", stops)
    assert run(*TINY, "--output", str(tmp_path / "out")) == 130
    assert capsys.readouterr().err == "\nstopped: nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_fails_leaves_what_was_there(monkeypatch, tmp_path):
    from scratchlayers.bench import files

    assert run(*TINY, "--output", str(tmp_path / "out")) == 0
    before = (tmp_path / "out" / "results.json").read_bytes()
    monkeypatch.setattr(files, "_draw", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        files.write(tmp_path / "out", RESULTS)
    assert (tmp_path / "out" / "results.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_overviews_in_a_file_are_renewed(tmp_path, capsys):
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n<!-- benchmark results.json -->\n<!-- end of benchmark -->\n")
    assert run("--fill", str(readme)) == 0
    assert overview(RESULTS) in readme.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "results.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nothing like it"], "no problem matches 'nothing like it' in these passes; there are c01 LeNet-5"),
        (["--quick", "--only", "t1", "--passes", "weight"], "no problem matches 't1' in these passes"),
        (["--passes", "backward"], "--passes knows forward, input, weight, step, not backward"),
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--backend", "nump"], "did you mean 'numpy'?"),
        (["--backend", "no/such/file.py:X"], "there is no file no/such/file.py"),
        (["--output", "{here}/file/under"], "is a file, not a folder"),
        (["--table", "{here}/none.json"], "cannot read {here}/none.json: "),
        (["--table", "{here}/file"], "cannot read {here}/file: Expecting value"),
        (["--table", "{here}/list.json"], "{here}/list.json holds no results of a benchmark"),
        (["--fill", "{here}/none.md"], "cannot read {here}/none.md: "),
        (["--fill", "{here}/file"], "{here}/file: it has no marks"),
        (["--fill", "{here}/marked.md"], "{here}/marked.md: cannot read {here}/gone.json"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, said, tmp_path, capsys):
    (tmp_path / "file").write_text("text")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "marked.md").write_text("<!-- benchmark gone.json -->\n<!-- end of benchmark -->\n")
    assert run(*(argument.format(here=tmp_path) for argument in arguments)) == 2
    err = capsys.readouterr().err
    assert err.startswith("scratchlayers bench: ")
    assert err.count("\n") == 1
    assert said.format(here=tmp_path) in err


def test_pictures_need_matplotlib_which_is_said_before_the_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(*TINY, "--output", str(tmp_path / "out")) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "pip install 'scratchlayers[viz]'" in printed.err


def test_a_run_without_pictures_needs_no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(*TINY) == 0


def test_unknown_options_are_status_2():
    with pytest.raises(SystemExit) as stop:
        run("--fastest")
    assert stop.value.code == 2
