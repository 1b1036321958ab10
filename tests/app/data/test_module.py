import pytest
import torch

from lightning_app.data.module import DataModule
from lightning_app.errors import AppError


@pytest.fixture
def data() -> DataModule:
    module = DataModule("digits")
    module.setup("test")
    return module


def test_training_validation_and_test_share_no_image(data):
    parts = [{x.numpy().tobytes() for x in part.x} for part in (data.train, data.val, data.images.test)]
    assert [len(part.y) for part in (data.train, data.val, data.images.test)] == [1298, 144, 355]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_what_is_held_out_does_not_depend_on_the_seed(data):
    other = DataModule("digits", seed=5)
    other.setup("test")
    assert torch.equal(other.val.x, data.val.x)
    assert not torch.equal(next(iter(other.train_dataloader())).y, next(iter(data.train_dataloader())).y)


def test_evaluation_images_are_not_moved(data):
    assert torch.equal(torch.cat([batch.x for batch in data.test_dataloader()]), data.images.test.x)


def test_unstated_epochs_follow_the_size_of_the_set(data):
    assert data.epochs == 15
    data.train = data.train.take(torch.zeros(54_000, dtype=torch.long))
    assert data.epochs == 8


@pytest.mark.parametrize(
    ("options", "why"),
    [({"batch_size": 0}, "at least 1"), ({"validation": 1.0}, "between 0 and 1"), ({"shift": -1}, "0 or more")],
)
def test_impossible_options_are_refused(options, why):
    with pytest.raises(AppError, match=why):
        DataModule("digits", **options)
