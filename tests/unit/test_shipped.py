"""The systems in checkpoints/: whole, in step with their cards, and as robust as the cards say."""

import hashlib
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

import aatviz
from aatviz.evaluate import stored
from aatviz.explore.generation.run import default_settings, generate, load_generated
from aatviz.explore.generation.scores import load_scores
from aatviz.metrics import auc
from aatviz.recipes import digest, get
from aatviz.recipes.paper import evaluations_of
from aatviz.report.card_readme import readme_of
from aatviz.runtime.files import read_tensors
from aatviz.store.card import Card, read_card
from aatviz.store.systems import System
from aatviz.ui.session.showcase import EXAMPLE, load_showcase
from tests import quick_python

pytestmark = pytest.mark.weights

ROOT = Path(__file__).parents[2]
FASHION = "fashion-mnist-linf-0.1-shared"
DOGS = "restricted-tiny-imagenet-dog-linf-0.02"
COLOUR = ["cifar10-linf-8-shared", "cifar10-linf-2-shared", "cifar10-l2-80-shared"]
SHIPPED = [
    "mnist-linf-0.3-shared",
    "mnist-linf-0.3",
    "mnist-linf-0.5-shared",
    "mnist-l2-2.5-shared",
    "mnist-l2-5.0-shared",
    FASHION,
    *COLOUR,
    DOGS,
]
SAMPLED = [name for name in SHIPPED if name != DOGS]
"""Those whose data sets have bundled images."""
LIMIT_MB = 80 + 3 * 7 + 16 + 14 + 2 * 2.5 + 22.5
"""Two systems for one ball of MNIST, a shared bank for each of three others, Fashion-MNIST with its classifiers, CIFAR-10
with its own, a bank for each of two other balls, and the dogs with theirs."""
DOGS_MB = 25
"""All of the dogs' folder."""


def card_of(name: str) -> Card:
    return read_card(ROOT / "checkpoints" / name)


@cache
def loaded(name: str) -> System:
    """The system, loaded once: no test changes it."""
    return aatviz.load_system(name)


def test_the_shipped_systems_are_listed_with_the_default_first() -> None:
    assert aatviz.systems() == SHIPPED


def test_all_weights_together_stay_within_the_limit() -> None:
    files = list((ROOT / "checkpoints").rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) <= LIMIT_MB * 1e6


