import torch

from lightning_app.data import digits


def test_all_digits_are_there_and_parted():
    images = digits.load()
    assert images.name == "digits"
    assert images.shape == (1, 28, 28)
    assert len(images.train.y) + len(images.test.y) == 1797
    assert images.test.y.bincount().tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]


def test_they_are_laid_as_mnist_lays_its_digits():
    x = digits.load().train.x
    assert x.dtype == torch.uint8
    frame = x.clone()
    frame[:, :, 4:24, 4:24] = 0
    assert frame.max() == 0
    assert x.amax(dim=(1, 2, 3)).min() > 200


def test_enlarging_keeps_a_flat_square_flat():
    assert digits.enlarge(torch.full((1, 8, 8), 16, dtype=torch.uint8))[:, :, 4:24, 4:24].unique().tolist() == [255]
