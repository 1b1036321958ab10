"""``scratchlab predict``: which digit is on a photograph?"""

import json
import sys
from pathlib import Path
from typing import Any

from lightning_app.errors import AppError
from lightning_app.parser import Parser

WHAT = "Says which digit is on each photograph, by a trained network; needs no trainer."
EXAMPLES = """\
  scratchlab predict photo.jpg another.png
  scratchlab predict *.jpg --json
  scratchlab predict photo.jpg --ckpt_path runs/X/checkpoints/best.ckpt"""


def parser() -> Parser:
    """The options of ``predict``."""
    made = Parser("predict", WHAT, EXAMPLES)
    made.add_argument("files", nargs="+", metavar="FILE", help="PNG or JPEG, one digit on each")
    made.add_argument("--json", action="store_true", help="print a JSON object per file")
    made.add_argument("--ckpt_path", help="a checkpoint, or best or last of the latest run (default: best)")
    made.add_argument("--runs", default="runs", help="the folder of all runs (default: runs)")
    made.add_argument(
        "--model.layers", dest="layers", choices=("scratch", "torch", "numpy"), help="default: as trained"
    )
    return made


def predict(arguments: list[str]) -> None:
    """Print a line, or a JSON object, per file. Files that fail are named at the end; the others are answered."""
    options = parser().parse_args(arguments)

    from lightning_app import checkpoint
    from lightning_app.photo.read import read
    from lightning_app.predict import network, ranked

    content = checkpoint.read(checkpoint.find(options.ckpt_path, options.runs))
    net = network(content, options.layers)
    failures = []
    for file in options.files:
        try:
            image = read(Path(file), content["data"]["shape"])
        except AppError as error:
            failures.append(str(error))
            continue
        answer = ranked(net, image, content["data"]["classes"])
        line = json.dumps({"file": file, **answer}, ensure_ascii=False) if options.json else _line(file, answer)
        sys.stdout.write(line + "\n")
    if failures:
        raise AppError("; ".join(failures))


def _line(file: str, answer: dict[str, Any]) -> str:
    second, probability = list(answer["ranking"].items())[1]
    return f"{answer['class']}  {answer['probability']:6.1%}  {file}  (else {second}, {probability:.1%})"
