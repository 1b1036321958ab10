"""What the pictures show: the numbers drawn are read back from the figure."""

import pytest
import torch

from lightning_app import figures
from lightning_app.history import History


def content(n: int = 3) -> dict:
    confusion = (torch.eye(n, dtype=torch.long) * 40 + torch.ones(n, n, dtype=torch.long).triu(1) * 2).tolist()
    classes = {f"c{i}": {"precision": 0.9, "recall": 0.8, "images": sum(confusion[i])} for i in range(n)}
    about = {"dataset": "toys", "layers": "scratch", "parameters": 1234, "test_accuracy": 0.95}
    return {**about, "classes": classes, "confusion_matrix": confusion}


def history(epochs: int, **row: float) -> History:
    made = History()
    made.losses = [[step + 1, 2.0 / (step + 1)] for step in range(10 * epochs)]
    made.epochs = [{"epoch": epoch, "train_loss": 1.0, "seconds": 1.0, **row} for epoch in range(epochs)]
    return made


def words(figure) -> str:
    figure.draw_without_rendering()
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_confusion_shows_every_count_and_hides_zeros():
    shown = words(figures.confusion_matrix(content())).split()
    assert shown.count("40") == 3
    assert shown.count("2") == 3
    assert "0" not in shown
    assert {"c0", "c1", "c2", "80.0%", "90.0%"} <= set(shown)


def test_confusion_of_a_faultless_net_and_of_many_classes():
    faultless = content(2)
    faultless["confusion_matrix"] = [[5, 0], [0, 5]]
    assert "0 of 10 test images wrong" in words(figures.confusion_matrix(faultless))
    assert "c7" not in words(figures.confusion_matrix(content(50)))


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_curves_show_every_epoch(epochs):
    figure = figures.learning_curves(history(epochs, val_loss=0.5, val_accuracy=0.9), content())
    assert "validation, at last 90.00%" in words(figure)
    loss, accuracy = figure.axes
    assert list(loss.lines[-1].get_xdata()) == list(range(1, epochs + 1))
    assert list(accuracy.lines[0].get_ydata()) == [0.9] * epochs


def test_curves_of_a_net_that_did_not_learn():
    figure = figures.learning_curves(history(3, val_loss=2.3, val_accuracy=0.1), content() | {"test_accuracy": 0.1})
    low, high = figure.axes[1].get_ylim()
    assert low <= 0.1 < high
