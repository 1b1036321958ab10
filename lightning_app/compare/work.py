"""What is done when comparing? Nets, lockstep, checks at equal weights, scores; and all of it written to a run."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from lightning_app import run as runs
from lightning_app.compare import equal, write
from lightning_app.compare.comparison import Comparison
from lightning_app.compare.lockstep import Record, lockstep
from lightning_app.compare.memory import memory
from lightning_app.compare.scores import scores
from lightning_app.data import choose
from lightning_app.data.images import Images
from lightning_app.errors import AppError, MisuseError
from lightning_app.net import DEFAULT_NET, Entry, build
from lightning_app.progress import shown
from lightning_app.training import Recipe, batches, probabilities, steps
from scratchlayers import registry
from scratchlayers.testing.load import load

TOLERANCES = {"float32": 1e-4, "float64": 1e-10}  # torch's own float32 can be 5e-3 from float64
TIMED = 25  # steps in float32, as one trains
LOOPED = 8  # images of a batch that the plain loops are given
LARGE, EPOCHS_LARGE, EPOCHS = 10_000, 1, 5


def run(options: Namespace) -> int:
    """Compare as ``compare``'s options say; 0 if the two agree."""
    net = read_net(options.net)
    folder = runs.new(options.runs, options.name)
    tol = TOLERANCES[options.dtype] if options.tol is None else options.tol
    choose.prepare(options.dataset, options.root)
    images = choose.load(options.dataset, options.root)
    epochs = options.epochs or (EPOCHS_LARGE if len(images.train.y) > LARGE else EPOCHS)
    recipe = Recipe(epochs, options.batch_size, seed=options.seed)
    with backend(options.backend, getattr(torch, options.dtype)):
        folder.create(resume=False)
        found = compared(images, recipe, net, getattr(torch, options.dtype), tol, options.loops)
    write.files(found, folder, vars(options))
    write.say(found, folder)
    return 0 if found.agree else 1


def compared(
    images: Images, recipe: Recipe, net: list[Entry], dtype: torch.dtype, tol: float, loops: int
) -> Comparison:
    """Train both side by side, and measure."""
    ours, theirs = (_built(layers, net, images, recipe.seed, dtype) for layers in ("scratch", "torch"))
    theirs.load_state_dict(ours.state_dict())
    total, first = steps(images.train, recipe), next(batches(images.train, recipe))
    at = {"the initial weights": equal.apart(ours, theirs, first)}
    looped = _looped(_built("numpy", net, images, recipe.seed, dtype), theirs, images, recipe, loops)
    held, timed = _costs(net, images, recipe)
    record = lockstep(
        ours,
        theirs,
        shown(batches(images.train, recipe), f"scratch and torch in lockstep, {str(dtype)[6:]}", total),
        recipe,
    )
    at["the trained weights"] = equal.apart(ours, theirs, first)
    found = {
        name: scores(probabilities(net, images.test.x), images.test.y, images.classes)
        for name, net in (("scratch", ours), ("torch", theirs))
    }
    answers = equal.answers_apart(ours, theirs, images.test.x)
    return Comparison(images, recipe, record, at, looped, answers, found, held, timed, dtype, tol)


def _costs(net: list[Entry], images: Images, recipe: Recipe) -> tuple[dict[str, dict[str, int]], Record]:
    """Memory and times of steps in float32."""
    nets = {name: _built(name, net, images, recipe.seed, torch.float32) for name in ("scratch", "torch")}
    held = {name: memory(deepcopy(each), next(batches(images.train, recipe))) for name, each in nets.items()}
    again = (batch for _ in range(TIMED) for batch in batches(images.train, recipe))
    some = (batch for _, batch in zip(range(TIMED), again, strict=False))
    return held, lockstep(*nets.values(), shown(some, "times, in float32", TIMED), recipe)


def _looped(loops: nn.Module, like: nn.Module, images: Images, recipe: Recipe, number: int) -> list[equal.Apart]:
    """The plain loops against torch on the first images of the first batches, from the initial weights."""
    equal.same_weights(loops, like)
    some = zip(range(number), batches(images.train, recipe), strict=False)
    what = f"the plain loops, {LOOPED} images a step"
    return [equal.apart(loops, like, equal.part(batch, LOOPED)) for _, batch in shown(some, what, number)]


def _built(layers: Any, net: list[Entry], images: Images, seed: int, dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(seed)
    return build(layers, net, images.shape, len(images.classes)).to(dtype)


def read_net(file: str | None) -> list[Entry]:
    """The net in a configuration file, by default that of ``fit``."""
    if file is None:
        return DEFAULT_NET
    try:
        net = yaml.safe_load(Path(file).read_text(encoding="utf-8"))["model"]["net"]
        if not (isinstance(net, list) and all(isinstance(entry, (str, dict)) for entry in net)):
            raise TypeError("no list of layers")
        return net
    except OSError as error:
        raise AppError(f"--net {file}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise AppError(f"--net {file}: not a YAML file with a list model.net; see configs/mnist.yaml") from error


@contextmanager
def backend(name: str | None, dtype: torch.dtype) -> Iterator[None]:
    """Inside, the hand-written layers run on the backend asked for: by its name, or as path/to/file.py:ATTR."""
    if name is None:
        yield
        return
    try:
        asked = load(name)
    except LookupError as error:
        raise MisuseError(f"--backend: {error}") from error
    if asked.name not in registry.names() or registry.get(asked.name) is not asked:
        registry.register(asked, replace=True)
    refused = {kernel: asked.refuses(kernel, "cpu", dtype, 2) for kernel in asked.kernels}
    for kernel, why in refused.items():
        if why is not None:  # another backend would run it, and the verdict would be about that one
            raise AppError(
                f"--backend {name}: it does not run {kernel} in {str(dtype)[6:]} ({why}); try another --dtype"
            )
    with registry.use_backend(asked.name):
        yield
