"""``scratchlab demo``: the first five minutes, in less than one."""

from lightning_app.parser import Parser, at_least

WHAT = """\
Trains a net of hand-written layers on the 1,797 digits that come with the package, shows that the layers agree with
torch.nn's, draws six pictures and says what to try next. Needs no network."""
EXAMPLES = """\
  scratchlab demo
  scratchlab demo --epochs 15 --name mine"""


def demo(arguments: list[str]) -> None:
    """Show it."""
    parser = Parser("demo", WHAT, EXAMPLES)
    parser.add_argument("--epochs", type=at_least(1), default=8, help="default: 8")
    parser.add_argument("--name", help="of the run; default: demo and the time of day")
    parser.add_argument("--runs", default="runs", help="the folder of all runs (default: runs)")
    options = parser.parse_args(arguments)
    from lightning_app.demo import work

    work.run(options)
