"""Which whole nets are timed? Well-known ones, of ``torch.nn``'s layers and random weights, one family a file."""

from .convnext import convnext_tiny
from .mnist import lenet5, mnist_example
from .mobilenet import mobilenet_v2
from .resnet import resnet20, resnet50
from .unet import unet

__all__ = ["convnext_tiny", "lenet5", "mnist_example", "mobilenet_v2", "resnet20", "resnet50", "unet"]
