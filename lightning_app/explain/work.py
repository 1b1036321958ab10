"""In what order is a picture explained? Look, choose a unit, measure, draw, write, and say it in the terminal."""

from argparse import Namespace
from pathlib import Path
from typing import Any, NamedTuple

from rich.markup import escape
from torch import Tensor

from lightning_app import checkpoint
from lightning_app.console import console
from lightning_app.explain import write
from lightning_app.explain.patches import Patches, patches
from lightning_app.explain.trace import Step, Unit, strongest, trace, unit
from lightning_app.explain.way import way
from lightning_app.explain.window import Box, Terms, box, gradient, prefix, reads, terms
from lightning_app.photo.read import read
from lightning_app.pixels import scaled
from lightning_app.predict import network, ranked

MOST_FILTERS = 8  # whose favourite patches are looked for


class Explained(NamedTuple):
    """Everything that is shown; ``window`` lies in the unit's own input, ``field`` in the picture."""

    file: str
    checkpoint: str
    classes: list[str]
    answer: dict[str, Any]
    pixels: Tensor
    steps: list[Step]
    way: list[Unit]
    terms: Terms
    channel: int | None
    window: Box | None
    field: Box | None
    slope: Tensor
    patches: Patches | None

    @property
    def unit(self) -> Unit:
        """The one that was chosen."""
        return self.way[0]

    @property
    def step(self) -> Step:
        """The layer it belongs to."""
        return self.steps[self.unit.step]

    @property
    def value(self) -> float:
        """The unit's number."""
        return float(self.step.y[(0, *self.unit.place)])

    @property
    def name(self) -> str:
        """The unit as it is written on the command line."""
        return f"{self.step.name}:{','.join(map(str, self.unit.place))}"


def run(options: Namespace) -> None:
    """The whole of the command."""
    path = checkpoint.find(options.ckpt_path, options.runs)
    content = checkpoint.read(path)
    pixels = read(options.image, content["data"]["shape"])
    with console().status("going through the network"):
        found = explained(options, str(path), content, pixels)
    folder = options.out or Path(f"explain-{options.image.stem}")
    write.say(found)
    with console().status("drawing"):
        names = write.files(folder, found)
    page, *pictures = names
    where = escape(str(folder / page))
    console().print(f"[bold]{where}[/] · one file; its {len(pictures)} pictures are beside it as PNG")


def explained(options: Namespace, path: str, content: dict[str, Any], pixels: Tensor) -> Explained:
    """Measure everything, on the network of a checkpoint's ``content``, for ``pixels`` (1, c, h, w) uint8."""
    layers = content["hyper_parameters"]["layers"]
    net = network(content, "scratch" if layers == "numpy" else None)  # the same layers, thousands of images a second
    steps = trace(net, scaled(pixels))
    chosen = unit(options.unit, steps) if options.unit else strongest(steps)
    step, upto, shape = steps[chosen.step], prefix(steps, chosen), tuple(pixels.shape[1:])
    parts = terms(step, chosen.place)
    maps = step.x.ndim == 4
    return Explained(
        file=str(options.image),
        checkpoint=path,
        classes=content["data"]["classes"],
        answer=ranked(net, pixels, content["data"]["classes"]),
        pixels=pixels[0],
        steps=steps,
        way=way(steps, chosen),
        terms=parts,
        channel=int(parts.products.flatten(1).sum(1).abs().argmax()) if maps else None,
        window=box(reads(step.layer, tuple(step.x.shape[1:]), chosen.place)) if maps else None,
        field=box(reads(upto, shape, chosen.place)),
        slope=gradient(upto, steps[0].x, chosen.place).sum(0),
        patches=_patches(options.patches, content, steps, chosen),
    )


def _patches(k: int, content: dict[str, Any], steps: list[Step], chosen: Unit) -> Patches | None:
    """None where none are wanted, where the unit is in no map, or where the training data are not on this machine."""
    y = steps[chosen.step].y[0]
    images = checkpoint.images(content) if k and y.ndim == 3 else None
    if images is None:
        return None
    by_strength = y.flatten(1).amax(1).argsort(descending=True).tolist()
    channels = [chosen.place[0], *(channel for channel in by_strength if channel != chosen.place[0])]
    return patches(prefix(steps, chosen), images.train.x, channels[:MOST_FILTERS], k)
