import numpy as np
import pytest
import torch

from lightning_app.data.images import Labelled, labelled, part
from lightning_app.errors import AppError

PICTURES = np.zeros((3, 5, 4), np.uint8)


def test_every_fifth_of_each_class_is_for_testing():
    y = torch.tensor([0, 1] * 11)
    train, test = part(Labelled(torch.arange(22), y))
    assert test.x.tolist() == [8, 9, 18, 19]  # the 4th and 9th of the zeros and of the ones
    assert sorted([*train.x.tolist(), *test.x.tolist()]) == list(range(22))


def test_a_channel_is_added_and_put_first():
    assert labelled(PICTURES, np.arange(3), "here").x.shape == (3, 1, 5, 4)
    assert labelled(np.zeros((3, 5, 4, 3), np.uint8), np.arange(3), "here").x.shape == (3, 3, 5, 4)


def test_floats_from_0_to_1_become_bytes():
    x = labelled(np.array([[[0.0, 0.5, 1.0]]]), np.array([0]), "here").x
    assert x.dtype == torch.uint8
    assert x.flatten().tolist() == [0, 128, 255]


def test_the_result_is_writable_even_of_read_only_arrays():
    PICTURES.setflags(write=False)
    labelled(PICTURES, np.arange(3), "here").x[0] = 1
    assert PICTURES.max() == 0


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (PICTURES[0], np.arange(3), "not \\(5, 4\\)"),
        (np.zeros((3, 5, 4, 2), np.uint8), np.arange(3), "\\(n, height, width"),
        (PICTURES, np.arange(2), "3 images but labels of shape \\(2,\\)"),
        (PICTURES, np.array([0, 1, -1]), "0, 1, 2"),
        (PICTURES, np.array([0.0, 1.0, 2.0]), "float64"),
        (PICTURES.astype(np.float32) + 2, np.arange(3), "floats from 0 to 1"),
        (np.zeros((0, 5, 4), np.uint8), np.arange(0), "\\(0, 5, 4"),
    ],
)
def test_arrays_that_are_no_images_are_refused(x, y, why):
    with pytest.raises(AppError, match=f"here: .*{why}"):
        labelled(x, y, "here")
