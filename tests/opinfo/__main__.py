"""How many of PyTorch's cases pass? ``python -m tests.opinfo`` runs all of them and prints the counts."""

from __future__ import annotations

import sys
import warnings

from tests.opinfo import checks, entries


def main() -> int:
    """Print a row a function and every case that differs; return whether one does."""
    warnings.simplefilter("ignore")
    columns = {"values": checks.values, "errors": checks.errors, "derivatives": checks.derivatives}
    totals = dict.fromkeys(columns, (0, 0))
    print(f"{'function':32}" + "".join(f"{column:>18}" for column in columns))  # noqa: T201 a command prints
    for name in entries.FUNCTIONS:
        if name in entries.WITHOUT_ENTRY:
            continue
        found = {column: check(name) for column, check in columns.items()}
        print(f"{name:32}" + "".join(f"{_share(tally):>18}" for tally in found.values()), flush=True)  # noqa: T201
        for column, (cases, differing) in found.items():
            passed, of = totals[column]
            totals[column] = (passed + cases - len(differing), of + cases)
            for line in differing:
                print(f"    {column}: {line.splitlines()[0]:.200}")  # noqa: T201 a command prints
    print(f"{'all':32}" + "".join(f"{f'{passed} of {of}':>18}" for passed, of in totals.values()))  # noqa: T201
    return any(passed < of for passed, of in totals.values())


def _share(tally: checks.Tally) -> str:
    return f"{tally.cases - len(tally.differing)} of {tally.cases}"


if __name__ == "__main__":
    sys.exit(main())
