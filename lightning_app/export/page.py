"""What is in the page? The network as plain values, its weights as base64, three scripts and a style."""

import base64
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup
from torch import Tensor

from lightning_app.errors import AppError
from lightning_app.export.layers import Block, described
from lightning_app.export.samples import samples
from lightning_app.page import environment
from lightning_app.photo.read import GREY_SHAPE
from lightning_app.pixels import MEAN, STD
from lightning_app.predict import network
from lightning_app.run import run_of

SCRIPTS = ("net.js", "ink.js", "colours.js", "maps.js", "inspector.js", "draw.js")
PREPARED = (
    "A drawing is prepared as predict prepares it: cropped, its strokes widened if they are thin, fitted into 20×20, "
    "centred by mass in 28×28; a saved PNG gets the same answer from predict"
)
RESIZED = "A drawing is resized to the network's input, as predict does for this size"


def drawing_page(path: Path, content: dict[str, Any], most_samples: int) -> str:
    """The whole page as text, of a checkpoint's ``content``."""
    model = model_of(path, content, most_samples)
    text = json.dumps(model, ensure_ascii=False).replace("<", "\\u003c")  # no class may end the script
    return (
        environment()
        .get_template("draw.html")
        .render(
            title=model["title"],
            about=f"{model['title']}: {model['parameters']:,} parameters, trained on {model['dataset']} by scratchlab",
            preparation=f"{PREPARED if model['shape'] == GREY_SHAPE else RESIZED}.",
            draw_css=_asset("draw.css"),
            model=Markup(text),
            scripts=[_asset(name) for name in SCRIPTS],
        )
    )


def model_of(path: Path, content: dict[str, Any], most_samples: int) -> dict[str, Any]:
    """Everything that net.js needs to know, as plain values."""
    data = content["data"]
    if data["shape"][0] != 1:
        size = " x ".join(map(str, data["shape"]))
        raise AppError(f"export-html: one draws in grey, but {path} has learned on {size} images, which have colours")
    net, block = network(content, "scratch"), Block()  # the same layers as numpy's, and 100 times faster
    layers = described(net, data["shape"], block)
    chosen = samples(net, content, most_samples)
    run = run_of(path)
    return {
        "title": run.folder.resolve().name if run else path.stem,
        "dataset": data["name"],
        "parameters": sum(p.numel() for p in net.parameters()),
        "classes": data["classes"],
        "shape": data["shape"],
        "mean": MEAN,
        "std": STD,
        "layers": layers,
        "weights": _base64(block.bytes()),
        "samples": [{"label": each.label, "right": each.right, "pixels": _base64(_bytes(each.x))} for each in chosen],
    }


def _bytes(x: Tensor) -> bytes:
    return x.numpy().tobytes()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _asset(name: str) -> Markup:
    """A file of ours, as it is."""
    return Markup(files("lightning_app.export").joinpath("assets", name).read_text("utf-8"))
