"""Every class of ``scratchlayers.nn``: constructor arguments and an input shape, plain and with everything said."""

import torch

from scratchlayers import nn

LAZY = [name for name in nn.__all__ if name.startswith("Lazy")]
# MaxUnpool takes two tensors: tests/functional/test_indexed_pooling.py
CLASSES = [
    name for name in nn.__all__ if isinstance(getattr(nn, name), type) and not name.startswith(("Lazy", "MaxUnpool"))
]
# and FractionalMaxPool is random
USUAL = [name for name in CLASSES if not name.startswith("FractionalMaxPool")]
SIZE = (7, 6, 5)


def rank_of(name):
    return {"Unfold": 2, "Fold": 1}.get(name) or int(name[-2])  # axes of the input


def usual(name, shape):
    """Positional arguments of a plain layer for inputs of this shape."""
    _, channels, *_, length = shape
    if name == "Fold":
        return (1, channels + length - 1), (1, channels)
    return {"Conv": (channels, 2, 3), "MaxP": (2,), "AvgP": (2,), "LPPo": (2, 2), "Adap": (3,), "Cons": (1, 0.5)}.get(
        name[:4], (1,)
    )


def arguments(name):
    """Keyword arguments of several layers of a class."""
    rank = rank_of(name)
    kernel = (3, 2, 2)[:rank]
    family = name[:-2]
    if family == "Conv":
        plain = {"in_channels": 4, "out_channels": 6, "kernel_size": kernel}
        every = {**plain, "stride": (2, 1, 1)[:rank], "dilation": 2, "groups": 2, "bias": False}
        modes = [{**plain, "padding": 1, "padding_mode": mode} for mode in ("reflect", "replicate", "circular")]
        return [plain, {**every, "padding": (1, 0, 1)[:rank]}, {**plain, "padding": "valid"}, *modes]
    if family == "ConvTranspose":
        plain = {"in_channels": 4, "out_channels": 6, "kernel_size": kernel}
        every = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "bias": False, "dilation": 2}
        return [plain, {**plain, **every}]
    if family == "MaxPool":
        every = {"stride": 2, "padding": 1, "dilation": 2, "return_indices": True, "ceil_mode": True}
        return [{"kernel_size": kernel}, {"kernel_size": 3, **every}]
    if family == "AvgPool":
        every = {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}
        return [{"kernel_size": kernel}, {"kernel_size": 3, **every, **({"divisor_override": 3} if rank > 1 else {})}]
    if name == "Unfold":
        return [{"kernel_size": 2}, {"kernel_size": (3, 2), "dilation": 2, "padding": (2, 1), "stride": (1, 2)}]
    if name == "Fold":
        return [
            {"output_size": (2, 8), "kernel_size": (2, 2)},
            {"output_size": 6, "kernel_size": 2, "dilation": 1, "padding": 1, "stride": (7, 1)},
        ]
    if family == "FractionalMaxPool":
        samples = torch.rand(2, 4, rank, generator=torch.Generator().manual_seed(0))
        words = {"kernel_size": 2, "output_size": 3, "output_ratio": None, "return_indices": True}
        return [{**words, "_random_samples": samples}]
    if family == "LPPool":
        every = {"norm_type": 2.0, "kernel_size": 3, "stride": 2, "ceil_mode": True}
        return [{"norm_type": 4, "kernel_size": 2}, every]
    if family.startswith("Adaptive"):
        sizes = [{"output_size": size} for size in (1, (3, 4, 2)[:rank] if rank > 1 else 4)]
        more = {"return_indices": True} if family == "AdaptiveMaxPool" else {}
        return [*sizes, {"output_size": ((9, None, 3) if rank > 1 else (9,))[:rank], **more}]
    value = {"value": 1.5} if family == "ConstantPad" else {}
    sides = (1, 2, 0, 1, 2, 1)[: 2 * rank]
    return [{"padding": 1, **value}, {"padding": sides, **value}, {"padding": (-1, *sides[1:]), **value}]


CASES = [(name, words) for name in CLASSES for words in arguments(name)]
IDS = [f"{name}-{i}" for name in CLASSES for i in range(len(arguments(name)))]


def shapes(name):
    """Input shapes with a batch and without."""
    spatial = SIZE[: rank_of(name)]
    return [(2, 4, *spatial), (4, *spatial)]
