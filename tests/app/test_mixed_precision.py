"""Lightning's mixed precision trains our layers as it trains torch's."""

import json

import pytest

FEW = ("--data.dataset", "digits", "--data.batch_size", "96", "--trainer.max_epochs", "4")


@pytest.mark.slow
@pytest.mark.compatible("Autocast and dtypes", "Lightning's precision bf16-mixed trains as with torch's layers")
def test_half_precision_learns_as_with_torchs_layers(app, tmp_path):
    accuracy = {}
    for layers in ("scratch", "torch"):
        words = ("--model.layers", layers, "--trainer.precision", "bf16-mixed", "--runs", tmp_path, "--name", layers)
        done = app("fit", *FEW, *words)
        assert done.code == 0, done.err
        accuracy[layers] = json.loads((tmp_path / layers / "results.json").read_text())["test_accuracy"]
    assert min(accuracy.values()) > 0.85
    assert abs(accuracy["scratch"] - accuracy["torch"]) < 0.05
