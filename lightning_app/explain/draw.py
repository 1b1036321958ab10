"""How does one number look? Its sum, what it can see of the picture, and what excites its filter."""

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from lightning_app.explain.marks import framed, image, numbers, picture
from lightning_app.explain.patches import Patches
from lightning_app.explain.trace import Step
from lightning_app.explain.window import Box, Terms
from lightning_app.figures.style import GREY, INK, PIXELS

WRITTEN = 7  # rows and columns of numbers that can still be read
BIAS = 5e-4  # what is smaller is rounding


def products(step: Step, parts: Terms, channel: int, window: Box, y: float) -> Figure:
    """Window, weights and products of one input channel, and the sum that becomes the number."""
    rows, columns = window.size
    figure = Figure(figsize=(11, 3.5 * rows / columns + 0.8))
    high = 3.5 * rows / columns / (3.5 * rows / columns + 0.8)
    which = f"channel {channel}" if step.x.shape[1] > 1 else "the picture"
    titles = (f"window of {which}", "× weights", "= products")
    for place, (values, title) in enumerate(zip(parts[:3], titles, strict=True)):
        axes = figure.add_axes((0.01 + 0.33 * place, 0.45 * (1 - high), 0.318, high))
        numbers(axes, window.cut(values[channel]), title)
    figure.text(0.5, 0.01, sentence(step, parts, channel, y), ha="center", va="bottom", fontsize=12, color=INK)
    return figure


def sentence(step: Step, parts: Terms, channel: int | None, y: float) -> str:
    """The sum in a line; ``channel`` is the input map that is told apart, if the input has maps."""
    total = float(parts.products.sum())
    own = total if channel is None else float(parts.products[channel].sum())
    read = int(parts.weights.flatten(1).any(1).sum()) if channel is not None else 1
    others = f" {_added(total - own)} from the other {read - 1} channels" if read > 1 else ""
    bias = f" {_added(parts.bias)} bias" if abs(parts.bias) > BIAS else ""
    told = f" {own:.3f}{others}{bias}" if others or bias else ""
    return f"sum of the products{told} = {y:.3f}".replace("-", "−")


def _added(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):.3f}"


def field(pixels: Tensor, slope: Tensor, window: Box | None, name: str) -> Figure:
    """The picture with the receptive field of a unit, and how much each pixel of it matters here."""
    high = 5.3 * pixels.shape[1] / pixels.shape[2]
    figure = Figure(figsize=(11, high + 0.5))
    left, right = (figure.add_axes((x, 0.01, 0.48, high / (high + 0.5))) for x in (0.01, 0.51))
    picture(left, pixels)
    framed(left, window)
    left.set_title(f"what {name} can read", fontsize=12, color=INK)
    image(right, slope)
    framed(right, window)
    right.set_title("its change with each pixel, for this picture", fontsize=12, color=INK)
    return figure


def excited(found: Patches, name: str) -> Figure:
    """A row per filter: the patches that excite it most, each with its answer."""
    rows, columns = found.answers.shape
    figure = Figure(figsize=(columns + 1, 1.2 * rows + 0.5))
    axes = figure.add_axes((0, 0, 1, 1.2 * rows / (1.2 * rows + 0.5)))
    for line, (channel, answers, pixels) in enumerate(zip(found.channels, found.answers, found.pixels, strict=True)):
        axes.text(0.92, 1.2 * line + 0.48, f"filter {channel}", ha="right", va="center", fontsize=10.5, color=INK)
        for column, (answer, patch) in enumerate(zip(answers, pixels, strict=True), 1):
            corners = (column + 0.04, column + 0.96, 1.2 * line + 0.94, 1.2 * line + 0.02)
            values = patch.permute(1, 2, 0).squeeze(2).numpy()
            axes.imshow(values, cmap=PIXELS, vmin=0, vmax=255, extent=corners, interpolation="none", aspect="auto")
            corner = (column + 0.04, 1.2 * line + 0.02)
            axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=GREY, linewidth=0.6))
            text = f"{float(answer):.2f}".replace("-", "−")
            axes.text(column + 0.5, 1.2 * line + 0.97, text, ha="center", va="top", fontsize=9, color=GREY)
    axes.set_xlim(0, columns + 1)
    axes.set_ylim(1.2 * rows, 0)
    axes.set_axis_off()
    title = f"the {columns} training images that excite each filter of {name} most"
    figure.text(0.5, 0.99, title, ha="center", va="top", fontsize=12, color=INK)
    return figure
