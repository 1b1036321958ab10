"""The command ``python -m scratchlayers bench``: torch's time / ours, behind a check of every result that is timed."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from .. import registry
from ..testing.load import load
from . import files, machine, show
from .check import WrongResultError
from .overview import overview
from .problems import PASSES, Problem
from .roofs import Roofs, measured
from .run import FULL, QUICK, Plan, Row, rows
from .suite import SUITE


def command(argv: list[str]) -> int:
    """Run the benchmark and print a table; 1 if a check fails, ValueError, in one line, if it cannot be run."""
    options = _parser().parse_args(argv)
    if options.fill:
        files.fill(Path(options.fill))
        return 0
    if options.table:
        print(overview(files.read(Path(options.table))), end="")
        return 0
    problems = _chosen(options)
    if options.threads is not None and options.threads < 1:
        raise ValueError(f"--threads must be at least 1, got {options.threads}")
    if options.output:
        files.check_writable(Path(options.output))
    _quiet(options.force)
    try:
        with ExitStack() as settings:
            _settle(options, settings)
            return _run(problems, options, shlex.join(["python", "-m", "scratchlayers", "bench", *argv]))
    except KeyboardInterrupt:
        print("\nstopped: nothing was written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scratchlayers bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few problems, made small, in a few short rounds")
    only = "only problems of this id (c0?, p*), or with this in their name or group; several with commas between"
    parser.add_argument("--only", metavar="PATTERN", help=only)
    parser.add_argument("--passes", metavar="LIST", help=f"of {','.join(PASSES)} (default: all)")
    parser.add_argument("--backend", help="a name, module:ATTR or path/to/file.py:ATTR (default: the one a call takes)")
    parser.add_argument("--precision", choices=("fast", "exact"), help="what scratchlayers.precision() says")
    parser.add_argument("--threads", type=int, help="how many threads torch and we may use (default: torch's choice)")
    parser.add_argument("--channels-last", action="store_true", help="lay images and weights out with channels last")
    parser.add_argument("--force", action="store_true", help="measure even if the machine is busy")
    parser.add_argument(
        "--output", metavar="FOLDER", help="write results.json, results.csv, README.md and pictures there"
    )
    parser.add_argument(
        "--table", metavar="RESULTS.json", help="measure nothing: print the overview of earlier results"
    )
    parser.add_argument("--fill", metavar="FILE.md", help="measure nothing: renew the overviews between a file's marks")
    return parser


def _chosen(options: argparse.Namespace) -> list[Problem]:
    unknown = set(_passes(options)) - set(PASSES)
    if unknown:
        raise ValueError(f"--passes knows {', '.join(PASSES)}, not {', '.join(sorted(unknown))}")
    suite = [problem.quickly() for problem in SUITE if problem.quick] if options.quick else SUITE
    patterns = options.only.split(",") if options.only else ["*"]
    chosen = [p for p in suite if any(map(p.matches, patterns)) and set(p.passes) & set(_passes(options))]
    if not chosen:
        known = ", ".join(f"{problem.id} {problem.name}" for problem in suite)
        raise ValueError(f"no problem matches {options.only!r} in these passes; there are {known}")
    return chosen


def _passes(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(options.passes.split(",")) if options.passes else PASSES


def _quiet(force: bool) -> None:
    """Refuse, or with ``force`` warn, if other processes are at work."""
    busy = machine.load()
    if busy is None or busy <= machine.BUSY:
        return
    said = f"the machine is busy: a load of {busy:.2f} for each core over the last minute, above {machine.BUSY}"
    if not force:
        raise ValueError(f"{said}; wait, or measure nonetheless with --force")
    print(f"{said}: the times below are not to be trusted", file=sys.stderr)


def _settle(options: argparse.Namespace, settings: ExitStack) -> None:
    """Set, for as long as ``settings`` last, what the options ask for."""
    settings.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(options.threads or torch.get_num_threads())
    if options.backend:
        backend = load(options.backend)
        if options.backend != backend.name:
            registry.register(backend)
            settings.callback(registry.unregister, backend.name)
        settings.enter_context(registry.use_backend(backend.name))
    if options.precision:
        settings.enter_context(registry.precision(options.precision))


def _run(problems: list[Problem], options: argparse.Namespace, words: str) -> int:
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    plan = Plan(_passes(options), QUICK if options.quick else FULL, layout)
    where = machine.described(words) | {
        "backend": registry.names()[0],
        "precision": options.precision or os.environ.get(registry.PRECISION) or "fast",
        "layout": str(layout).removeprefix("torch."),
    }
    roofs = measured()
    _introduce(where, roofs)
    table, wrong = _measure(problems, plan, roofs)
    if table:
        print("\n" + "\n".join(show.summary(table)))
    if wrong:
        print(f"\n{len(wrong)} not timed, the results differ:", *wrong, sep="\n", file=sys.stderr)
        return 1
    if options.output:
        results = {"environment": where, "roofs": roofs._asdict(), "rows": table}
        files.write(Path(options.output), results)
        print(f"\nwritten to {options.output}")
    return 0


def _introduce(where: dict[str, Any], roofs: Roofs) -> None:
    print(f"backend {where['backend']}, precision {where['precision']}, {where['layout']}, threads: {where['threads']}")
    print(f"{where['cpu']} ({where['cpu_family']}), load {where['load_per_core'] or 0:.2f} a core")
    print(f"torch {where['torch']}, numba {where['numba']}, commit {where['commit']}")
    print(f"roofs: {roofs.flops / 1e9:.0f} GFLOP/s of multiply-adds, a copy at {roofs.bytes / 1e9:.1f} GB/s")
    print("ratio = torch.nn's time / ours: above 1 ours is faster; ≈ may as well be 1; * torch without oneDNN\n")
    print(show.HEADER)


def _measure(problems: list[Problem], plan: Plan, roofs: Roofs) -> tuple[list[Row], list[str]]:
    """Return the rows of all problems that compute what they should, and what is wrong with the others."""
    table, wrong = [], []
    for number, problem in enumerate(problems, 1):
        try:
            for row in rows(problem, plan, roofs):
                print(show.line(row, f"{number}/{len(problems)}"), flush=True)
                table.append(row)
        except WrongResultError as why:
            wrong.append(str(why))
            print(f"{f'{number}/{len(problems)}':>8} {problem.id} {problem.name}: NOT TIMED, {why}", flush=True)
    return table, wrong
