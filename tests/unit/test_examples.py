"""The stored examples: real digits, really attacked, and only shown for the weights that they were attacked on."""

import dataclasses
from pathlib import Path

import pytest
import torch

import aatviz
from aatviz.data import restricted_tiny_imagenet
from aatviz.explore import example_images
from aatviz.recipes.evaluation import SystemEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.store.results import result_file
from aatviz.store.weights import build_network, save_network
from aatviz.thresholds.curves import JUDGES
from tests.changed_systems import described_again

NAME = "mnist-linf-0.3-shared"


@pytest.fixture
def system(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> aatviz.System:
    """A tiny system, and a recipe of three steps instead of a hundred."""
    recipe = evaluations("mnist", "Linf", 0.3)["curves"]
    assert isinstance(recipe, SystemEvaluation)
    short = {
        name: dataclasses.replace(scenario, attack=dataclasses.replace(scenario.attack, steps=3, step_size=0.1))
        for name, scenario in recipe.scenarios.items()
    }
    monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), "curves", dataclasses.replace(recipe, scenarios=short))
    return aatviz.load_system(NAME)


def test_the_examples_are_the_first_of_each_class_and_attacked_within_the_ball(system: aatviz.System) -> None:
    assert example_images.load_examples(system) is None
    example_images.build_examples(system)
    stored = example_images.load_examples(system)
    assert stored is not None
    x, y = aatviz.load_data("mnist", split="sample")
    assert stored.y.tolist() == [k for k in range(10) for _ in range(example_images.PER_CLASS)]
    assert [int(i) for i in stored.index[:2]] == (y == 0).nonzero().flatten()[:2].tolist()
    natural = (x[stored.index] * 255).round()
    assert (stored.images["natural"].float() == natural).all()
    for victim in JUDGES:
        moved = (stored.images[victim].float() - natural).abs().max()
        assert 0 < moved <= 0.3 * 255 + 1
        direct = system.generative if victim == "generative" else system.integrated
        decided = stored.decided[victim]["natural"]
        assert (direct.predict(x[stored.index]) == decided.label).all()
        assert ((decided.label == stored.y) == decided.right).all()
    torch.testing.assert_close(
        stored.decided["integrated"]["natural"].logit, system.integrated.scores(x[stored.index]), atol=1e-4, rtol=1e-4
    )


def test_examples_of_other_weights_or_another_attack_are_not_shown(
    system: aatviz.System, monkeypatch: pytest.MonkeyPatch
) -> None:
    example_images.build_examples(system)
    recipes = evaluations("mnist", "Linf", 0.3)
    recipe = recipes["curves"]
    assert isinstance(recipe, SystemEvaluation)
    longer = {
        name: dataclasses.replace(scenario, attack=dataclasses.replace(scenario.attack, steps=4))
        for name, scenario in recipe.scenarios.items()
    }
    with monkeypatch.context() as other:
        other.setitem(recipes, "curves", dataclasses.replace(recipe, scenarios=longer))
        assert example_images.load_examples(system) is None
    note = {"network": "madry", "outputs": 10, "width": 16, "seconds": 1.0}
    save_network(system.folder / "classifier.safetensors", build_network(note), note)
    assert example_images.load_examples(described_again(system.folder)) is None


def test_a_damaged_file_is_named(system: aatviz.System) -> None:
    file = result_file(system, "examples", "npz")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="restore it or compute it again"):
        example_images.load_examples(system)


@pytest.mark.parametrize("name", [name for name in aatviz.systems() if not name.startswith(restricted_tiny_imagenet.NAME)])
def test_the_shipped_examples_fit_the_shipped_weights(name: str) -> None:
    assert example_images.load_examples(aatviz.load_system(name)) is not None
