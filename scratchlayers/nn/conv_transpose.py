"""Transposed convolution modules."""

from __future__ import annotations

from torch import nn

from .. import functional as F
from .choice import Chooses


class _ConvTranspose(Chooses):
    """What the transposed convolutions share: torch works out ``output_padding``, we compute."""

    def forward(self, input, output_size=None):
        if self.padding_mode != "zeros":
            raise ValueError(f"Only `zeros` padding mode is supported for {type(self).__name__}")
        extra = self.output_padding if output_size is None else self._reaching(input, output_size)
        words = (self.stride, self.padding, extra, self.groups, self.dilation)
        return self._by_choice(type(self)._function, input, self.weight, self.bias, *words)

    def _reaching(self, input, output_size):
        """Return the output padding that makes the output this large. Torch subtracts twice half of what is cut."""
        cut = [sum(p) / 2 if isinstance(p, tuple) else p for p in self.padding]
        rank = len(self.kernel_size)
        extra = self._output_padding(input, output_size, self.stride, cut, self.kernel_size, rank, self.dilation)
        return tuple(map(int, extra))


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    """``torch.nn.ConvTranspose1d``, hand-written. (N, C, L) to (N, O, L')."""

    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    """``torch.nn.ConvTranspose2d``, hand-written. (N, C, H, W) to (N, O, H', W')."""

    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    """``torch.nn.ConvTranspose3d``, hand-written. (N, C, D, H, W) to (N, O, D', H', W')."""

    _function = staticmethod(F.conv_transpose3d)
