"""The measure of generated images: KID against its definition, features without the head, neighbours, and what is stored."""

import dataclasses

import numpy as np
import pytest
import torch

from aatviz.data import open_split
from aatviz.explore.generation import scores as scoring
from aatviz.explore.generation.run import default_settings
from aatviz.explore.generation.scores import NOISE, REAL, build_scores, load_scores, measure, nearest_rows
from aatviz.metrics import Interval, kid
from aatviz.models.networks import NETWORKS
from aatviz.report import generated as report_generated
from aatviz.report import sections
from aatviz.report.generated import generated
from aatviz.store.systems import load_system
from tests.made_systems import Made


def test_kid_is_the_unbiased_estimate_of_its_definition() -> None:
    """Three sums over all pairs, written out."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(0.5, 1, size=(6, 3))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:  # type: ignore[type-arg]
        return float((a @ b / 3 + 1) ** 3)

    within = [
        sum(kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) / len(s) / (len(s) - 1)
        for s in (x, y)
    ]
    across = sum(kernel(a, b) for a in x for b in y) / len(x) / len(y)
    assert kid(x, y).value == pytest.approx(sum(within) - 2 * across)
    assert kid(x, y).n == 7


def test_kid_is_about_0_for_two_samples_of_one_distribution_and_its_spread_is_that_of_repetitions() -> None:
    rng = np.random.default_rng(1)
    found = [kid(rng.normal(size=(60, 8)), rng.normal(size=(80, 8)), seed) for seed in range(40)]
    values = [one.value for one in found]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert 0.5 < np.mean([one.std for one in found]) / np.std(values) < 2
    assert kid(rng.normal(2, 1, size=(60, 8)), rng.normal(size=(80, 8))).value > 10 * np.std(values)


@pytest.mark.parametrize(("features", "reference"), [((3, 2), (9, 2)), ((9, 2), (9, 3)), ((9,), (9, 2)), ((9, 2), (2, 2))])
def test_kid_says_what_it_needs(features: tuple[int, ...], reference: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 4 of each"):
        kid(np.zeros(features), np.zeros(reference))
    with pytest.raises(ValueError, match="finite"):
        kid(np.full((9, 2), np.nan), np.zeros((9, 2)))


@pytest.mark.parametrize("name", ["madry", "preact", "pooled", "mlp", "wide"])
def test_a_trunk_gives_what_the_head_gets(name: str) -> None:
    arch = {"wide": {"widths": (4, 8, 8, 8)}, "madry": {"width": 8}}.get(name, {})
    torch.manual_seed(0)
    network = NETWORKS.get(name).build((1, 28, 28) if name == "madry" else (3, 32, 32), 5, **arch).eval()
    x = torch.rand(3, *((1, 28, 28) if name == "madry" else (3, 32, 32)))
    head = network.get_submodule(NETWORKS.get(name).head)
    with torch.no_grad():
        features = NETWORKS.trunk(network)(x)
        assert torch.equal(head(features), network(x))
    assert features.dim() == 2
    with pytest.raises(ValueError, match="no network of the registry"):
        NETWORKS.trunk(torch.nn.Flatten())


def test_the_nearest_image_is_the_image_itself_where_it_is_there(
    made_systems: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = open_split("cifar10", "train")
    monkeypatch.setattr(scoring, "_ROWS", 7)  # several pieces
    rows, distance = nearest_rows(split, split.bytes(torch.tensor([11, 3])))
    assert rows.tolist() == [11, 3]
    assert distance.tolist() == [0, 0]
    shifted = (split.bytes(torch.tensor([5])).int() + 2).clamp(0, 255).byte()
    rows, distance = nearest_rows(split, shifted)
    assert rows.tolist() == [5]
    assert float(distance) == pytest.approx(float((shifted / 255 - split.images(torch.tensor([5]))).norm()), abs=2e-5)


def test_what_is_measured_is_stored_and_loaded(made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load_system("cifar10-made")
    assert load_scores(system) is None
    monkeypatch.setattr(scoring, "EACH", 4)
    monkeypatch.setattr(scoring, "SHOWN", 2)
    usual = default_settings(system)
    monkeypatch.setattr(scoring, "default_settings", lambda _: dataclasses.replace(usual, steps=3))
    measured = measure(system, 4)
    monkeypatch.setattr(scoring, "measure", lambda _: measured)
    file = build_scores(system)
    assert file.name == "generated-scores.npz"
    found = load_scores(system)
    assert found is not None
    assert found.distance == measured.distance
    assert found.accuracy == measured.accuracy
    assert list(found.distance) == [NOISE, "generative", "robust", "natural", REAL]
    assert {one.n for name, one in found.distance.items() if name != REAL} == {40}
    for model in ("generative", "robust"):
        assert torch.equal(found.nearest[model], measured.nearest[model])
        assert found.nearest[model].shape == (10, 2, 3, 32, 32)
    file.unlink()


def test_better_means_more_than_two_standard_deviations() -> None:
    def scores(ours: tuple[float, float], theirs: tuple[float, float]) -> scoring.Scores:
        distance = {"generative": scoring.Distance(*ours, 9), "robust": scoring.Distance(*theirs, 9)}
        return scoring.Scores(distance=distance, accuracy={}, nearest={}, away={})

    assert scores((1.0, 0.3), (2.1, 0.4)).draws_better()
    assert not scores((1.0, 0.3), (1.9, 0.4)).draws_better()
    assert not scores((2.1, 0.3), (1.0, 0.4)).draws_better()


def test_the_report_tells_who_draws_better(made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load_system("cifar10-made")
    assert generated(system) == ""
    distance = {name: scoring.Distance(value, 0.1, 9) for name, value in (("generative", 1.0), ("robust", 2.0))}
    rates = dict.fromkeys(distance, Interval(0.5, 0.4, 0.6, 9))
    scores = scoring.Scores(distance=distance, accuracy=rates, nearest={}, away={})
    monkeypatch.setattr(report_generated, "load_scores", lambda _: scores)
    text = generated(system)
    assert "| generative classifier | 1 | 0.1 | 0.500 (0.400 to 0.600) | 9 |" in text
    assert "L2 eps 30, steepest 60 x 0.5" in text
    assert "images are nearer to real ones" in text


def test_noise_that_is_nearer_than_what_is_made_of_it_is_told(made_systems: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def scores(noise: float, natural: float) -> scoring.Scores:
        values = {NOISE: noise, "generative": 0.88, "robust": 1.69, "natural": natural, REAL: 0.0}
        distance = {name: scoring.Distance(value, 0.1, 9) for name, value in values.items()}
        rates = {name: Interval(0.8 if name == REAL else 0.9, 0.7, 1.0, 9) for name in values}
        return scoring.Scores(distance=distance, accuracy=rates, nearest={}, away={})

    assert scores(2.0, 2.0).caveat() == scores(0.7, 0.7).caveat() == ""
    both = scores(0.45, 0.32).caveat()
    assert both.startswith(
        "The noise that all began with (KID 0.45) and the natural classifier's images (KID 0.32) are nearer to real images "
        "than those of the generative classifier (KID 0.88). So by this measure the attack leads away from real images."
    )
    assert "sees the class in 90% of the generative classifier's images, and in 80% of real ones." in both
    assert "The noise that all began with (KID 0.45) is nearer" in scores(0.45, 2.0).caveat()
    natural = scores(2.0, 0.32).caveat("base detector")
    assert "The natural classifier's images (KID 0.32) are nearer to real images than those of the base detector" in natural
    assert "leads away" not in natural
    monkeypatch.setattr(report_generated, "load_scores", lambda _: scores(0.45, 0.32))
    text = generated(load_system("cifar10-made"))
    assert both in text
    for name in ("the noise itself", "natural classifier", "robust classifier", "real test photos"):
        assert f"| {name} |" in text


def test_what_others_left_stands_beside_what_is_left_here() -> None:
    error = {"multi-targeted": {"value": 0.6}, "worst of all": {"value": 0.7, "n": 200}}
    at_cost = {"cost": 0.05, "accuracy": {"value": 0.75}, "error": error}
    text = sections._survived({"victims": {"generative": {"at_cost": at_cost}}}, "generative", (0.36, 200))
    assert "multi-targeted alone 40.0%, worst of all 30.0% (n = 200); Tramer et al. (2020) left 36.0%" in text
    assert "(n = 200).\n" in text
