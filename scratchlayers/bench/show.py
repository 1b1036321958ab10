"""How is a figure written? One line a row for the terminal, and times, ratios and bytes in few digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .problems import FORWARD, STEP, TITLES
from .statistics import geometric_mean
from .suite import GROUPS

_LEFT = f"{'':>8} {'problem':<28}{'pass':<18}{'torch.nn':>10}{'ours':>10}{'ratio':>8}  {'20-80 %':<13}"
HEADER = f"{_LEFT}{'by minima':<11}{'reaches':>12}{'of roof':>9}  error torch, ours     memory kept; at most"


def line(row: dict[str, Any], counted: str) -> str:
    """Return a row as a line; ``counted`` says how far the run is."""
    both = f"{row['torch_error']:.0e}, {row['ours_error']:.0e}"
    mark = "*" if row["baseline"] != "torch.nn" else " "
    text = f"{counted:>8} {named(row)[:27]:<28}{TITLES[row['pass']]:<18}{duration(row['torch_us']):>10}{mark}"
    text += f"{duration(row['ours_us']):>9}{about(row):>8}  {row['ratio_p20']:.2f}…{row['ratio_p80']:<8.2f}"
    text += f"{times(row['ratio_min']):<11}"
    text += f"{rate(row, 'ours'):>12}{row['ours_roof']:>9.0%}  {both:<21}"
    return (text + (memory(row) if row["pass"] == STEP else "")).rstrip()


def named(row: dict[str, Any]) -> str:
    """Return the problem's id and name."""
    return f"{row['id']} {row['name']}"


def about(row: dict[str, Any]) -> str:
    """Return the ratio torch / ours, with a ≈ before it where the interval of it contains 1."""
    unsure = row["ratio_low"] <= 1 <= row["ratio_high"]
    return f"{'≈' if unsure else ''}{times(row['ratio_median'])}"


def times(ratio: float) -> str:
    """Return a ratio in three digits or so."""
    if ratio < 0.095:
        return f"{ratio:.2g}"
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:.0f}"


def duration(microseconds: float) -> str:
    """Return a time with its unit."""
    if microseconds < 1e3:
        return f"{microseconds:.1f} µs"
    return f"{microseconds / 1e3:.2f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.2f} s"


def rate(row: dict[str, Any], side: str) -> str:
    """Return GFLOP/s, or GB/s of what has nothing to multiply."""
    if row["flops"]:
        return f"{row[f'{side}_gflops']:.1f} GF/s"
    return f"{row[f'{side}_gbytes']:.1f} GB/s"


def memory(row: dict[str, Any]) -> str:
    """Return what is kept for backward and the most of a step, of torch and of ours."""
    return "; ".join(", ".join(size(row[f"{side}_{what}"]) for side in ("torch", "ours")) for what in ("saved", "peak"))


def size(count: float) -> str:
    """Return a number of bytes with its unit."""
    power = next((power for power in range(3) if count < 1000 * 1024**power), 3)
    return f"{count / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def means(rows: Iterable[dict[str, Any]]) -> list[tuple[str, int, dict[str, float]]]:
    """Return for each group, and then for all rows: its name, its number of problems, its mean ratio of each pass."""
    table = list(rows)
    parts = [(group, [row for row in table if row["group"] == group]) for group in GROUPS]
    parts = [(group, part) for group, part in parts if part] + [("all", table)]
    return [(name, len({row["id"] for row in part}), _means(part)) for name, part in parts]


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    timed = dict.fromkeys(row["pass"] for row in rows)
    return {kind: geometric_mean(row["ratio_median"] for row in rows if row["pass"] == kind) for kind in timed}


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """Return the lines that end a run: the means of each group and of all, and every loss."""
    lines = [f"{'geometric mean of torch.nn / ours':<34}{'rows':>5}{'forward':>10}{'forward+backward':>18}"]
    for name, count, by_pass in means(rows):
        cells = [times(by_pass[kind]) if kind in by_pass else "-" for kind in (FORWARD, STEP)]
        lines.append(f"{name:<34}{count:>5}{cells[0]:>10}{cells[1]:>18}")
    lost = [f"{named(row)}, {TITLES[row['pass']]}: {about(row)}" for row in slower(rows)]
    return [*lines, "", "slower than torch.nn (below 0.95):" + ("".join(f"\n  {text}" for text in lost) or " none")]


def slower(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows below 0.95, the slowest first."""
    return sorted((row for row in rows if row["ratio_median"] < 0.95), key=lambda row: row["ratio_median"])
