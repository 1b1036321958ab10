"""How does a command read its options? argparse, whose failures are one line with the nearest thing there is."""

import argparse
import difflib
import re
from collections.abc import Callable
from typing import NoReturn

from lightning_app.errors import MisuseError
from lightning_app.misuse import explained


class Parser(argparse.ArgumentParser):
    """The parser of ``scratchlab COMMAND``: ``what`` it does in a sentence or two, and examples of its use."""

    def __init__(self, command: str, what: str, examples: str = ""):
        super().__init__(
            f"scratchlab {command}",
            description=what,
            epilog=f"examples\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Say in one line what is not understood."""
        wrong = re.match(r"argument (.+?): invalid choice: '?(.*?)'? \(choose from (.+)\)$", message)
        if wrong:
            option, given, legal = wrong[1], wrong[2], wrong[3].replace("'", "").split(", ")
            close = difflib.get_close_matches(given, legal, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise MisuseError(f"{self.command}: {option} {given!r}: one of {', '.join(legal)}{hint}")
        if message.startswith("unrecognized arguments"):
            raise explained(message, self.command, self._option_string_actions)
        raise MisuseError(f"{self.command}: {message}; see scratchlab {self.command} --help")


def at_least(lowest: int) -> Callable[[str], int]:
    """The type of an option that is a whole number from ``lowest`` on."""

    def whole(text: str) -> int:
        if not text.lstrip("-").isdigit() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} on")
        return int(text)

    return whole
