"""PyTorch's convolution, padding and pooling layers with hand-written forward and backward."""

from ._version import __version__

__all__ = ["__version__"]
