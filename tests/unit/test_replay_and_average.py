"""Replay and averaged weights: the equations, resuming, settings that are refused, and hashes that stay as they were."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz import recipes
from aatviz.models.networks import MadryNet
from aatviz.recipes import Job
from aatviz.recipes.spec import _LATER
from aatviz.runtime.files import read_tensors
from aatviz.train import learner, loop, steps
from aatviz.train.loop import Progress, train

pytestmark = pytest.mark.slow

DATASET = recipes.get("tiny").dataset
JOBS = {
    job.name: dataclasses.replace(job, start_from=None)  # from random weights, so that each can be trained alone
    for name in ("tiny", "tiny-separate")
    for job in recipes.get(name).jobs
}


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", ["shared", "detector-3"])
def test_with_replay_and_average_too_a_run_that_was_cut_off_ends_with_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on from the start of the batch that it was at: attacked images are not saved."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = dataclasses.replace(JOBS[name], replay=3, average=0.5, network="mlp", arch=(("widths", (32,)),))

    def stop(progress: Progress) -> None:
        if progress.step == 8:
            raise Stop

    with pytest.raises(Stop):
        train(job, DATASET, tmp_path / "cut", report=stop)
    assert read_tensors(tmp_path / "cut" / "state" / f"{name}.safetensors")[1]["step"] == 6
    cut, whole = (read_tensors(train(job, DATASET, tmp_path / folder))[0] for folder in ("cut", "whole"))
    for key in whole:
        assert torch.equal(cut[key], whole[key]), key


def test_the_average_is_that_of_the_equation_and_is_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the weights after the first update on: 0.75 old + 0.25 new."""
    after: list[dict[str, Tensor]] = []
    names = [name for name, _ in MadryNet(outputs=1).named_parameters()]

    class Watched(torch.optim.Adam):
        def step(self, *args: Any, **settings: Any) -> Any:
            result = super().step(*args, **settings)
            (group,) = self.param_groups
            after.append({name: value.detach().clone() for name, value in zip(names, group["params"], strict=True)})
            return result

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    job = dataclasses.replace(JOBS["classifier"], steps=4, evaluations=1, average=0.75)
    kept = read_tensors(train(job, DATASET, tmp_path))[0]
    assert kept.keys() == set(names)
    for name, value in kept.items():
        expected = after[0][name]
        for update in after[1:]:
            expected = 0.75 * expected + 0.25 * update[name]
        torch.testing.assert_close(value.float(), expected, atol=1e-6, rtol=1e-3)  # files hold half precision
        assert float((value - after[-1][name]).abs().max()) > 5 * float((value - expected).abs().max())


def test_a_replayed_batch_is_the_same_and_its_attack_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[steps.Visit] = []
    found: list[Tensor | None] = []
    plain = learner.batch_loss

    def watch(job: Job, network: nn.Module, visit: steps.Visit) -> tuple[Tensor, Tensor | None]:
        loss, x_adv = plain(job, network, visit)
        visits.append(visit)
        found.append(x_adv)
        return loss, x_adv

    monkeypatch.setattr(learner, "batch_loss", watch)
    train(dataclasses.replace(JOBS["shared"], steps=6, evaluations=1, replay=3, shift=1), DATASET, tmp_path)
    assert [visit.step for visit in visits] == list(range(6))
    for first in (0, 3):
        assert visits[first].start is None
        for place in (first + 1, first + 2):
            assert torch.equal(visits[place].x, visits[first].x)
            assert visits[place].seed == visits[first].seed
            assert visits[place].start is found[place - 1]
    assert not torch.equal(visits[0].x, visits[3].x)


@pytest.mark.parametrize("settings", [{"replay": 0}, {"average": 1.0}, {"average": -0.1}])
def test_an_impossible_replay_or_average_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="replay is at least 1 and average in"):
        dataclasses.replace(JOBS["shared"], **settings)


def test_fields_that_came_later_leave_the_hash_of_a_recipe_as_it_was() -> None:
    job = JOBS["shared"]
    assert "replay" in dataclasses.asdict(job)
    settings = {key: value for key, value in dataclasses.asdict(job).items() if key not in _LATER}
    text = json.dumps(settings, sort_keys=True)
    assert recipes.digest(job) == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert len({recipes.digest(dataclasses.replace(job, **change)) for change in ({}, {"replay": 2}, {"average": 0.9})}) == 3
