"""What does a trained network answer about an image? Without a trainer."""

from typing import Any

import torch
from torch import Tensor, nn

from lightning_app.errors import AppError
from lightning_app.net import build
from lightning_app.pixels import scaled


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
