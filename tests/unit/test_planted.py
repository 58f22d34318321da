"""The attack unit test: what is planted is there, a good attack finds it, a blind one does not."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from aatviz import pgd
from aatviz.attacks import apgd, norm
from aatviz.attacks.geometry import Norm
from aatviz.attacks.unit_test import RANDOM, PlantedTest, _separate, attack_unit_test, planted_bank
from aatviz.data import load_data
from aatviz.models.detectors import DetectorBank
from aatviz.store.systems import load_system

pytestmark = pytest.mark.weights

EPS: dict[Norm, float] = {"Linf": 0.3, "L2": 2.5}
ROOT = Path(__file__).parents[2]
COUNT, INNER = 6, 200


@pytest.fixture(scope="module", params=list(EPS))
def planted(request: pytest.FixtureRequest) -> PlantedTest:
    """On the shipped bank: the features of a tiny one would not separate that many points."""
    system = load_system(ROOT / "checkpoints" / "mnist-linf-0.3-shared")
    x = load_data("mnist", split="sample")[0][:COUNT]
    return planted_bank(system.detectors, x, norm=request.param, eps=EPS[request.param], inner=INNER, seed=1)


def test_the_planted_example_lies_in_ball_and_box_and_is_a_false_positive(planted: PlantedTest) -> None:
    assert planted.success(planted.planted).all()
    assert not planted.success(planted.x).any()
    assert (norm(planted.planted - planted.x, planted.norm) <= planted.eps * (1 + 1e-5)).all()
    assert planted.planted.min() >= 0
    assert planted.planted.max() <= 1


def test_success_asks_for_the_ball_and_the_box_too(planted: PlantedTest) -> None:
    away = planted.x + 3 * (planted.planted - planted.x)
    assert not planted.success(away).any()
    assert not planted.success(planted.planted - 1e-3 - planted.planted.amin()).any()


def test_the_sample_and_its_planted_point_have_the_logits_that_they_should(planted: PlantedTest) -> None:
    assert (planted.logit(planted.planted) > 0.05).all()
    assert (planted.logit(planted.x) < -1).all()


def test_gradient_attacks_find_it_and_blind_search_does_not(planted: PlantedTest) -> None:
    step = planted.eps / 30
    attacks = {
        "Adam": partial(pgd, step_size=step, steps=60, random_start=True),
        "APGD": partial(apgd, steps=60),
        "nothing": lambda objective, x, **_: x,
    }
    found = attack_unit_test(planted, attacks, points=30)
    assert next(iter(found)) == RANDOM
    assert found["nothing"].sum() == 0
    assert found[RANDOM].sum() <= COUNT / 2
    assert found["Adam"].sum() >= COUNT - 1
    assert found["APGD"].sum() >= COUNT - 1


def test_the_objective_is_minus_the_logit(planted: PlantedTest) -> None:
    loss, grad = planted.objective(planted.x)
    torch.testing.assert_close(loss, -planted.logit(planted.x))
    assert grad.shape == planted.x.shape
    assert grad.abs().amax() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"border": "corners", "norm": "L2"}, "Only an Linf ball has corners"),
        ({"eps": 0.0}, "eps is above 0"),
        ({"inner_radius": 1.5}, "inner_radius is above 0 and at most 1"),
        ({"closeness": 1.0}, "closeness is at least 0 and below 1"),
        ({"inner": 0}, "inner"),
    ],
    ids=str,
)
def test_an_impossible_setting_is_refused(change: dict[str, object], message: str, tiny_system_folder: Path) -> None:
    system = load_system("mnist-linf-0.3-shared")
    x: Tensor = load_data("mnist", split="sample")[0][:1]
    settings = {"norm": "Linf", "eps": 0.3, "inner": 3} | change
    with pytest.raises(ValueError, match=message):
        planted_bank(system.detectors, x, **settings)  # type: ignore[arg-type]


def test_a_separate_bank_is_refused(tiny_system_folder: Path) -> None:
    x = load_data("mnist", split="sample")[0][:1]
    with pytest.raises(ValueError, match="needs a shared bank, one network; this one has 10"):
        planted_bank(load_system("mnist-linf-0.3").detectors, x, norm="Linf", eps=0.3)


def test_a_planted_point_that_features_do_not_tell_from_another_is_refused() -> None:
    others = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double()
    with pytest.raises(ValueError, match=r"Sample 3: the 2 features do not separate .* use fewer inner points"):
        _separate(torch.zeros(2).double(), others, sample=3)


def test_the_control_keeps_its_name(planted: PlantedTest) -> None:
    with pytest.raises(ValueError, match="name of the control"):
        attack_unit_test(planted, {RANDOM: partial(apgd, steps=1)})


class Wide(nn.Module):
    """More features than points, as a separation needs."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(16, 60), nn.Linear(60, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.hidden(x.flatten(1))))


def wide_bank() -> DetectorBank:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return DetectorBank([Wide()], 3).eval().requires_grad_(False)


def few() -> Tensor:
    return torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_a_caller_with_autocast_gets_the_same_test_and_the_same_verdicts() -> None:
    plain = planted_bank(wide_bank(), few(), inner=20)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = planted_bank(wide_bank(), few(), inner=20)
        logit = plain.logit(few())
    assert torch.equal(found.weight, plain.weight)
    assert torch.equal(logit, plain.logit(few()))


@pytest.mark.parametrize("images", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [torch.float32, torch.float64])
def test_images_and_bank_may_have_different_precisions(images: torch.dtype, weights: torch.dtype) -> None:
    test = planted_bank(wide_bank().to(weights), few().to(images), inner=20)
    assert test.planted.dtype == images
    assert attack_unit_test(test, {"PGD": partial(pgd, steps=40)}, points=5)["PGD"].any()


def test_every_seed_of_the_attacks_is_one_of_the_test() -> None:
    assert planted_bank(wide_bank(), few()[:1], inner=5, seed=2**63 - 1).success(few()[:1]).tolist() == [False]


def test_an_attack_that_returns_fewer_images_is_an_error() -> None:
    """One would be held against every sample's ball and read-out."""
    test = planted_bank(wide_bank(), few(), inner=20)
    with pytest.raises(ValueError, match=r"shape of the test's images, \(3, 1, 4, 4\); got \(1, 1, 4, 4\)"):
        attack_unit_test(test, {"one": lambda objective, x, **_: x[:1]}, points=1)
