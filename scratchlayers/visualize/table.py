"""Which pictures are there, what is each of, and with which options is it asked for? One table for all commands."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A picture's name on the command line, what it shows, its options, and whether it moves.

    The function is the name with underscores.
    """

    name: str
    shows: str
    options: tuple[str, ...]
    moves: bool = False

    @property
    def function(self) -> str:
        """The function of :mod:`scratchlayers.visualize`."""
        return self.name.replace("-", "_")


ENTRIES = (
    Entry("sliding-window", "what each output of a layer reads", ("layer", "size", "style"), True),
    Entry("input-gradient", "backward: how each output's gradient is spread over its window", ("layer", "size"), True),
    Entry("weight-gradient", "backward: how each window adds to the filter's gradient", ("layer", "size"), True),
    Entry("pool-gradient", "where maximum and average pooling send a gradient", ("layers", "size")),
    Entry("padding-modes", "valid, same and full side by side", ("layers", "size"), True),
    Entry("padding-values", "zeros, reflection, replication and circular padding side by side", ("layers", "size")),
    Entry("coverage", "how many outputs read each input cell", ("layers", "size")),
    Entry("flip", "convolution and cross-correlation, and the filter that is turned", ("layer", "size")),
    Entry("im2col", "a convolution as one product of matrices", ("layer", "size"), True),
    Entry("kernels", "the filters that every textbook knows", ("names",)),
    Entry("responses", "what they answer to a photograph", ("photo", "names")),
    Entry("pooled", "what pooling leaves of a photograph", ("photo", "layers")),
    Entry("filters", "the filters that a net learned", ("net",)),
    Entry("activations", "what each part of a net makes of an input", ("net", "photo", "size")),
    Entry("architecture", "the sizes in a net", ("net", "size")),
    Entry("receptive-field", "which cells one unit of a net sees, and how much each counts", ("net", "size", "parts")),
    Entry("shapes", "output sizes for all kernels, strides and paddings, and what is never read", ("size", "ranges")),
)
BY_NAME = {entry.name: entry for entry in ENTRIES}