@pytest.mark.parametrize("name", SHIPPED)
def test_the_weights_are_those_that_the_card_describes(name: str) -> None:
    for path, weights in card_of(name).weights.items():
        content = (ROOT / "checkpoints" / name / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == weights.sha256, path


@pytest.mark.parametrize("name", SHIPPED)
def test_the_weights_were_trained_by_the_recipe_as_it_stands(name: str) -> None:
    for job in get(name).jobs:
        if job.name.startswith("stage/"):  # not shipped: what the final weights started from
            continue
        note = read_tensors(ROOT / "checkpoints" / name / f"{job.name}.safetensors")[1]
        assert note["recipe_hash"] == digest(job), job.name


@pytest.mark.parametrize("name", SHIPPED)
def test_readme_and_card_say_the_same(name: str) -> None:
    assert (ROOT / "checkpoints" / name / "README.md").read_text(encoding="utf-8") == readme_of(ROOT / "checkpoints" / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_readme_begins_with_what_one_has_to_know(name: str) -> None:
    text = readme_of(ROOT / "checkpoints" / name)
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads[:5] == [
        "## Load it",
        "## What it withstands",
        "## What it does not withstand",
        "## Licence and data",
        "## Weights",
    ]
    verdict = text.partition("## What it withstands")[2].partition("## What it does not withstand")[0]
    judged = (ROOT / "checkpoints" / name / "results" / "honest.json").is_file()
    assert ("The honest protocol tries" in verdict) == judged
    assert len(card_of(name).bank) > 1 or "Mean AUC of the detectors" not in verdict


@pytest.mark.parametrize("name", SHIPPED)
def test_every_record_was_measured_on_these_very_weights_by_the_recipe_as_it_stands(name: str) -> None:
    system = loaded(name)
    records = {path.stem for path in (system.folder / "results").glob("*.json")}
    assert ("detectors" if system.lacks("full_bank") else "curves") in records  # what the Thresholds page opens with
    for record in records:
        assert stored(system, evaluations_of(system.card)[record], least=1) is not None, record
    assert system.card.metrics.keys() == records - {"honest", "thorough"}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_stored_run_of_the_overview_fits_the_weights(name: str) -> None:
    assert load_showcase(loaded(name)) is not None


@pytest.mark.parametrize("tool", ["update_results", "update_docs"])
def test_the_tables_of_readme_and_docs_are_in_step_with_what_is_stored(tool: str) -> None:
    result = quick_python.run("-m", f"tools.{tool}", "--check", cwd=ROOT)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", SAMPLED)
def test_the_shipped_detectors_withstand_a_short_attack_on_bundled_images(name: str) -> None:
    """Class 9 on 60 negatives: a guard against wrong weights, not a measurement (those are in the card)."""
    system = loaded(name)
    x, y = aatviz.load_data(system.card.dataset, split="sample")
    colour = {"eps": 2 / 255, "step_size": 0.5 / 255}
    ball = {FASHION: {"eps": 0.1, "step_size": 0.02}, **dict.fromkeys(COLOUR, colour)}.get(name, {"step_size": 0.05})
    x_adv = aatviz.pgd(aatviz.objective("detector_logit", system, target=9), x[y != 9][:60], steps=15, **ball)
    with torch.no_grad():
        score = auc(system.detectors.logit(x[y == 9], 9), system.detectors.logit(x_adv, 9))
    assert score >= (0.97 if name in COLOUR else 0.985)


@pytest.mark.parametrize("name", SAMPLED)
def test_the_shipped_classifiers_read_bundled_images(name: str) -> None:
    system = loaded(name)
    x, y = aatviz.load_data(system.card.dataset, split="sample")
    x, y = x[:400], y[:400]
    labels = [system.generative.predict(x), system.classifier(x).argmax(1), system.robust_classifier(x).argmax(1)]
    least = {FASHION: 0.8, **dict.fromkeys(COLOUR, 0.7)}.get(name, 0.97)
    for label in labels:
        assert (label == y).float().mean() > least


def test_the_dog_detector_gives_its_stored_images_the_stored_logits() -> None:
    made = load_generated(loaded(DOGS))
    assert made is not None
    with torch.no_grad():
        logits = loaded(DOGS).detectors(made.results("generative")[0] / 255)[:, 0]
    torch.testing.assert_close(logits, made.logits["generative"][0], atol=1e-3, rtol=1e-4)


def test_dogs_are_made_of_noise_without_the_data_set(empty_data_folder: Path) -> None:
    system, kept = loaded(DOGS), load_generated(loaded(DOGS))
    made = generate(system, replace(default_settings(system), steps=1, count=1))
    assert kept is not None
    for model, logits in made.natural_logits.items():
        assert torch.equal(logits.nan_to_num(), kept.natural_logits[model].nan_to_num())


def test_the_dogs_take_no_more_room_than_they_may_and_hold_no_image_of_their_data_set() -> None:
    folder = ROOT / "checkpoints" / DOGS
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= DOGS_MB * 1e6
    scores, shown = load_scores(loaded(DOGS)), load_showcase(loaded(DOGS))
    assert scores
    assert shown
    assert all(not images.numel() for images in scores.nearest.values())
    assert shown.index == EXAMPLE
    assert not (folder / "results" / "examples.npz").exists()


def test_radii_beside_an_eps_in_grey_levels_are_in_grey_levels() -> None:
    text = readme_of(ROOT / "checkpoints" / "cifar10-linf-8-shared")
    assert re.search(r"At Linf 1\d(\.\d+)?/255 the generative classifier accepts", text)
