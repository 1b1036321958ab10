"""Modules that make columns of windows, and images of columns."""

from __future__ import annotations

from torch import nn

from .. import functional as F
from .choice import Chooses


class Unfold(Chooses, nn.Unfold):
    """``torch.nn.Unfold``, hand-written. (N, C, H, W) to (N, C · KH · KW, L)."""

    def forward(self, input):
        """Lay every window into a column."""
        return self._by_choice(F.unfold, input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Chooses, nn.Fold):
    """``torch.nn.Fold``, hand-written. (N, C · KH · KW, L) to (N, C, H, W)."""

    def forward(self, input):
        """Add columns up to the image whose windows they are."""
        return self._by_choice(
            F.fold, input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )
