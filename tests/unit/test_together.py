"""Attacks on single images that go together as one batch: each gets, to the bit, what it gets alone."""

import dataclasses
import itertools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import aatviz
from aatviz.attacks.settings import AttackSettings
from aatviz.explore import work
from aatviz.explore.attack_path import Trace, together_key, trace_attack, trace_together
from aatviz.models.networks.madry_by_hand import FEW
from aatviz.store.results import weights_hash
from aatviz.store.systems import System

NAMES = ["mnist-linf-0.3-shared", "mnist-linf-0.3"]
COUNT = 7
ATTACKS: list[dict[str, Any]] = [
    {"victim": "generative", "loss": "target_logit"},
    {"victim": "generative", "loss": "detectors_max", "norm": "L2", "eps": 2.0},
    {"victim": "integrated", "loss": "combined"},
    {"victim": "robust", "loss": "target_logit", "norm": "L2", "eps": 2.0, "optimizer": "steepest"},
    {"victim": "natural", "loss": "cross_entropy", "optimizer": "momentum"},
    {"victim": "detector", "loss": "detector_logit", "detector": 4},
]


@pytest.fixture(params=NAMES)
def system(request: pytest.FixtureRequest, tiny_system_folder: Path) -> System:
    return aatviz.load_system(request.param)


def settings_of(system: System, attack: dict[str, Any]) -> list[AttackSettings]:
    """One for each image: other targets where they may differ, and two sizes of the ball."""
    own_network_each = not system.detectors.shared and attack["victim"] == "generative"
    found = []
    for number in range(COUNT):
        target = 3 if own_network_each else number % 10
        given = {"steps": 6, "step_size": 0.05, "eps": 0.3} | attack
        given |= {"eps": given["eps"] / (1 + number % 2)}
        given |= {"target": target} if attack["loss"] == "target_logit" else {}
        found.append(AttackSettings(**given))
    return found


def same(one: Trace, other: Trace) -> bool:
    fields = [field.name for field in dataclasses.fields(Trace)]
    pairs = [(getattr(one, name), getattr(other, name)) for name in fields]
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


def cases() -> Iterator[Any]:
    """Every attack on the shared bank; of those on ten networks all but the two that ask one network each are long."""
    for name, attack in itertools.product(NAMES, ATTACKS):
        usual = name == NAMES[0] or attack["loss"] == "detector_logit" or attack == ATTACKS[0]
        yield pytest.param(
            name, attack, id=f"{name}-{attack['victim']}-{attack['loss']}", marks=() if usual else pytest.mark.long
        )


@pytest.mark.slow
@pytest.mark.parametrize(("system", "attack"), list(cases()), indirect=["system"])
def test_each_image_gets_to_the_bit_what_it_gets_alone(system: System, attack: dict[str, Any]) -> None:
    x, y = (part[:COUNT] for part in aatviz.load_data("mnist", split="sample"))
    settings = settings_of(system, attack)
    assert len({together_key(system, one) for one in settings}) == 1
    together = trace_together(system, settings, x, y)
    for number, trace in enumerate(together):
        assert same(trace, trace_attack(system, settings[number], x[number : number + 1], y[number]))


@pytest.mark.parametrize(
    "change",
    [{"random_start": True}, {"restarts": 2, "random_start": True}],
)
def test_what_draws_at_random_goes_alone(system: System, change: dict[str, Any]) -> None:
    assert together_key(system, AttackSettings(loss="target_logit", target=1, **change)) is None


def test_a_network_that_makes_no_promise_goes_alone(system: System) -> None:
    other = dataclasses.replace(system, robust=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10)))
    attack = AttackSettings(victim="robust", loss="target_logit", target=1)
    assert together_key(system, attack) is not None
    assert together_key(other, attack) is None


def test_attacks_that_do_not_go_together_are_refused(system: System) -> None:
    x, y = (part[:2] for part in aatviz.load_data("mnist", split="sample"))
    with pytest.raises(ValueError, match="do not go together"):
        trace_together(system, [AttackSettings(steps=2), AttackSettings(steps=3)], x, y)
    with pytest.raises(ValueError, match=f"at most {FEW}"):
        trace_together(
            system, [AttackSettings(steps=2)] * (FEW + 1), x.repeat(FEW, 1, 1, 1)[: FEW + 1], y.repeat(FEW)[: FEW + 1]
        )


def test_the_workers_runs_are_small_and_have_the_logits_that_decide(system: System) -> None:
    """A part of a batch that kept all of it would be sent as all of it."""
    x, y = (part[:COUNT] for part in aatviz.load_data("mnist", split="sample"))
    pair = [AttackSettings(steps=3), AttackSettings(steps=3).against("robust")]
    runs = [work.AttackRun(pair, x[number : number + 1], int(y[number])) for number in range(COUNT)]
    traces = work.attack_paths(work.Weights(system.folder, weights_hash(system)), runs, lambda *_: None)
    assert [[trace.settings.victim for trace in run] for run in traces] == [["generative", "robust"]] * COUNT
    for generative, robust in traces:
        assert len(pickle.dumps(generative)) < 1.5 * 4 * generative.images.numel() + 4000
        assert len(generative.z_h) == len(robust.z_r) == len(robust.z_h) == 4
        assert len(generative.z_f) == len(generative.z_r) == len(robust.z_f) == 0


def test_images_in_which_no_feature_fires_are_no_exception(system: System) -> None:
    network = system.robust_classifier
    with torch.no_grad():
        network.conv2.bias.fill_(-1e4)  # type: ignore[union-attr, operator]
    x, y = (part[:3] for part in aatviz.load_data("mnist", split="sample"))
    attack = AttackSettings(victim="robust", loss="target_logit", target=1, steps=2)
    together = trace_together(system, [attack] * 3, x, y)
    for number, trace in enumerate(together):
        assert torch.isfinite(trace.loss).all()
        assert same(trace, trace_attack(system, attack, x[number : number + 1], y[number]))
