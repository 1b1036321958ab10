"""The first five minutes: what is promised is there, and shows what was measured."""

import pytest
import torch

from lightning_app.data import digits
from lightning_app.demo import draw
from lightning_app.demo.work import NEXT, parity
from lightning_app.net import build


@pytest.mark.slow
@pytest.mark.alone
def test_the_demo_trains_agrees_and_leaves_six_pictures_on_a_page(app, tmp_path):
    outcome = app("demo", "--epochs", "1", "--name", "d")
    assert outcome.code == 0
    folder = tmp_path / "runs" / "d"
    pictures = {file.stem for file in folder.glob("*.png")}
    assert pictures == {"confusion_matrix", "feature_maps", "learning_curves", "parity", "shifted", "unsure"}
    page = (folder / "index.html").read_text()
    assert page.count("<img ") == 6
    assert "12 steps side by side" in outcome.out
    assert all(command in outcome.out for command in NEXT)
    assert app("test", "--ckpt_path", folder / "checkpoints" / "best.ckpt").code == 0


def test_parity_is_that_of_float64():
    assert max(parity(digits.load()).apart) < 1e-12


def test_the_hardest_digits_come_first():
    images = digits.load()
    p = torch.eye(10, dtype=torch.float64)[images.test.y] * 0.9 + 0.01
    p[7] = 0.02
    p[7, (images.test.y[7] + 1) % 10] = 0.82
    figure = draw.unsure(images, p)
    assert figure.axes[0].get_title() == f"{int(images.test.y[7])}, not {(int(images.test.y[7]) + 1) % 10}"
    assert figure.get_suptitle().startswith("1 of 355 wrong")


def test_the_drawn_shares_are_the_accuracies():
    torch.manual_seed(0)
    images, net = digits.load(), build("torch", ["flatten", {"linear": "classes"}], (1, 28, 28), 10)
    (line, *_) = draw.shifted(images, net).axes[0].lines
    with torch.no_grad():
        right = (net.eval()((images.test.x.float() / 255 - 0.1307) / 0.3081).argmax(1) == images.test.y).double().mean()
    assert line.get_ydata()[list(draw.MOVES).index(0)] == pytest.approx(float(right))
