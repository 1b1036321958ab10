"""``scratchlab export-html``: a page on which one draws a digit and watches the trained network read it."""

from pathlib import Path

from lightning_app.parser import Parser, at_least

WHAT = """\
One HTML file in which a digit is drawn with the mouse or a finger, and the trained network's own maps, windows,
products and answer are computed live, by the page itself. It needs no server and no network."""
EXAMPLES = """\
  scratchlab export-html                          the best checkpoint of the latest run
  scratchlab export-html runs/mnist -o draw.html  of that run
  scratchlab export-html runs/mnist/checkpoints/last.ckpt"""


def parser() -> Parser:
    """The options of ``export-html``."""
    made = Parser("export-html", WHAT, EXAMPLES)
    add = made.add_argument
    add("run", nargs="?", metavar="RUN", help="a run's folder or a checkpoint (default: the latest run)")
    add("-o", "--out", type=Path, metavar="FILE", help="default: draw.html in the run's folder")
    add("--samples", type=at_least(0), default=16, metavar="N", help="test images in the page (default: 16)")
    add("--runs", default="runs", metavar="DIR", help="the folder of all runs (default: runs)")
    return made


def export_html(arguments: list[str]) -> None:
    """Write the page; say where, and how large it is."""
    options = parser().parse_args(arguments)

    from rich.markup import escape

    from lightning_app import checkpoint
    from lightning_app.console import console
    from lightning_app.export.page import drawing_page
    from lightning_app.run import run_of, whole

    path = checkpoint.find(options.run, options.runs)
    run = run_of(path)
    out = options.out or (run.folder if run else path.parent) / "draw.html"
    with console().status("reading the network and looking for test images"):
        text = drawing_page(path, checkpoint.read(path), options.samples)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    size = len(text.encode()) / 1024
    console().print(f"[bold]{escape(str(out))}[/] · {size:,.0f} KiB, one file · open it in a browser and draw a digit")
