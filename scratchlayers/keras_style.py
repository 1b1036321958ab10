"""What if one learned Keras's names first? ``Conv2D``, ``MaxPooling2D`` and their company, around our layers.

Arguments, their order, defaults, output sizes and first weights (Glorot's, biases 0) are Keras's; what computes is
``scratchlayers.nn``. An image is (N, H, W, C) unless ``data_format="channels_first"``: to the kernels that is torch's
channels_last, read in place. The number of input channels may come with the first input, or with ``input_shape``.

    padding="valid"   ⌈(n − k + 1) / s⌉ outputs an axis, k being the reach of a dilated kernel
    padding="same"    ⌈n / s⌉ outputs; an odd row of padding goes to the end; pooling neither chooses nor counts it

(The rules of keras.io/api/layers and of TensorFlow's guide to padding, tensorflow.org/api_docs/python/tf/nn.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

import torch
from torch import Tensor

from . import nn
from .geometry import Ints
from .nn import functional as F

__all__ = ["AveragePooling2D", "Conv2D", "Dense", "Flatten", "MaxPooling2D", "Sequential"]

Activation = str | Callable[[Tensor], Tensor] | None

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": F.elu,
    "gelu": F.gelu,
    "linear": lambda x: x,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: x.softmax(-1),
    "softplus": F.softplus,
    "tanh": torch.tanh,
}
_CHANNELS = {"channels_last": -1, "channels_first": 0}


class _OnImages(nn.Module):
    """A layer of ours that reads (N, C, H, W), behind a door that takes images as ``data_format`` says."""

    def __init__(self, layer: nn.Module | None, data_format: str | None, activation: Activation = None):
        super().__init__()
        self.layer = layer
        self.data_format = _one_of("data_format", data_format or "channels_last", _CHANNELS)
        self.activation = _known(activation)

    def extra_repr(self) -> str:
        """Say what the layer inside does not."""
        return f"data_format={self.data_format}, activation={self.activation}"

    def forward(self, images: Tensor) -> Tensor:
        """Take and return images in ``data_format``."""
        if images.dim() != 4:
            order = "(N, H, W, C)" if self.data_format == "channels_last" else "(N, C, H, W)"
            raise ValueError(f"{type(self).__name__} takes images {order}, got {tuple(images.shape)}")
        if self.data_format == "channels_first":
            return _activated(self.layer(images), self.activation)
        return _activated(self.layer(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), self.activation)


class Conv2D(_OnImages):
    """``filters`` filters slid over images: (N, H, W, C) to (N, H', W', filters).

    Args:
        filters: the number of output channels.
        kernel_size: an int or (KH, KW).
        strides: an int or two.
        padding: "valid" or "same".
        data_format: "channels_last" (the default) or "channels_first".
        dilation_rate: the distance between a filter's taps, an int or two.
        groups: into how many independent blocks the channels are cut.
        activation: a name ("relu", "softmax", ...), a function, or None.
        use_bias: whether a bias is added to each filter's output.
        input_shape: (H, W, C) of one image, in the order of ``data_format``; without it the first input decides.

    Raises:
        ValueError for a word that is not allowed, an ``input_shape`` that is not three sizes, or bad sizes.

    """

    def __init__(
        self,
        filters: int,
        kernel_size: Ints,
        strides: Ints = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Ints = (1, 1),
        groups: int = 1,
        activation: Activation = None,
        use_bias: bool = True,
        input_shape: Sequence[int] | None = None,
    ):
        super().__init__(None, data_format, activation)
        words = (filters, kernel_size, strides, _padding(padding), dilation_rate, groups, use_bias)
        if input_shape is None:
            self.layer = _LazyConv(*words)
        elif len(input_shape) == 3:
            self.layer = _Conv(input_shape[_CHANNELS[self.data_format]], *words)
        else:
            raise ValueError(f"input_shape must be the three sizes of one image, got {tuple(input_shape)}")


class MaxPooling2D(_OnImages):
    """The largest element of each window: (N, H, W, C) to (N, H', W', C).

    ``strides`` is ``pool_size`` unless given. What "same" adds is never chosen.
    """

    def __init__(
        self,
        pool_size: Ints = (2, 2),
        strides: Ints | None = None,
        padding: str = "valid",
        data_format: str | None = None,
    ):
        super().__init__(nn.MaxPool2d(pool_size, strides, _padding(padding)), data_format)


class AveragePooling2D(_OnImages):
    """The mean of each window: (N, H, W, C) to (N, H', W', C).

    ``strides`` is ``pool_size`` unless given. What "same" adds is not counted.
    """

    def __init__(
        self,
        pool_size: Ints = (2, 2),
        strides: Ints | None = None,
        padding: str = "valid",
        data_format: str | None = None,
    ):
        layer = nn.AvgPool2d(pool_size, strides, _padding(padding), count_include_pad=False)
        super().__init__(layer, data_format)


class Flatten(nn.Module):
    """(N, ...) to (N, everything else), the channels innermost in either ``data_format``."""

    def __init__(self, data_format: str | None = None):
        super().__init__()
        self.data_format = _one_of("data_format", data_format or "channels_last", _CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """Lay each example into a row."""
        first = self.data_format == "channels_first" and x.dim() > 2
        return (x.movedim(1, -1) if first else x).flatten(1)


class Dense(nn.Module):
    """Every output of every input: (..., C) to (..., units), by ``torch.nn.Linear``."""

    def __init__(
        self,
        units: int,
        activation: Activation = None,
        use_bias: bool = True,
        input_shape: Sequence[int] | None = None,
    ):
        super().__init__()
        self.layer = _LazyLinear(units, use_bias) if input_shape is None else _Linear(input_shape[-1], units, use_bias)
        self.activation = _known(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Act on the last axis."""
        return _activated(self.layer(x), self.activation)


