"""The bank and the two classifiers with a reject option."""

import pytest
import torch
from torch import Tensor, nn

from aatviz.models.detectors import REJECTED, DetectorBank, GenerativeClassifier, IntegratedClassifier
from aatviz.models.networks import MadryNet


class Table(nn.Module):
    """A network whose logits for image i are row i of a table, whatever the image."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows = torch.tensor(rows)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows[: len(x)]


def images(n: int) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_a_separate_bank_equals_its_networks() -> None:
    torch.manual_seed(0)
    nets = [MadryNet(1, width=8) for _ in range(3)]
    bank, x = DetectorBank(nets, 3), images(4)
    assert not bank.shared
    logits = bank(x)
    assert logits.shape == (4, 3)
    for k, net in enumerate(nets):
        assert torch.equal(logits[:, k], net(x)[:, 0])
        assert torch.equal(bank.logit(x, k), logits[:, k])


def test_a_shared_bank_equals_the_columns_of_its_network() -> None:
    torch.manual_seed(0)
    net = MadryNet(3, width=8)
    bank, x = DetectorBank([net], 3), images(4)
    assert bank.shared
    assert torch.equal(bank(x), net(x))
    for k in range(3):
        assert torch.equal(bank.logit(x, k), net(x)[:, k])


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_bank_of_another_number_of_networks_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 or 3 networks; got {count}"):
        DetectorBank([nn.Identity() for _ in range(count)], 3)


Z_H = [[3.0, 1.0, -2.0], [-4.0, -1.0, -3.0], [0.5, 2.0, 1.9]]
X = torch.zeros(3, 1, 1, 1)


def generative(rows: list[list[float]], priors: list[float] | None = None) -> GenerativeClassifier:
    classes = len(rows[0])
    return GenerativeClassifier(DetectorBank([Table(rows)], classes), torch.tensor(priors or [1 / classes] * classes))


def test_the_generative_classifier_rejects_exactly_below_the_threshold() -> None:
    classifier = generative(Z_H)
    assert classifier.predict(X).tolist() == [0, 1, 1]
    assert classifier.predict(X, -1.0).tolist() == [0, 1, 1]  # a logit equal to T is accepted
    assert classifier.predict(X, -0.999).tolist() == [0, REJECTED, 1]
    assert classifier.predict(X, 2.0).tolist() == [0, REJECTED, 1]
    assert classifier.predict(X, torch.tensor(3.5)).tolist() == [REJECTED] * 3
    assert torch.equal(classifier.scores(X), torch.tensor(Z_H))


def test_a_threshold_that_was_read_from_a_logit_accepts_that_very_sample() -> None:
    logits = torch.randn(50, 1, generator=torch.Generator().manual_seed(0))
    classifier = generative(logits.tolist())
    x = torch.zeros(50, 1, 1, 1)
    for row, value in enumerate(logits[:, 0]):
        assert classifier.predict(x, value.item())[row] == 0
        assert classifier.predict(x, value[None])[row] == 0


def test_each_class_may_have_its_own_threshold() -> None:
    assert generative(Z_H).predict(X, torch.tensor([9.0, 2.0, -9.0])).tolist() == [REJECTED, REJECTED, 1]


def test_priors_can_flip_the_generative_decision() -> None:
    """Equation 6 with sigma(0) = 1/2, sigma(log 3) = 3/4: 0.7 * 1/2 > 0.3 * 3/4; T still looks at the raw logit."""
    rows = [[0.0, torch.log(torch.tensor(3.0)).item()]]
    assert generative(rows).predict(X[:1]).tolist() == [1]
    assert generative(rows, [0.7, 0.3]).predict(X[:1]).tolist() == [0]
    assert generative(rows, [0.7, 0.3]).predict(X[:1], 0.5).tolist() == [REJECTED]
    assert generative(rows, [0.59, 0.41]).predict(X[:1]).tolist() == [1]


@pytest.mark.parametrize("scale", [1.0, 10.0, 30.0, 300.0])
def test_with_equal_priors_the_highest_logit_wins_however_sure_the_detectors_are(scale: float) -> None:
    rows = [[-1.0, 1.0, 1.1], [0.9, 1.0, 0.8], [-1.0, -1.2, -0.9]]
    assert generative([[scale * z for z in row] for row in rows]).predict(X).tolist() == [2, 1, 2]


def test_the_integrated_classifier_takes_fs_class_and_that_detectors_logit() -> None:
    z_f = [[0.0, 9.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]]
    classifier = IntegratedClassifier(Table(z_f), DetectorBank([Table(Z_H)], 3))
    assert classifier.predict(X).tolist() == [1, 1, 2]
    assert classifier.scores(X).tolist() == pytest.approx([1.0, -1.0, 1.9])
    assert classifier.predict(X, 1.0).tolist() == [1, REJECTED, 2]
    assert classifier.predict(X, torch.tensor([9.0, -2.0, 2.0])).tolist() == [1, 1, REJECTED]
