"""What numbers does the network see? Bytes scaled to MNIST's mean 0 and deviation 1, for every data set alike."""

from torch import Tensor

MEAN, STD = 0.1307, 0.3081  # of MNIST's 60,000 training images, pixels as 0..1


def scaled(x: Tensor) -> Tensor:
    """uint8 images as float32 with about zero mean and unit variance."""
    return (x.float() / 255 - MEAN) / STD
