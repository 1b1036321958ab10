"""How does a command without a trainer read its options? With argparse, whose errors become one line with a hint."""

import argparse
from typing import NoReturn

from lightning_app.misuse import explained


class Options(argparse.ArgumentParser):
    """The parser of ``scratchlab COMMAND``; ``examples`` stand at the end of its help."""

    def __init__(self, command: str, does: str, examples: str):
        super().__init__(
            f"scratchlab {command}",
            description=does,
            epilog=f"Examples\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Raise MisuseError instead of printing the usage and leaving."""
        raise explained(message, self.command, self._option_string_actions)

    def add_runs(self) -> None:
        """Where runs are looked for when none is named."""
        self.add_argument("--runs", default="runs", metavar="DIR", help="the folder of all runs (default: runs)")
