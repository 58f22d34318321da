"""Who decides what: one function for all victims, of logits of any shape, and no NaN that looks like a robust system."""

import math

import pytest
import torch
from attack_cases import small_system
from torch import Tensor, nn

from aatviz.attacks.objectives import LogitsObjective
from aatviz.attacks.pgd import pgd
from aatviz.models.decisions import MODELS_OF, VICTIMS, VictimName, accepted, decide
from aatviz.models.detectors import REJECTED, apply_threshold

LOGITS = {
    "f": torch.tensor([[0.0, 9.0, 0.0], [2.0, 1.0, 0.0]]),
    "h": torch.tensor([[3.0, 1.0, -2.0], [-4.0, -1.0, -3.0]]),
    "r": torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]]).log(),
}
EQUAL = torch.ones(3) / 3
EXPECTED: dict[VictimName, tuple[list[int], list[float]]] = {
    "generative": ([0, 1], [3.0, -1.0]),
    "integrated": ([1, 0], [1.0, -4.0]),
    "robust": ([1, 0], [math.log(0.6 / 0.4), 0.0]),
    "natural": ([1, 0], [9 - math.log(2), 2 - math.log(math.e + 1)]),
    "detector": ([2, 2], [-2.0, -3.0]),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_every_victim_by_hand(victim: VictimName) -> None:
    label, score = decide(victim, LOGITS, priors=EQUAL, detector=2)
    assert (label.tolist(), score.tolist()) == (EXPECTED[victim][0], pytest.approx(EXPECTED[victim][1], abs=1e-5))
    assert label.dtype == torch.long


def test_priors_decide_where_the_densities_are_close() -> None:
    assert decide("generative", LOGITS, priors=torch.tensor([0.98, 0.01, 0.01])).label.tolist() == [0, 0]


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 5, 3), (2, 1, 4, 7)])
def test_leading_dimensions_make_no_difference(victim: VictimName, shape: tuple[int, ...]) -> None:
    logits = {name: torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed, name in enumerate("fhr")}
    priors = torch.ones(shape[-1]) / shape[-1]
    label, score = decide(victim, logits, priors=priors, detector=1)
    assert label.shape == score.shape == shape[:-1]
    flat = {name: z.reshape(-1, shape[-1]) for name, z in logits.items()}
    for i, (one, value) in enumerate(zip(label.flatten(), score.flatten(), strict=True)):
        alone = decide(victim, {name: z[i] for name, z in flat.items()}, priors=priors, detector=1)
        assert int(alone.label) == int(one)
        torch.testing.assert_close(alone.score, value)


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("column", range(3))
def test_nan_in_a_logit_that_counts_is_an_error(victim: VictimName, column: int) -> None:
    broken = torch.zeros(2, 3)
    broken[1, column] = torch.nan
    for model in LOGITS:
        if model in MODELS_OF[victim]:
            with pytest.raises(ValueError, match="NaN"):
                decide(victim, LOGITS | {model: broken}, priors=EQUAL, detector=2)
        else:
            decide(victim, LOGITS | {model: broken}, priors=EQUAL, detector=2)


def test_a_score_that_infinite_logits_leave_undefined_is_an_error() -> None:
    with pytest.raises(ValueError, match="the score"):
        decide("robust", {"r": torch.tensor([[torch.inf, torch.inf]])})


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(ValueError, match="priors="):
        decide("generative", LOGITS)
    with pytest.raises(ValueError, match="detector="):
        decide("detector", LOGITS)
    with pytest.raises(ValueError, match="got 'judge'"):
        decide("judge", LOGITS)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [torch.nan, [0.0, torch.nan, 0.0], torch.tensor([torch.nan, 0.0, 0.0])])
def test_a_threshold_of_nan_is_an_error(threshold: float | list[float] | Tensor) -> None:
    with pytest.raises(ValueError, match="NaN"):
        accepted(torch.tensor([0, 1]), torch.tensor([1.0, 2.0]), threshold)


def test_a_score_of_nan_is_not_rejected() -> None:
    with pytest.raises(ValueError, match="NaN"):
        apply_threshold(torch.tensor([0, 1]), torch.tensor([1.0, torch.nan]), 0.0)


def test_thresholds_are_those_of_the_winning_class() -> None:
    label, score = torch.tensor([0, 2, 2]), torch.tensor([1.0, 1.0, 3.0])
    assert accepted(label, score, (1.0, 0.0, 2.0)).tolist() == [True, False, True]
    assert apply_threshold(label, score, torch.tensor([1.0, 0.0, 2.0])).tolist() == [0, REJECTED, 2]
    with pytest.raises(ValueError, match="class 2 wins here; got 2"):
        accepted(label, score, (0.0, 0.0))


class Breaks(nn.Module):
    """Two logits, the mean grey level and its opposite; NaN above 0.6."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(1)
        logits = torch.stack([mean, -mean], dim=1)
        return logits.masked_fill(mean[:, None] > 0.6, torch.nan)


def test_an_attack_on_a_network_that_has_no_number_for_an_iterate_says_so() -> None:
    def loss(z: Tensor) -> tuple[Tensor, Tensor]:
        return -z[:, 0], -z[:, 0]

    network = Breaks()
    goal = LogitsObjective(loss, (network,), (False,))
    x = torch.tensor([0.5, 0.1])[:, None, None, None].expand(2, 1, 2, 2)
    with pytest.raises(ValueError, match="no direction for 1 of 2 images"):
        pgd(goal, x, eps=0.2, step_size=0.04, steps=4, optimizer="steepest")
    with pytest.raises(ValueError, match="NaN"):
        decide("natural", {"f": network(x + 0.2)})


def test_images_of_another_shape_than_the_networks_are_a_sentence() -> None:
    system = small_system()
    for classifier in (system.generative, system.integrated):
        with pytest.raises(
            ValueError, match=r"built for images of the shape \(1, 6, 6\), \(C,H,W\); these have \(3, 6, 6\)"
        ):
            classifier.predict(torch.rand(2, 3, 6, 6), threshold=0.0)
