"""Which digit is on this photograph? ``scratchlab predict FILE...``; needs no trainer."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightning_app import checkpoint
from lightning_app.errors import AppError
from lightning_app.net import PACKS, build
from lightning_app.parser import Parser
from lightning_app.photo.read import read
from lightning_app.pixels import scaled

EXAMPLES = """\
  scratchlab predict photo.jpg another.png
  scratchlab predict *.jpg --json
  scratchlab predict photo.jpg --ckpt_path runs/X/checkpoints/best.ckpt"""


def predict(arguments: list[str]) -> None:
    """Print a line, or a JSON object, per file. Files that fail are named at the end; the others are answered."""
    options = _parser().parse_args(arguments)
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


def network(content: dict[str, Any], layers: str | None = None) -> nn.Module:
    """The trained network of a checkpoint, ready to answer."""
    settings, data = content["hyper_parameters"], content["data"]
    net = build(layers or settings["layers"], settings["net"], tuple(data["shape"]), len(data["classes"]))
    weights = content["state_dict"]
    own = {name.removeprefix("net."): value for name, value in weights.items() if name[:4] == "net."}
    try:
        net.load_state_dict(own)
    except RuntimeError as error:
        raise AppError("the checkpoint's weights do not fit the network that it names") from error
    return net.eval()


def ranked(net: nn.Module, image: Tensor, classes: list[str]) -> dict[str, Any]:
    """The class and its probability, and all probabilities by class, for one image (1, c, h, w)."""
    with torch.inference_mode():
        probabilities = net(scaled(image))[0].softmax(0).tolist()
    ranking = sorted(zip(classes, probabilities, strict=True), key=lambda item: -item[1])
    return {"class": ranking[0][0], "probability": ranking[0][1], "ranking": dict(ranking)}


def _line(file: str, answer: dict[str, Any]) -> str:
    second, probability = list(answer["ranking"].items())[1]
    return f"{answer['class']}  {answer['probability']:6.1%}  {file}  (else {second}, {probability:.1%})"


def _parser() -> Parser:
    parser = Parser("predict", __doc__.split("?")[0] + "?", EXAMPLES)
    parser.add_argument("files", nargs="+", metavar="FILE", help="PNG or JPEG, one digit on each")
    parser.add_argument("--json", action="store_true", help="print a JSON object per file")
    parser.add_argument("--ckpt_path", help="a checkpoint, or best or last of the latest run (default: best)")
    parser.add_argument("--runs", default="runs", help="the folder of all runs (default: runs)")
    parser.add_argument("--model.layers", dest="layers", choices=list(PACKS), help="default: as trained")
    return parser
