"""``scratchlab init DIR``: how does one begin with a layer of one's own? With a small project that trains already."""

import re
from importlib.resources import files
from pathlib import Path

from lightning_app.errors import AppError
from lightning_app.parser import Parser

WHAT = """\
Writes a minimal project into DIR: a backend of your own (a convolution and both its gradients, 60 lines), the net that
is trained with it, the test whether it is a convolution at all, and `train.py`, the milestone: a net that learns
digits with your kernels."""
EXAMPLES = """\
  scratchlab init mine
  cd mine && python train.py"""
TEMPLATES, ENDING = "templates/project", ".jinja"


def init(arguments: list[str]) -> None:
    """Write the project; a folder that has something in it is left alone."""
    parser = Parser("init", WHAT, EXAMPLES)
    parser.add_argument("folder", metavar="DIR", help="a new or an empty folder")
    folder = Path(parser.parse_args(arguments).folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AppError(f"{folder} exists and is not an empty folder; give another DIR")
    written = rendered(folder.resolve().name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise AppError(f"{folder} cannot be written ({error.strerror}); give another DIR") from error
    from lightning_app.console import console

    console().print(f"{folder}: {', '.join(sorted(written))}", markup=False)
    console().print(f"next: cd {folder} && python train.py", markup=False)


def rendered(folder: str) -> dict[str, str]:
    """The project's files by name."""
    from jinja2 import Environment, StrictUndefined

    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "mine"
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    sources = (each for each in files("lightning_app").joinpath(TEMPLATES).iterdir() if each.name.endswith(ENDING))
    return {
        each.name.removesuffix(ENDING): environment.from_string(each.read_text(encoding="utf-8")).render(name=name)
        for each in sources
    }
