"""The figures of `compare` on two published confusion matrices, and what areas from labels alone are worth."""

import pytest
import torch

from lightning_app.compare.scores import scores

CLASSES = ("0", "1")
# document A's two models on 500 cases: true negatives, false positives, false negatives, true positives
PUBLISHED = {
    "by hand": ((225, 32, 162, 81), (0.7168, 0.6120, 0.3333, 0.45506, 0.6044)),
    "by a library": ((199, 58, 96, 147), (0.7171, 0.6920, 0.6049, 0.65625, 0.6896)),
}


def answers(tn, fp, fn, tp):
    """Probabilities 0 and 1, which is what a label says, and the true classes, that have these counts."""
    pairs = [(0, 0)] * tn + [(0, 1)] * fp + [(1, 0)] * fn + [(1, 1)] * tp
    true, answered = torch.tensor(pairs).T
    return torch.eye(2, dtype=torch.float64)[answered], true


@pytest.mark.parametrize(("counts", "figures"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_matrices_give_the_published_figures(counts, figures):
    found = scores(*answers(*counts), CLASSES)
    precision, accuracy, recall, f1, auc = figures
    tn, fp, fn, tp = counts
    assert found.confusion == [[tn, fp], [fn, tp]]
    assert found.support == [tn + fp, fn + tp]
    assert found.accuracy == pytest.approx(accuracy, abs=5e-5)
    assert found.by_class["precision"][1] == pytest.approx(precision, abs=5e-5)
    assert found.by_class["recall"][1] == pytest.approx(recall, abs=5e-5)
    assert found.by_class["f1"][1] == pytest.approx(f1, abs=5e-6)
    assert found.by_class["auc_of_labels"][1] == pytest.approx(auc, abs=5e-5)


@pytest.mark.parametrize(("counts", "figures"), PUBLISHED.values(), ids=PUBLISHED)
def test_labels_alone_are_one_operating_point_whose_area_is_the_balanced_accuracy(counts, figures):
    found = scores(*answers(*counts), CLASSES)
    tn, fp, fn, tp = counts
    fpr, tpr = fp / (fp + tn), tp / (tp + fn)
    assert found.roc["1"][0] == pytest.approx([0, fpr, 1])
    assert found.roc["1"][1] == pytest.approx([0, tpr, 1])
    assert found.by_class["auc_of_labels"][1] == pytest.approx((tpr + 1 - fpr) / 2)


def test_the_area_is_that_of_the_ranking_and_labels_lose_it():
    """The AUC is the share of pairs (one of the class, one not) that are ranked right."""
    p1 = torch.tensor([0.1, 0.2, 0.3, 0.45, 0.4, 0.35, 0.9, 0.48], dtype=torch.float64)
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    found = scores(torch.stack([1 - p1, p1], 1), y, CLASSES)
    pairs = [float(a > b) for a in p1[y == 1] for b in p1[y == 0]]
    assert found.by_class["auc"][1] == pytest.approx(sum(pairs) / len(pairs))
    assert found.by_class["auc_of_labels"][1] == pytest.approx((0.25 + 1 - 0) / 2)


def test_averages_and_curves():
    torch.manual_seed(0)
    classes = ("a", "b", "c")
    y = torch.arange(60) % 3
    p = (torch.randn(60, 3, dtype=torch.float64) + 2 * torch.eye(3)[y]).softmax(1)
    found = scores(p, y, classes)
    assert set(found.roc) == {*classes, "micro", "macro"}
    assert set(found.precision_recall) == {*classes, "micro"}
    for name in ("precision", "recall", "f1", "auc", "average_precision"):
        assert found.averaged["macro"][name] == pytest.approx(sum(found.by_class[name]) / 3, abs=1e-6)
    assert found.averaged["micro"]["recall"] == pytest.approx(found.accuracy)
    for label in (*classes, "micro"):
        x, tpr = map(torch.tensor, found.roc[label])
        area = found.averaged["micro"]["auc"] if label == "micro" else found.by_class["auc"][classes.index(label)]
        assert float(torch.trapezoid(tpr, x)) == pytest.approx(area, abs=1e-5)


def test_a_class_that_is_not_in_the_test_images():
    found = scores(torch.eye(3, dtype=torch.float64)[[0, 1, 0, 1]], torch.tensor([0, 1, 1, 1]), ("a", "b", "c"))
    assert found.support == [1, 3, 0]
    assert found.accuracy == 0.75
