"""What is wrong with this command line? The parser's page of usage as one line, with the nearest option there is."""

import difflib
import re
from collections.abc import Iterable

from lightning_app.errors import MisuseError


def explained(message: str, command: str, options: Iterable[str]) -> MisuseError:
    """The parser's ``message`` about ``command``, whose options are ``options``, in a line."""
    unknown = re.match(r"unrecognized arguments: (\S+)", message)
    if unknown:
        return MisuseError(f"{command} has no option {unknown[1]}; {_hint(unknown[1], command, options)}")
    value = re.match(r'Parser key "(.+?)":\s*(.*)', message, re.DOTALL)
    if value:
        return MisuseError(f"--{value[1]}: {_plain(value[2])}")
    return MisuseError(_plain(message))


def _hint(option: str, command: str, options: Iterable[str]) -> str:
    close = difflib.get_close_matches(option.split("=")[0], options, 1)
    return f"did you mean {close[0]}?" if close else f"see scratchlab {command} --help"


def _plain(text: str) -> str:
    """Types as a reader would name them, on one line."""
    text = re.sub(r"typing\.Literal\[(.+?)\]", lambda found: "one of " + found[1].replace("'", ""), text)
    return " ".join(re.sub(r"<class '(.+?)'>", r"\1", text).split())
