"""``scratchlab report``: one page about one run, or about several side by side."""

from pathlib import Path

from lightning_app.parser import Parser

WHAT = """\
One HTML page, readable offline, about finished runs: their results, the mean and the spread of those that differ only
by their seed, what differs between their settings, and of each its learning curves, confusion matrix, feature maps,
figures per class and configuration."""
EXAMPLES = """\
  scratchlab report                            the latest run
  scratchlab report runs/a runs/b runs/c       side by side
  scratchlab report runs/* -o comparison.html"""


def parser() -> Parser:
    """The options of ``report``."""
    made = Parser("report", WHAT, EXAMPLES)
    add = made.add_argument
    add("run", nargs="*", metavar="RUN", help="a run's folder or a checkpoint in it (default: the latest run)")
    add(
        "-o", "--out", type=Path, metavar="FILE", help="default: report.html in the run's folder, in --runs for several"
    )
    add("--runs", default="runs", metavar="DIR", help="the folder of all runs (default: runs)")
    return made


def report(arguments: list[str]) -> None:
    """Read the runs, write the page, say it."""
    options = parser().parse_args(arguments)

    from rich.markup import escape

    from lightning_app.console import console
    from lightning_app.report.page import reported
    from lightning_app.report.record import records
    from lightning_app.report.spread import groups
    from lightning_app.run import whole

    found, problems = records(options.run, options.runs)
    out = options.out or (found[0].folder if len(found) == 1 else Path(options.runs)) / "report.html"
    with console().status("drawing"):
        text = reported(found)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    for problem in problems:
        console().print(f"[yellow]passed over[/] {escape(problem)}")
    for group in groups(found):
        console().print(f"{escape(group.label)}: test accuracy [bold]{group.accuracy}[/]")
    console().print(f"[bold]{escape(str(out))}[/] · {len(text.encode()) / 1e6:.1f} MB, one file")
