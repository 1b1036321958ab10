"""What is told about a picture, in which order? Its way through the network, one number of it, and every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import nn

from lightning_app.explain import draw, panels, responses
from lightning_app.page import Table

if TYPE_CHECKING:
    from lightning_app.explain.window import Box
    from lightning_app.explain.work import Explained

LARGEST = 10  # terms of a sum over numbers that are no map


class Part(NamedTuple):
    """A section: figures by their files' names, tables after them."""

    title: str
    text: str
    figures: dict[str, Figure]
    more: list[Table]


def parts(found: Explained) -> list[Part]:
    """Everything, in the order in which it is read."""
    told = [_way(found), _sum(found), _field(found), _excited(found), _layers(found)]
    return [part for part in told if part]


def number(value: float) -> str:
    """Three decimals and a true minus sign."""
    return f"{value:.3f}".replace("-", "−")


def where(box: Box) -> str:
    """In words."""
    return f"rows {box.top} to {box.bottom}, columns {box.left} to {box.right}"


def on_its_way(found: Explained) -> list[tuple[str, str, str]]:
    """(layer, place, value) from the unit to the class."""
    rows = []
    for unit in found.way:
        step = found.steps[unit.step]
        last = unit.step == len(found.steps) - 1
        place = f"class {found.classes[unit.place[0]]}" if last else ",".join(map(str, unit.place))
        rows.append((step.name, place, number(float(step.y[(0, *unit.place)]))))
    return rows


def written(found: Explained) -> list[str]:
    """The unit's sum in lines of text: window, weights and products side by side, where they are few enough."""
    lines = []
    if _small(found):
        maps = (found.terms.x, found.terms.weights, found.terms.products)
        windows = [found.window.cut(each[found.channel]).tolist() for each in maps]
        which = f"channel {found.channel}" if len(found.terms.x) > 1 else "the picture"
        wide = 7 * len(windows[0][0])
        lines.append(f"  {f'window of {which}':{wide}s}  {'  weights':{wide}s}  {'  products'}")
        rows = zip(*windows, strict=True)
        lines += ["  " + "  ".join("".join(f"{value:7.2f}" for value in row) for row in three) for three in rows]
    return [*lines, f"  {draw.sentence(found.step, found.terms, found.channel, found.value)}"]


def _small(found: Explained) -> bool:
    return found.window is not None and max(found.window.size) <= draw.WRITTEN


def _way(found: Explained) -> Part:
    step = found.step
    shown = [panels.picture_panel(found.pixels, found.field)]
    if isinstance(step.layer, nn.Conv2d):
        if found.unit.step and found.window:
            before = found.steps[found.unit.step - 1].name
            shown.append(panels.input_panel(before, step.x[0, found.channel], found.window))
        shown.append(panels.filter_panel(step.layer.weight, found.unit.place[0], found.channel))
    shown += [panels.map_panel(found.steps[unit.step], unit.place) for unit in found.way]
    with torch.no_grad():
        shown.append(panels.answer_panel(found.steps[-1].y[0].softmax(0), found.classes))
    text = (
        f"One number of {step.name} and what becomes of it. Orange frames what {found.name} reads in the picture, "
        "and in every later layer the number through which it raises the answer most."
    )
    if found.way[-1].place[0] != int(found.steps[-1].y.argmax()):
        text += " From where on nothing raises the answer, it is the number that changes most."
    table = Table(["layer", "place", "value"], [list(row) for row in on_its_way(found)])
    return Part("From the picture to the class", text, {"steps": panels.strip(shown)}, [table])


def _sum(found: Explained) -> Part:
    sentence = draw.sentence(found.step, found.terms, found.channel, found.value)
    reads = f" It reads {where(found.window)} of its input." if found.window else ""
    text = f"{found.name} = {number(found.value)}.{reads} {sentence[0].upper()}{sentence[1:]}."
    if _small(found):
        figure = draw.products(found.step, found.terms, found.channel, found.window, found.value)
        return Part("One number, written out", text, {"products": figure}, [])
    products, x, weights = (each.flatten() for each in (found.terms.products, found.terms.x, found.terms.weights))
    order = products.abs().argsort(descending=True)[:LARGEST].tolist()
    rows = [[str(n), *(number(float(each[n])) for each in (x, weights, products))] for n in order]
    table = Table(
        ["input", "value", "× weight", "= product"], rows, f"the {len(order)} largest of {len(products)} products"
    )
    return Part("One number, written out", text, {}, [table])


def _field(found: Explained) -> Part:
    rows, columns = found.field.size if found.field else (0, 0)
    text = (
        f"{found.name} can read {rows} × {columns} pixels of the picture ({where(found.field)}): those where its "
        "gradient is not zero for any of many pictures. How much each of them matters for this picture is beside it."
        if found.field
        else f"{found.name} was zero for every picture that was tried: it reads nothing."
    )
    figure = draw.field(found.pixels, found.slope, found.field, found.name)
    return Part("What it can see", text, {"receptive-field": figure}, [])


def _excited(found: Explained) -> Part | None:
    if found.patches is None:
        return None
    rows, columns = found.patches.pixels.shape[-2:]
    text = (
        f"The training images to which the filters of {found.step.name} answer most strongly, cut to the "
        f"{rows} × {columns} pixels that the answer depends on; the answer is below each."
    )
    return Part("What excites the filters", text, {"patches": draw.excited(found.patches, found.step.name)}, [])


def _layers(found: Explained) -> Part:
    figures = {
        f"layer-{place:02d}-{step.name}": responses.layer_maps(step)
        if step.y.ndim == 4
        else responses.vector(step, found.classes)
        for place, step in enumerate(found.steps, 1)
    }
    text = (
        "Filters and responses, each layer on one scale of its own: blue is positive, orange negative, white zero. "
        "A filter of several input maps is drawn as their mean."
    )
    return Part("Every layer", text, figures, [])
