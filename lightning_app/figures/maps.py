"""What do the layers make of a digit? Kernels, feature maps and pooled maps, as the trained layers compute them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.colors import Colormap
from matplotlib.figure import Figure, SubFigure
from torch import Tensor, nn

from lightning_app.data.images import Images
from lightning_app.figures.style import AMOUNT, BLUE, FAINT, GREY, INK, PIXELS, SIGNED, bare, plain

if TYPE_CHECKING:
    import pytorch_lightning as pl

CONVS, POOLS = (nn.Conv2d,), (nn.MaxPool2d, nn.AvgPool2d)
SHOWN = 16  # maps of a layer
CANDIDATES = 200  # test images to choose one from


def feature_maps(model: pl.LightningModule, images: Images) -> Figure:
    """One strip: a test image, the first convolution's kernels and maps, the first pooling's maps, the answer."""
    model = model.cpu().eval()
    x, y, seen = _look(model, images)
    conv, conv_out = next(((m, out) for m, out in seen if isinstance(m, CONVS)), (None, None))
    pool, pool_out = next(((m, out) for m, out in seen if isinstance(m, POOLS)), (None, None))
    panels = [("a test image", f"{x.shape[-2]} × {x.shape[-1]} pixels", _picture, x)]
    if conv is not None:
        size = " × ".join(map(str, conv.kernel_size))
        panels.append((f"{_some(conv.weight)} learned kernels", size, _tiles, (conv.weight.mean(1), SIGNED)))
        panels.append((f"Conv2d: {_some(conv_out[0])} maps", _sides(conv_out), _tiles, (conv_out[0], SIGNED)))
    if pool is not None:
        title = f"{type(pool).__name__}: {_some(pool_out[0])} maps"
        panels.append((title, _sides(pool_out), _tiles, (pool_out[0], AMOUNT)))
    panels.append(("the answer", "probability", _answer, (seen[-1][1][0].softmax(0), images.classes, y)))
    return _strip(panels)


def _look(model: pl.LightningModule, images: Images) -> tuple[Tensor, int, list[tuple[nn.Module, Tensor]]]:
    """A test image that is well recognised, its class, and every layer with its output for it."""
    seen: list[tuple[nn.Module, Tensor]] = []
    with torch.no_grad():
        some = images.test.take(torch.arange(min(CANDIDATES, len(images.test.y))))
        sure = model(some.x).softmax(1)[torch.arange(len(some.y)), some.y]
        place = int((sure + (some.y == min(3, len(images.classes) - 1))).argmax())  # a 3 has strokes in all directions
        hooks = [layer.register_forward_hook(lambda m, _, out: seen.append((m, out))) for layer in model.net]
        model(images.test.x[place : place + 1])
    for hook in hooks:
        hook.remove()
    return images.test.x[place], int(images.test.y[place]), seen


def _strip(panels: list) -> Figure:
    figure = Figure(figsize=(3.1 * len(panels), 3.9), facecolor="white")
    parts = np.atleast_1d(figure.subfigures(1, len(panels), wspace=0.0))
    for number, (part, (title, subtitle, draw, content)) in enumerate(zip(parts, panels, strict=True)):
        part.text(0.5, 0.95, title, ha="center", va="top", fontsize=13, color=INK, weight="bold")
        part.text(0.5, 0.868, subtitle, ha="center", va="top", fontsize=10.5, color=GREY)
        draw(part, content)
        if number:
            part.text(0.0, 0.44, "→", ha="center", va="center", fontsize=20, color=BLUE)
    return figure


def _picture(part: SubFigure, x: Tensor) -> None:
    axes = part.add_axes((0.09, 0.08, 0.82, 0.72))
    pixels = x.permute(1, 2, 0).squeeze(2).numpy()
    axes.imshow(pixels, cmap=PIXELS)
    bare(axes)


def _tiles(part: SubFigure, content: tuple[Tensor, Colormap]) -> None:
    """Up to 16 maps, each on its own scale, zero white."""
    maps, colours = content
    maps = maps[:SHOWN].detach().numpy()
    columns = math.ceil(math.sqrt(len(maps)))
    grid = part.subplots(columns, columns, squeeze=False, gridspec_kw=_box(0.09, 0.08, 0.91, 0.80))
    for axes, values in zip(grid.flat, maps, strict=False):
        most = float(np.abs(values).max()) or 1.0
        axes.imshow(values, cmap=colours, vmin=0 if colours is AMOUNT else -most, vmax=most)
        bare(axes)
    for axes in grid.flat[len(maps) :]:
        axes.set_axis_off()


def _answer(part: SubFigure, content: tuple[Tensor, tuple[str, ...], int]) -> None:
    probabilities, classes, y = content
    top = (
        probabilities.topk(min(10, len(classes))).indices.sort().values
        if len(classes) > 10
        else torch.arange(len(classes))
    )
    axes = part.add_axes((0.16, 0.08, 0.72, 0.72))
    bars = [float(probabilities[i]) for i in top]
    axes.barh(range(len(top)), [1] * len(top), color=FAINT, height=0.62)
    axes.barh(range(len(top)), bars, color=[BLUE if i == y else GREY for i in top], height=0.62)
    axes.set_yticks(range(len(top)), [plain(classes[i]) for i in top], fontsize=11, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    best = int(np.argmax(bars))
    amount = "> 99.9%" if bars[best] > 0.999 else f"{bars[best]:.1%}"
    colour = "white" if bars[best] > 0.97 else INK
    axes.text(0.97, best, amount, ha="right", va="center", fontsize=10, color=colour)


def _box(left: float, bottom: float, right: float, top: float) -> dict[str, float]:
    return {"left": left, "bottom": bottom, "right": right, "top": top, "wspace": 0.1, "hspace": 0.1}


def _some(maps: Tensor) -> str:
    return f"{SHOWN} of {len(maps)}" if len(maps) > SHOWN else str(len(maps))


def _sides(out: Tensor) -> str:
    return f"{out.shape[-2]} × {out.shape[-1]}"
