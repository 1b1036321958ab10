"""What is measured of one variant with one seed? Trained afresh; everything that the table and the plots need."""

import hashlib
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lightning_app.data.batches import moved
from lightning_app.data.images import Images, Labelled
from lightning_app.net import Layers, build
from lightning_app.seeds import seed_of
from lightning_app.study.studies import Variant
from lightning_app.training import Learner, Recipe, batches, probabilities, steps

SHIFTS = (-8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8)
BATCH = 128
WARM_UP = 2


def settings(
    variant: Variant, seed: int, images: Images, layers: Layers, steps: int, threads: int, data: str
) -> dict[str, Any]:
    """All that a cell's outcome depends on: it is measured again when any of this has changed.

    ``data`` is the fingerprint of the images, which :func:`fingerprint` makes.
    """
    return {
        "line": variant.line,
        "value": variant.value,
        "seed": seed,
        "net": list(variant.net),
        "images": min(variant.images or len(images.train.y), len(images.train.y)),
        "shift": variant.shift,
        "crop": variant.crop,
        "data": data,
        "layers": layers,
        "steps": steps,
        "threads": threads,
    }


def fingerprint(images: Images) -> str:
    """Of every pixel and label: two files may have one name."""
    digest = hashlib.sha256()
    for part in (images.train, images.test):
        for values in part:
            digest.update(values.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def measure(variant: Variant, seed: int, images: Images, layers: Layers, wanted: int) -> dict[str, Any]:
    """Train for ``wanted`` steps, whatever part of an epoch or how many they are, and measure."""
    train, test = (Labelled(_cropped(part.x, variant.crop), part.y) for part in (images.train, images.test))
    train = _some(train, variant.images, seed)
    once = Recipe(1, min(BATCH, len(train.y)), variant.shift, seed=seed)
    recipe = Recipe(-(-wanted // steps(train, once)), once.batch_size, once.shift, seed=seed)
    torch.manual_seed(seed)
    net = build(layers, list(variant.net), tuple(train.x.shape[1:]), len(images.classes))
    learner = Learner(net, recipe)
    some = zip(range(wanted), batches(train, recipe), strict=False)
    times = [sum(learner.step(batch._replace(progress=step / wanted)).seconds) for step, batch in some]
    shifted = {move: _accuracy(net, test, move) for move in SHIFTS}
    return {
        "accuracy": shifted[0],
        "shifted": {str(move): accuracy for move, accuracy in shifted.items()},
        "parameters": sum(p.numel() for p in net.parameters()),
        "macs": macs(net, test.x[:1]),
        "sizes": sizes(net, test.x[:1]),
        "step_ms": round(1000 * median(times[WARM_UP:] or times), 3),
    }


def macs(net: nn.Module, x: Tensor) -> int:
    """Multiplications of one image's forward pass, as torch counts them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(x.float())
    return counter.get_total_flops() // 2


def sizes(net: nn.Module, x: Tensor) -> str:
    """The sides of the maps from layer to layer, where they change."""
    sides = [x.shape[-1]]
    x = x.float()
    with torch.no_grad():
        for layer in net.eval():
            x = layer(x)
            if x.ndim == 4 and x.shape[-1] != sides[-1]:
                sides.append(x.shape[-1])
    return " → ".join(map(str, sides))


def _accuracy(net: nn.Module, test: Labelled, right: int) -> float:
    x = moved(test.x, torch.tensor([[0, right]]).expand(len(test.y), 2)) if right else test.x
    return float((probabilities(net, x).argmax(1) == test.y).double().mean())


def _cropped(x: Tensor, crop: int) -> Tensor:
    return x[:, :, crop : x.shape[2] - crop, crop : x.shape[3] - crop] if crop else x


def _some(data: Labelled, images: int | None, seed: int) -> Labelled:
    """So many images, other ones for each seed."""
    if images is None or images >= len(data.y):
        return data
    order = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(seed_of(seed, images)))
    return data.take(order[:images])
