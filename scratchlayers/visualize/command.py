"""The command ``python -m scratchlayers draw``: pictures of layers, computed by calling them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, NoReturn

from .render.files import check, closest
from .render.theme import THEMES
from .table import BY_NAME, ENTRIES, Entry

_EXAMPLES = """\
examples:
  python -m scratchlayers draw sliding-window -o conv.gif
  python -m scratchlayers draw sliding-window --layer "Conv2d(1, 1, 3, stride=2, padding=1)" --size 5 -o conv.html
  python -m scratchlayers draw coverage --layer "Conv1d(1, 1, 3)" --size 5 --theme dark -o coverage.svg
  python -m scratchlayers draw receptive-field --net my_net.py:Net --size 32 -o field.png
  python -m scratchlayers draw gallery -o gallery
"""
PATIENCE = 1.0  # seconds
_LAYER = "as in Python, 'Conv2d(1, 1, 3)' or 'torch.nn.MaxPool2d(2)', or path/to/file.py:ATTR"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help")


def command(argv: list[str]) -> int:
    """Draw one picture, or all; ValueError, in one line, if that cannot be."""
    if not argv:
        print(_listed())
        return 0
    name = argv[0]
    if not name.startswith("-") and name not in (*BY_NAME, "gallery"):
        raise ValueError(f"there is no picture {name!r}{closest(name, [*BY_NAME, 'gallery'])}; `draw` alone lists them")
    options = _parser().parse_args(argv)
    file = Path(options.output)
    try:
        if options.picture == "gallery":
            return _gallery(file)
        check(file, options.theme)
        with _patience(options.picture):
            written = drawn(options).save(file, theme=options.theme, scale=options.scale)
        print(f"written to {written}")
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _patience(what: str) -> Iterator[None]:
    """Say what is being done in the block, if it takes long."""
    words = f"drawing {what}, some seconds ..."
    timer = Timer(PATIENCE, print, [words], {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _gallery(folder: Path) -> int:
    from . import gallery

    page = gallery.make(folder, lambda line: print(line, flush=True))
    print(f"open {page}")
    return 0


def picture(words: list[str]) -> Any:
    """Return the picture that a command line without its ``-o`` asks for."""
    return drawn(_parser().parse_args([*words, "-o", "unused.png"]))


def drawn(options: argparse.Namespace) -> Any:
    """Call the function of the picture with the options that were given."""
    from .. import visualize

    given = {key: value for key, value in vars(options).items() if key not in _OWN and value is not None}
    return getattr(visualize, options.entry.function)(**_meant(given, options.entry))


_OWN = ("picture", "entry", "output", "theme", "scale")


def _meant(given: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Return the function's arguments: words become layers, a photograph or a size an input."""
    from .spoken import layer, loaded

    words = dict(given)
    if "layer" in words:
        words["layer"] = layer(words["layer"])
    if "layers" in words:
        words["layers"] = [layer(one) for one in words["layers"]]
    if "net" in words:
        net = words["net"]
        words["net"] = layer(net) if net.rstrip().endswith(")") else loaded(net)
    if entry.name in ("activations", "architecture"):
        size, photo = words.pop("size", None), words.pop("photo", None)
        if size is not None or photo is not None:
            words["x"] = _image(words.get("net"), 28 if size is None else size, photo)
    return words


def _image(net: Any, size: Any, photo: str | None) -> Any:
    """Return an input for a net: a photograph, or zeros."""
    import numpy as np

    from .measure.layers import channels
    from .measure.photo import photo as read

    height, width = (size, size) if isinstance(size, int) else size
    plane = read(photo, max(height, width))[:height, :width] if photo else np.zeros((height, width))
    return np.repeat(plane[None], 1 if net is None else channels(net), 0)


def _parser() -> argparse.ArgumentParser:
    how = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    parser = _Parser("python -m scratchlayers draw", description=__doc__, epilog=f"{_listed()}\n\n{_EXAMPLES}", **how)
    pictures = parser.add_subparsers(dest="picture", required=True, metavar="PICTURE", help="one of those below")
    for entry in ENTRIES:
        one = pictures.add_parser(entry.name, description=f"Draw {entry.shows}.", **how)
        one.set_defaults(entry=entry)
        for option in entry.options:
            _OPTIONS[option](one)
        one.add_argument("--theme", choices=list(THEMES), help="default: the reader's for .svg and .html, else light")
        one.add_argument("--scale", type=float, default=1.0, help="enlarges pixels (default: %(default)s)")
        ending = ".gif, .webp, .apng, .png, .svg or .html" if entry.moves else ".png, .webp, .svg or .html"
        one.add_argument("-o", "--output", required=True, metavar="FILE", help=f"the ending says the format: {ending}")
    every = pictures.add_parser(
        "gallery", description="Draw all pictures, light and dark, and a page with them.", **how
    )
    every.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where to")
    return parser


def _ranges(parser: argparse.ArgumentParser) -> None:
    for name in ("kernels", "strides", "paddings"):
        parser.add_argument(f"--{name}", type=_numbers, metavar="LIST", help="such as 1,3,5 or 1-7")


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        if not (low.isdecimal() and (high or low).isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers such as 1,3,5 or 1-7")
        numbers += range(int(low), int(high or low) + 1)
    return numbers


def _size(text: str) -> Any:
    words = text.replace("x", "×").split("×")
    if len(words) > 2 or not all(word.isdecimal() for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 5 or 4x6")
    lengths = list(map(int, words))
    return lengths[0] if len(lengths) == 1 else tuple(lengths)


_OPTIONS: dict[str, Any] = {
    "layer": lambda p: p.add_argument("--layer", metavar="LAYER", help=_LAYER),
    "layers": lambda p: p.add_argument(
        "--layer", dest="layers", action="append", metavar="LAYER", help=f"{_LAYER}; repeat it for several"
    ),
    "size": lambda p: p.add_argument("--size", type=_size, metavar="N|HxW", help="of the input"),
    "style": lambda p: p.add_argument("--style", choices=("isometric", "numbers"), help="default: isometric"),
    "photo": lambda p: p.add_argument("--photo", metavar="FILE", help="default: the one that comes with matplotlib"),
    "names": lambda p: p.add_argument(
        "--kernels", dest="names", type=lambda text: text.split(","), metavar="LIST", help="such as sobel_x,laplacian"
    ),
    "net": lambda p: p.add_argument("--net", metavar="NET", help="path/to/file.py:ATTR (default: a small one of ours)"),
    "parts": lambda p: p.add_argument(
        "--parts", type=lambda text: text.split(","), metavar="LIST", help="as named_modules() names them"
    ),
    "ranges": _ranges,
}


def _listed() -> str:
    width = max(len(entry.name) for entry in ENTRIES) + 2
    lines = [f"  {entry.name:<{width}}{entry.shows}" for entry in ENTRIES]
    last = f"  {'gallery':<{width}}all of them, and a page"
    return "\n".join(["pictures (draw PICTURE --help says the options):", *lines, last])