class Sequential(nn.Sequential):
    """Layers one after another, of Keras's style, ours or torch's.

    >>> model = Sequential()
    >>> model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    >>> model.add(MaxPooling2D((2, 2)))
    >>> model.add(Flatten())
    >>> model.add(Dense(10, activation="softmax"))
    >>> print(model.summary((28, 28, 1)))
    Conv2D        (None, 26, 26, 32)         320
    MaxPooling2D  (None, 13, 13, 32)           0
    Flatten       (None, 5408)                 0
    Dense         (None, 10)              54,090
    total                                 54,410
    """

    def __init__(self, layers: Iterable[nn.Module] | dict[str, nn.Module] = ()):
        super().__init__(*([layers] if isinstance(layers, dict) else layers))

    def add(self, layer: nn.Module) -> None:
        """Append a layer."""
        self.append(layer)

    def summary(self, input_shape: Sequence[int]) -> str:
        """Return a table of the layers, what they make of one example of this shape, and their parameters.

        The layers run once, on zeros and as in use, so that those that wait for their first input then have weights.
        """
        rows, x, training = [], torch.zeros(1, *input_shape), {module: module.training for module in self.modules()}
        for parameter in islice(self.parameters(), 1):
            x = x.to(parameter)
        with torch.no_grad():
            for layer in self.eval():
                x = layer(x)
                count = sum(p.numel() for p in layer.parameters())
                shape = ", ".join(["None", *map(str, x.shape[1:])])
                rows.append((type(layer).__name__, f"({shape})", f"{count:,}"))
        for module, was in training.items():
            module.training = was
        rows.append(("total", "", f"{sum(p.numel() for p in self.parameters()):,}"))
        name, shape, count = (max(map(len, column)) for column in zip(*rows, strict=True))
        return "\n".join(f"{a:{name}}  {b:{shape}}  {c:>{count + 4}}" for a, b, c in rows)


class _Glorot:
    """First weights by Glorot and Bengio (2010), uniform; biases 0."""

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class _Conv(_Glorot, nn.Conv2d):
    pass


class _LazyConv(nn.LazyConv2d, _Conv):
    cls_to_become = _Conv


class _Linear(_Glorot, nn.Linear):
    pass


class _LazyLinear(nn.LazyLinear, _Linear):
    cls_to_become = _Linear


def _padding(word: str) -> str:
    return _one_of("padding", word, ("valid", "same"))


def _known(activation: Activation) -> Activation:
    return activation if callable(activation) else _one_of("activation", activation or "linear", _ACTIVATIONS)


def _activated(x: Tensor, activation: Activation) -> Tensor:
    return activation(x) if callable(activation) else _ACTIVATIONS[str(activation)](x)


def _one_of(name: str, word: object, allowed: Iterable[str]) -> str:
    allowed = sorted(allowed)
    if word in allowed:
        return str(word)
    close = get_close_matches(str(word), allowed, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {word!r}{hint}")
