"""What stands beside the pictures in a run's folder? Everything: the overview and the figures of each problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .overview import Results, Row, overview, paragraph, table
from .problems import PASSES, STEP, TITLES
from .show import about, duration, memory, named, rate

_EXPLAINED = (
    "Each ratio is the median over the rounds of `torch.nn`'s time / ours, in brackets where 20 to 80 % of the rounds "
    "lie; ≈ where the 95 % interval of that median contains 1; * where `torch.nn` is faster without oneDNN, which "
    "then is its time. GFLOP/s are those of the direct sums, whatever an algorithm multiplies; GB/s those of the "
    "bytes that must move at least; the share is that of the roofs, above 100 % in a cache or by fewer "
    "multiplications. Errors are against float64: of a layer the largest over the largest value, of a net the 2-norm. "
    "Memory is what torch's allocator handed out: kept for backward, parameters left out, and the most during forward "
    "and backward."
)


def report(results: Results) -> str:
    """Return the page, which shows the pictures that lie beside it."""
    where = results["environment"]
    sections = [
        *("# Benchmark", overview(results).rstrip(), "![Every ratio](ratios.png)", "![The roofs](roofline.png)"),
        *(paragraph(_EXPLAINED), *_tables(results["rows"]), "## Machine and versions"),
        "\n".join(f"- {name}: {value}" for name, value in where.items() if name != "torch_config"),
        f"```text\n{where['torch_config'].strip()}\n```",
    ]
    return "\n\n".join(sections) + "\n"


def _tables(rows: list[Row]) -> list[str]:
    problems: dict[str, dict[str, Row]] = {}
    for row in rows:
        problems.setdefault(row["id"], {})[row["pass"]] = row

    def section(title: str, passes: Sequence[str], cell: Callable[[Row], str]) -> list[str]:
        body = []
        for by_pass in problems.values():
            first = next(iter(by_pass.values()))
            cells = [cell(by_pass[kind]) if kind in by_pass else "" for kind in passes]
            body.append((named(first), first["input"], *cells))
        return [f"## {title}", table(("problem", "input", *(TITLES[kind] for kind in passes)), 2, body)]

    return [
        *section("Ratios", PASSES, _ratio),
        *section("Times and rates: torch.nn, ours, ours of the roofs", PASSES, _times),
        *section("Largest errors: torch.nn, ours", PASSES, _errors),
        *section("Memory kept for backward; the most there is: torch.nn, ours", (STEP,), memory),
    ]


def _ratio(row: Row) -> str:
    mark = "" if row["baseline"] == "torch.nn" else "*"
    return f"{about(row)}{mark} ({row['ratio_p20']:.2f}…{row['ratio_p80']:.2f})"


def _times(row: Row) -> str:
    timed = [f"{duration(row[f'{side}_us'])} ({rate(row, side)})" for side in ("torch", "ours")]
    return f"{', '.join(timed)}, {row['ours_roof']:.0%}"


def _errors(row: Row) -> str:
    return f"{row['torch_error']:.1e}, {row['ours_error']:.1e}"
