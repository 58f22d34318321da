"""The honest protocol: its victims, what counts as a false positive, its sweeps, and a record that resumes."""

import dataclasses
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aatviz.attacks.victims import WITH_REJECT, Victim
from aatviz.data import load_data
from aatviz.data.spec import written_beside
from aatviz.evaluate import finish, parts, refresh, run_part
from aatviz.evaluate.honest import run, sweeps, verdict
from aatviz.evaluate.honest.protocol import Budget, attacks, fooled_scores, transfer_source
from aatviz.models.decisions import VictimName, log_odds
from aatviz.models.losses import classifier_margin
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.runtime.files import read_arrays, read_json, write_arrays, write_json
from aatviz.store.systems import System, load_system, systems

pytestmark = pytest.mark.slow

COUNT = 4
SMALL = dataclasses.replace(
    HonestEvaluation(),
    count=COUNT,
    steps=2,
    restarts=1,
    queries=3,
    held_out="test",
    sweep_count=COUNT,
    sweep_steps=(1, 3),
    sweep_step_sizes=(0.1, 0.3),
    sweep_eps=(1.0,),
    planted_count=2,
    planted_inner=5,
)
NOTHING = -math.inf


@pytest.fixture
def system(tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    return load_system("mnist-linf-0.3-shared")


@pytest.fixture
def images(tiny_system_folder: Path) -> tuple[Tensor, Tensor]:
    x, y = load_data("mnist", split="sample")
    return x[:6], y[:6]


def test_log_odds_by_hand() -> None:
    z = torch.tensor([[math.log(6.0), math.log(3.0), math.log(1.0)]])
    assert log_odds(z, torch.tensor([0])).item() == pytest.approx(math.log(0.6 / 0.4), abs=1e-5)


@pytest.mark.parametrize("name", WITH_REJECT)
def test_what_is_misclassified_ranks_below_zero_and_a_higher_score_ranks_lower(
    name: VictimName, system: System, images: tuple[Tensor, Tensor]
) -> None:
    victim = Victim(name=name, system=system)
    label, score = victim.judge(images[0])
    wrong = victim.rank_of(images[0], (label + 1) % 10)
    assert (wrong < 0).all()
    assert torch.equal(wrong.argsort(), score.argsort(descending=True))
    assert (victim.rank_of(images[0], label) >= 0).all()


@pytest.mark.parametrize("name", WITH_REJECT)
def test_a_targeted_step_lowers_the_loss(name: VictimName, system: System, images: tuple[Tensor, Tensor]) -> None:
    """And the targeted loss falls exactly with what the victim decides by: the target's own score."""
    victim = Victim(name=name, system=system)
    x, y = images
    target = (victim.judge(x)[0] + 3) % 10

    def loss(images: Tensor) -> Tensor:
        return victim._towards(victim.logits(images, victim.models), y, target)

    _, grad = victim.targeted(y, target)(x)
    with torch.no_grad():
        assert (loss(x - 2e-3 * grad.sign()) < loss(x)).all()


def test_a_false_positive_is_misclassified_in_the_ball_and_in_the_box(system: System, images: tuple[Tensor, Tensor]) -> None:
    victim, x = Victim(name="generative", system=system), images[0].clamp(0.2, 0.8)
    label, score = victim.judge(x)
    ball = Budget(norm="Linf", eps=0.1)
    assert torch.equal(fooled_scores(victim, x, x, (label + 1) % 10, ball), score)
    assert (fooled_scores(victim, x, x, label, ball) == NOTHING).all()
    outside = torch.where(x == x.amax(), x + 0.15, x)  # one pixel of one image leaves the ball
    moved = (outside != x).flatten(1).any(1)
    found = fooled_scores(victim, x, outside, (victim.judge(outside)[0] + 1) % 10, ball)
    assert torch.equal(found == NOTHING, moved)
    assert (fooled_scores(victim, x - 0.19, x - 0.21, (label + 1) % 10, ball) == NOTHING).all()


def test_the_integrated_classifier_is_fooled_only_where_it_is_in_float32(
    system: System, images: tuple[Tensor, Tensor]
) -> None:
    victim, x = Victim(name="integrated", system=system), images[0]
    z = victim.logits(x, "f")["f"]
    y = z.argmax(1)
    rank = victim.untargeted("combined", y, bf16=True)(x)[0]
    torch.testing.assert_close(rank, classifier_margin(z, y), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", WITH_REJECT)
def test_no_attack_leaves_ball_or_box(name: VictimName, system: System, images: tuple[Tensor, Tensor]) -> None:
    victim = Victim(name=name, system=system)
    ball = Budget(norm="L2", eps=1.0, steps=2, restarts=1, queries=3)
    x, y = images[0][:2], images[1][:2]
    tried = attacks(victim, ball)
    assert {"multi-targeted", "APGD", "Square"} < set(tried)
    for attack in tried.values():
        x_adv = attack.run(x, y, 0)
        assert ((x_adv - x).flatten(1).norm(dim=1) <= 1 + 1e-5).all()
        assert x_adv.min() >= 0
        assert x_adv.max() <= 1


@pytest.mark.parametrize("name", WITH_REJECT)
def test_nothing_is_transferred_between_the_same_networks(name: VictimName, system: System) -> None:
    victim, ball = Victim(name=name, system=system), Budget(norm="Linf", eps=0.3)
    other = transfer_source(system)
    assert other is not None
    assert "transfer" in attacks(victim, ball, other)
    assert "transfer" not in attacks(victim, ball, load_system(system.name))
    shared = dataclasses.replace(other, classifier=system.classifier, robust=system.robust_classifier)
    assert ("transfer" in attacks(victim, ball, shared)) is (name != "robust")


def test_the_source_of_transfers_is_read_again_only_where_its_files_changed(system: System) -> None:
    first = transfer_source(system)
    assert first is not None
    assert transfer_source(system) is first
    os.utime(first.folder / "robust.safetensors", (1, 1))
    assert transfer_source(system) is not first


def test_nothing_is_transferred_from_a_copy_or_from_a_system_that_lacks_what_is_attacked(system: System) -> None:
    separate = system.folder.parent / "mnist-linf-0.3"
    card = read_json(separate / "card.json")
    alone = {kind: path for kind, path in card["files"].items() if kind != "robust"}
    write_json(separate / "card.json", card | {"files": alone, "schema": 2})
    shutil.copytree(system.folder, system.folder.parent / "copy")
    assert {"copy", "mnist-linf-0.3"} <= {*systems()}
    assert transfer_source(system) is None


def test_a_sweep_goes_up_to_the_whole_box() -> None:
    radii = [setting["eps"] for setting in sweeps.settings(HonestEvaluation(), "eps", "Linf", 0.3, 784)]
    assert radii == sorted(radii)
    assert radii[-1] == 1.0
    assert 0.3 in radii
    assert sweeps.settings(HonestEvaluation(), "eps", "L2", 2.5, 784)[-1]["eps"] == 28.0
    assert all(radius <= 1 for radius in (s["eps"] for s in sweeps.settings(HonestEvaluation(), "eps", "Linf", 0.9, 784)))


def test_the_radii_of_a_sweep_are_not_rounded() -> None:
    radii = [setting["eps"] for setting in sweeps.settings(HonestEvaluation(), "eps", "Linf", 8 / 255, 3072)]
    assert {8 / 255, 16 / 255} <= set(radii)
    assert [written_beside(radius, 8 / 255) for radius in radii[1:]] == [
        "5.36/255",
        "8/255",
        "10.64/255",
        "13.36/255",
        "16/255",
        "1",
    ]
    mine = [setting["eps"] for setting in sweeps.settings(HonestEvaluation(), "eps", "Linf", 0.3, 784)]
    assert [written_beside(radius, 0.3) for radius in mine[1:]] == ["0.201", "0.3", "0.399", "0.501", "0.6", "1"]


def test_more_steps_of_one_run_never_fool_fewer_images(system: System, images: tuple[Tensor, Tensor]) -> None:
    victim = Victim(name="generative", system=system)
    recipe = dataclasses.replace(SMALL, sweep_steps=(1, 2, 8))
    scores = sweeps.run(victim, recipe, "steps", *images, "Linf", 0.3, False, seed=0)
    assert scores.shape == (3, 6)
    assert (scores[1:] >= scores[:-1]).all()


def test_no_part_has_more_images_than_the_test_set(system: System) -> None:
    """A part's later chunks would have no image at all."""
    many = dataclasses.replace(SMALL, count=10**6, sweep_count=10**6)
    n = len(load_data("mnist", split="test")[0])
    assert {part.count for part in run.parts(system, many)} == {0, n}


def test_more_runs_in_a_ball_never_fool_fewer_images(system: System, images: tuple[Tensor, Tensor]) -> None:
    victim = Victim(name="generative", system=system)
    one, three = (
        sweeps.run(victim, dataclasses.replace(SMALL, sweep_restarts=runs), "eps", *images, "Linf", 0.3, False, seed=0)
        for runs in (1, 3)
    )
    assert one.shape == three.shape == (2, 6)
    assert (three >= one).all()
    assert (three > one).any()


@pytest.mark.slow
def test_a_record_is_made_once_resumes_and_says_what_its_scores_say(system: System) -> None:
    names = parts(system, SMALL)
    with pytest.raises(ValueError, match="not complete: generative/natural"):
        finish(system, SMALL)
    for part in names:
        files = run_part(system, SMALL, part)
        if part == "robust/APGD":
            lost, before = files[0], read_arrays(files[0])["scores"]
    lost.unlink()
    with pytest.raises(ValueError, match="robust/APGD"):
        finish(system, SMALL)
    run_part(system, SMALL, "robust/APGD")
    assert (read_arrays(lost)["scores"] == before).all()
    record = finish(system, SMALL)
    arrays = read_arrays(system.folder / "results" / "honest.npz")
    assert refresh(system, SMALL, record) == record
    file, damaged = system.folder / "results" / "honest.npz", dict(arrays)
    damaged["integrated/sweep eps.scores"] = np.full_like(damaged["integrated/sweep eps.scores"], np.nan)
    write_arrays(file, damaged)
    with pytest.raises(ValueError, match="no numbers"):
        refresh(system, SMALL, record)
    write_arrays(file, arrays)
    rounded = record | {"settings": record["settings"] | {"eps": [{"eps": 0.2999, "step_size": 0.01, "steps": 100.0}]}}
    assert refresh(system, SMALL, rounded)["settings"] == rounded["settings"]
    row = record["victims"]["generative"]["at"][2]
    assert row["clean_rejection"] == 0.05
    hits = arrays["generative/multi-targeted.scores"] >= row["threshold"]
    assert row["error"]["multi-targeted"]["value"] == hits.mean()
    assert row["error"][verdict.EVERY]["value"] >= max(value["value"] for value in row["error"].values())
    assert record["transfer_from"] == "mnist-linf-0.3"
    assert set(record["planted"]) >= {"APGD", "Square", "random search"}
    assert record["backward"] > 0
    assert not any((system.folder / "results" / "parts").iterdir())
