"""Which pictures does only the demo draw? The digits the net is least sure of, and what a shift does to it."""

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from lightning_app.data.batches import moved
from lightning_app.data.images import Images
from lightning_app.figures.style import BLUE, GREY, INK, ORANGE, PIXELS, bare, open_frame, plain
from lightning_app.training import probabilities

SHOWN = (2, 8)  # rows and columns
MOVES = range(-6, 7)


def unsure(images: Images, p: Tensor) -> Figure:
    """The test digits whose right class got the least probability; what they are, and what they are taken for."""
    given = p[torch.arange(len(p)), images.test.y]
    order = given.argsort()[: SHOWN[0] * SHOWN[1]]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, place in zip(figure.subplots(*SHOWN).flat, order.tolist(), strict=False):
        y, answer = int(images.test.y[place]), int(p[place].argmax())
        axes.imshow(images.test.x[place].permute(1, 2, 0).squeeze(2).numpy(), cmap=PIXELS)
        bare(axes)
        wrong = answer != y
        text = (
            plain(f"{images.classes[y]}, not {images.classes[answer]}")
            if wrong
            else plain(f"{images.classes[y]}: {given[place]:.0%}")
        )
        axes.set_title(text, fontsize=11, color=ORANGE if wrong else INK)
    wrong = int((p.argmax(1) != images.test.y).sum())
    title = f"{wrong} of {len(p)} wrong, then those of which it is least sure"
    figure.suptitle(title, fontsize=12, color=INK)
    return figure


def shifted(images: Images, net: nn.Module) -> Figure:
    """Accuracy over the pixels by which all test digits are moved to the right."""
    n = len(images.test.y)
    shares = []
    for right in MOVES:
        x = moved(images.test.x, torch.tensor([[0, right]]).expand(n, 2))
        shares.append(float((probabilities(net, x).argmax(1) == images.test.y).double().mean()))
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(MOVES, shares, "o-", color=BLUE)
    for place in (-2, 2):
        axes.axvline(place, color=GREY, linestyle="--", linewidth=1)
    axes.annotate(
        "as far as training moved them", (2, 0.02), (4, 0), textcoords="offset points", color=GREY, fontsize=9
    )
    axes.set_xticks(MOVES)
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("digits moved right by pixels (negative: left)", color=INK)
    axes.set_ylabel("test accuracy", color=INK)
    open_frame(axes)
    return figure
