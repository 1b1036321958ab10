"""``scratchlab data info``: which data are here, are they what they should be, what would be downloaded?"""

from lightning_app.parser import Parser

WHAT = """\
Shows each data set: where it is, how many images of which size, how many of each class, the checksums of its files,
and, for what is not here, what would be downloaded and where it would be put. Downloads nothing."""
EXAMPLES = """\
  scratchlab data info
  scratchlab data info --data.dataset mnist --json
  scratchlab data info --data.dataset folder --data.root my_digits"""


def data(arguments: list[str]) -> int:
    """Say it; 1 if a file is not what it should be."""
    parser = Parser("data", WHAT, EXAMPLES)
    parser.add_argument("what", choices=("info",), metavar="info", help="the only thing to ask for")
    sets = ("digits", "mnist", "npz", "folder")
    parser.add_argument("--data.dataset", dest="dataset", choices=sets, help="default: digits and mnist")
    parser.add_argument(
        "--data.root", dest="root", help="where the data set's files are; for npz the file, for folder the folder"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    from lightning_app.data import info

    return info.say([options.dataset] if options.dataset else ["digits", "mnist"], options.root, options.json)
