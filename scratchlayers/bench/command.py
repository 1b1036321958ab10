"""The command ``python -m scratchlayers bench``: our time as a ratio of torch's, behind a passed check."""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import nn, registry
from .._version import __version__
from .problems import PROBLEMS, Problem
from .timing import Times, interleaved

_FIELDS = ("problem", "phase", "torch_us", "ours_us", "ratio", "ratio_low", "ratio_high")


def command(argv: list[str] | None = None) -> int:
    """Run the benchmark and print a table; 1 if a check fails, 2 if nothing matches."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.threads is not None and arguments.threads < 1:
        parser.error(f"--threads must be at least 1, got {arguments.threads}")
    if arguments.output and not Path(arguments.output).absolute().parent.is_dir():
        parser.error(f"--output: there is no folder {Path(arguments.output).absolute().parent}")
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    chosen = [p for p in PROBLEMS if arguments.only in p.name and (p.quick or not arguments.quick)]
    if not chosen:
        print(f"no problem's name contains {arguments.only!r}; there are: {'; '.join(p.name for p in PROBLEMS)}")
        return 2
    with registry.use_backend(arguments.backend or registry.names()[0]):
        print(f"backend {registry.names()[0]}, {_machine()}\nratio = our time / torch's: below 1 we are faster\n")
        print(f"{'problem':<34}{'phase':<10}{'torch':>10}{'ours':>10}{'ratio':>8}  quartiles")
        try:
            rows = [row for problem in chosen for row in _rows(problem, arguments)]
        except AssertionError as wrong:
            print(f"not timed, the results differ: {wrong}", file=sys.stderr)
            return 1
    if arguments.output:
        _write(Path(arguments.output), rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scratchlayers bench", description=__doc__)
    parser.add_argument("--backend", help="which backend to time (default: the one a call would take)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only problems whose name contains this")
    parser.add_argument("--quick", action="store_true", help="a few problems, few rounds")
    parser.add_argument("--threads", type=int, help="how many threads torch and we may use")
    parser.add_argument("--output", metavar="FILE", help="write the rows to a .json or .csv file")
    return parser


def _rows(problem: Problem, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    theirs, ours, x = problem.pair(torch.nn, nn)
    _check(theirs, ours, x, problem.name)
    rounds, seconds = (7, 0.02) if arguments.quick else (21, 0.05)
    for phase, run in (("forward", _forward), ("step", _step)):
        calls = [run(module, module.forward if problem.bare else module, x) for module in (theirs, ours)]
        with torch.set_grad_enabled(phase == "step"):
            times = interleaved(*calls, rounds, seconds)
        print(_line(problem.name, phase, times), flush=True)
        values = (times.theirs * 1e6, times.ours * 1e6, times.ratio, times.low, times.high)
        yield dict(zip(_FIELDS, (problem.name, phase, *(round(v, 4) for v in values)), strict=True))


def _forward(module: torch.nn.Module, call: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], Any]:
    """Return forward alone."""
    return lambda: call(x)


def _step(module: torch.nn.Module, call: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], Any]:
    """Return forward and backward for the input and every parameter."""
    wanted = [x, *module.parameters()]
    gy = torch.ones_like(call(x))
    return lambda: torch.autograd.grad(call(x), wanted, gy)


def _check(theirs: torch.nn.Module, ours: torch.nn.Module, x: Tensor, name: str) -> None:
    """Raise AssertionError unless outputs and gradients agree in float64."""
    wanted = theirs.double()(x.double()), ours.double()(x.double())
    torch.testing.assert_close(wanted[1], wanted[0], msg=lambda text: f"{name}: {text}")
    gradients = [
        torch.autograd.grad(y.square().sum(), [x, *module.parameters()])
        for y, module in zip(wanted, (theirs, ours), strict=True)
    ]
    torch.testing.assert_close(gradients[1], gradients[0], msg=lambda text: f"{name}, gradients: {text}")
    theirs.float(), ours.float()


def _line(name: str, phase: str, times: Times) -> str:
    spread = f"{times.low:.2f} … {times.high:.2f}"
    return f"{name:<34}{phase:<10}{_time(times.theirs):>10}{_time(times.ours):>10}{times.ratio:>8.2f}  {spread}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _machine() -> str:
    return (
        f"{torch.get_num_threads()} threads, scratchlayers {__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}"
    )


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows or nothing."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="") as file:
        if path.suffix == ".json":
            json.dump({"machine": _machine(), "rows": rows}, file, indent=1)
        else:
            writer = csv.DictWriter(file, _FIELDS)
            writer.writeheader()
            writer.writerows(rows)
    part.replace(path)
