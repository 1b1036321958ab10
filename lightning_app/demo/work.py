"""What does the demo do? It calls what the commands call: fit, compare, predict; and puts the pictures on a page."""

from argparse import Namespace
from pathlib import Path

import torch
from markupsafe import Markup
from rich.markup import escape
from torch import nn

from lightning_app import checkpoint, cli
from lightning_app import run as runs
from lightning_app.compare.draw_steps import losses
from lightning_app.compare.lockstep import Record, lockstep
from lightning_app.console import console
from lightning_app.data import digits
from lightning_app.data.images import Images
from lightning_app.demo import draw
from lightning_app.figures import DPI
from lightning_app.net import DEFAULT_NET, build
from lightning_app.page import Picture, Section, page
from lightning_app.predict import network
from lightning_app.progress import shown
from lightning_app.run import Run
from lightning_app.training import Recipe, batches, probabilities, steps

TOL = 1e-10  # in float64
FROM_FIT = {
    "feature_maps.png": "What the first layers make of a digit",
    "learning_curves.png": "Loss and accuracy while it learned",
    "confusion_matrix.png": "Which digits are taken for which",
}
NEXT = {
    "scratchlab fit": "the same on MNIST: 99.4 % in about a minute",
    "scratchlab predict photo.jpg": "a digit that you wrote and photographed",
    "scratchlab compare": "every figure of hand-written against torch.nn",
    "scratchlab study shift": "is a CNN translation invariant? (no)",
    "scratchlab init mine": "a kernel of your own in these layers, trained",
}


def run(options: Namespace) -> None:
    """Train, compare, draw, say what to try next."""
    folder = runs.new(options.runs, options.name or f"demo-{runs.new(options.runs, None).folder.name}")
    say = console().print
    say("[bold]1. A net of hand-written layers learns the digits[/]")
    name = folder.folder.name
    cli.fit(
        [
            "--data.dataset",
            "digits",
            "--trainer.max_epochs",
            str(options.epochs),
            "--runs",
            options.runs,
            "--name",
            name,
        ]
    )
    images, net = digits.load(), network(checkpoint.read(folder.checkpoints / "best.ckpt"))
    say("\n[bold]2. The same steps with torch.nn's layers[/]")
    record = parity(images)
    apart = max(record.apart)
    say(f"{len(record.apart)} steps side by side, in float64: the losses differ by at most [bold]{apart:.0e}[/]")
    say("\n[bold]3. Six pictures[/]")
    index = pictures(folder, images, net, record)
    for file in sorted(folder.folder.glob("*.png")):
        say(f"   {file.name}", markup=False)
    say(f"   all on one page: [bold]{escape(str(index))}[/]")
    say("\n[bold]4. What to try next[/]")
    for command, why in NEXT.items():
        say(f"   {command:<30}{why}", markup=False)


def parity(images: Images) -> Record:
    """An epoch of the default net in lockstep."""
    recipe = Recipe(1)
    nets = []
    for layers in ("scratch", "torch"):
        torch.manual_seed(recipe.seed)
        nets.append(build(layers, DEFAULT_NET, images.shape, len(images.classes)).double())
    seen = shown(batches(images.train, recipe), "scratch and torch", steps(images.train, recipe))
    return lockstep(*nets, seen, recipe)


def pictures(folder: Run, images: Images, net: nn.Module, record: Record) -> Path:
    """Draw what `fit` did not, and the page of all; its path."""
    p = probabilities(net, images.test.x)
    drawn = {
        "parity.png": (losses(record, TOL, len(record.apart)), "The same losses as torch.nn's, step by step"),
        "unsure.png": (draw.unsure(images, p), "The digits it finds hardest"),
        "shifted.png": (draw.shifted(images, net), "The same digits, moved"),
    }
    for name, (figure, _) in drawn.items():
        with folder.writing(name) as part:
            figure.savefig(part, format="png", dpi=DPI)
    sections = [Section(title, [Picture(folder.folder / name, title)]) for name, title in FROM_FIT.items()]
    sections += [Section(title, [Picture(figure, title)]) for figure, title in drawn.values()]
    commands = [Markup("<code>{}</code> {}").format(command, why) for command, why in NEXT.items()]
    right = float((p.argmax(1) == images.test.y).double().mean())
    facts = {"test accuracy": f"{right:.2%}", "largest difference to torch.nn": f"{max(record.apart):.0e}"}
    lead = "A convolutional net whose layers, forward and backward, are written by hand; trained on digits just now."
    folder.write("index.html", page("The first five minutes", lead, facts, [*sections, Section("Next", commands)]))
    return folder.folder / "index.html"
