"""The training loop: bit-identical after a kill -9, the best weights kept, and the losses worked by hand."""

import dataclasses
import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz import recipes
from aatviz.recipes import AttackSpec, Job
from aatviz.store.files import read_tensors
from aatviz.train import loop, steps
from aatviz.train.loop import Progress, train

DATASET = recipes.get("tiny").dataset
JOBS = {
    job.name: dataclasses.replace(job, start_from=None)  # from random weights, so that each can be trained alone
    for name in ("tiny", "tiny-separate")
    for job in recipes.get(name).jobs
}
NO_ATTACK = AttackSpec(eps=0.3, step_size=0.1, steps=0)

KILLED = """
import dataclasses, os, signal, sys
from pathlib import Path
import torch
from aatviz import recipes
from aatviz.store import files
from aatviz.train import loop

name, folder, place = sys.argv[1:]
torch.set_num_threads(1)
loop.SAVE_SECONDS = 0.0
write = files.save_file

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write_half(tensors, path, note):
    write(tensors, path, note)
    path.write_bytes(path.read_bytes()[:1000])
    die()

def report(progress):
    if progress.step == 7:
        if place == "while saving":
            files.save_file = write_half
        else:
            die()

recipe = recipes.get("tiny" if name == "shared" else "tiny-separate")
loop.train(dataclasses.replace(recipe.job(name), start_from=None), recipe.dataset, Path(folder), report=report)
"""


class Stop(Exception):
    pass


def weights(path: Path) -> dict[str, Tensor]:
    return read_tensors(path)[0]


def history(folder: Path, job: str) -> list[dict[str, float]]:
    """Without wall times, the only thing that may differ between two runs."""
    rows = json.loads((folder / "history" / f"{job}.json").read_text())
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the two AAT jobs that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    for name in ("shared", "detector-3"):
        train(JOBS[name], DATASET, folder)
    return folder


@pytest.mark.parametrize(("name", "place"), [("shared", "between two saves"), ("detector-3", "while saving")])
def test_after_a_kill_the_same_call_resumes_and_ends_with_the_same_bits(
    name: str, place: str, uninterrupted: Path, tmp_path: Path
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, name, str(tmp_path), place], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / f"{name}.safetensors").exists()
    assert read_tensors(tmp_path / "state" / f"{name}.safetensors")[1]["step"] == 6

    seen: list[int] = []
    final = train(JOBS[name], DATASET, tmp_path, report=lambda progress: seen.append(progress.step))
    assert seen == [7, 8, 9, 10, 11, 12]
    expected, found = weights(uninterrupted / final.name), weights(final)
    assert found.keys() == expected.keys()
    for key in expected:
        assert torch.equal(found[key], expected[key]), key
    assert history(tmp_path, name) == history(uninterrupted, name)
    assert not (tmp_path / "state" / f"{name}.safetensors").exists()


def test_training_changes_the_weights_and_every_job_has_its_own(uninterrupted: Path, tmp_path: Path) -> None:
    other = dataclasses.replace(JOBS["detector-3"], seed=99)
    again = weights(train(other, DATASET, tmp_path))
    assert any(
        not torch.equal(value, again[key]) for key, value in weights(uninterrupted / "detector-3.safetensors").items()
    )


@pytest.mark.parametrize("name", ["shared", "detector-3"])
def test_a_history_row_has_natural_and_adversarial_scores_of_both_parts(name: str, uninterrupted: Path) -> None:
    rows = history(uninterrupted, name)
    assert [row["step"] for row in rows] == [4, 8, 12]
    for row in rows:
        scores = {key: value for key, value in row.items() if key != "step"}
        assert set(scores) == {f"{part}_{kind}" for part in ("validation", "train") for kind in ("natural", "adversarial")}
        assert all(0 <= value <= 1 for value in scores.values())
        assert row["validation_adversarial"] < row["validation_natural"]


def test_a_weight_file_says_what_it_was_made_from(uninterrupted: Path) -> None:
    _, note = read_tensors(uninterrupted / "shared.safetensors")
    job = JOBS["shared"]
    assert note["recipe"] == json.loads(json.dumps(dataclasses.asdict(job)))
    assert note["recipe_hash"] == recipes.digest(job)
    assert {"dataset", "data_hash", "seconds", "device", "precision", "torch"} <= note.keys()


def test_a_finished_job_is_not_trained_again(uninterrupted: Path) -> None:
    before = (uninterrupted / "shared.safetensors").stat().st_mtime_ns
    seen: list[Progress] = []
    assert train(JOBS["shared"], DATASET, uninterrupted, report=seen.append) == uninterrupted / "shared.safetensors"
    assert seen == []
    assert (uninterrupted / "shared.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("finished", [True, False])
def test_the_run_of_another_recipe_is_refused(finished: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = JOBS["classifier"]

    def stop(progress: Progress) -> None:
        if progress.step == 2 and not finished:
            raise Stop

    if finished:
        train(job, DATASET, tmp_path)
    else:
        with pytest.raises(Stop):
            train(job, DATASET, tmp_path, report=stop)
    other = dataclasses.replace(job, learning_rate=1e-4)
    with pytest.raises(ValueError, match=r"another recipe than today's classifier\. Move it away.*--out") as error:
        train(other, DATASET, tmp_path)
    assert "classifier.safetensors" in str(error.value)


@pytest.mark.parametrize(("name", "criterion"), [("classifier", "natural"), ("robust", "adversarial")])
def test_the_weights_of_the_best_validation_score_are_kept(
    name: str, criterion: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripted scores, best at the second of three evaluations; the other score and the training's say otherwise."""
    script = iter([0.5, 0.0, 0.9, 0.0, 0.7, 0.0])  # validation and training in turn
    snapshots: list[dict[str, Tensor]] = []

    def scripted(job: Job, network: nn.Module, *_: Any) -> dict[str, float]:
        score = next(script)
        snapshots.append({key: value.detach().half() for key, value in network.state_dict().items()})
        return {"natural": 1 - score, "adversarial": 1 - score} | {criterion: score}

    monkeypatch.setattr(loop, "evaluate", scripted)
    kept = weights(train(JOBS[name], DATASET, tmp_path))
    for key, value in snapshots[2].items():
        assert torch.equal(kept[key], value)
    assert any(not torch.equal(kept[key], value) for key, value in snapshots[4].items())


def test_progress_counts_the_steps_and_ends_with_no_time_left(tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(JOBS["classifier"], DATASET, tmp_path, report=seen.append)
    assert [progress.step for progress in seen] == list(range(1, 13))
    assert [progress.step for progress in seen if progress.score] == [4, 8, 12]
    assert seen[-1].seconds_left == 0
    assert all(progress.seconds_left > 0 for progress in seen[:-1])
    assert seen[-1].loss is not None
    assert math.isfinite(seen[-1].loss)


# The losses


class ClassInPixel(nn.Module):
    """Logits `scale` for the class that the first pixel holds (in tenths), and 0 for the others; or one column of it."""

    def __init__(self, scale: float, column: int | None = None) -> None:
        super().__init__()
        self.scale, self.column = scale, column

    def forward(self, x: Tensor) -> Tensor:
        tenths = torch.arange(10) / 10
        logits = self.scale * (1 - 10 * (x[:, 0, 0, :1] - tenths).abs()).clamp_min(0)
        return logits if self.column is None else logits[:, self.column : self.column + 1]


def labelled(y: Tensor) -> Tensor:
    return (y / 10).view(-1, 1, 1, 1)


def softplus(z: float) -> float:
    return math.log1p(math.exp(z))


def loss_of(job: Job, network: nn.Module, y: Tensor, step: int = 0) -> Tensor:
    """The loss of one batch of these classes."""
    return steps.batch_loss(job, network, steps.Visit(x=labelled(y), y=y, step=step, seed=3))[0]


def test_the_shared_bank_learns_its_own_class_up_and_a_class_that_is_not_its_own_down() -> None:
    """Unattacked: softplus(-8) of each positive's own logit, softplus(0) of each negative's target; 8 were it its own."""
    job = dataclasses.replace(JOBS["shared"], attack=NO_ATTACK)
    y = torch.arange(400) % 10
    loss = loss_of(job, ClassInPixel(8.0), y, 12)
    assert float(loss) == pytest.approx(softplus(-8) + softplus(0), abs=1e-4)


def test_one_detector_takes_as_many_out_of_class_images_as_there_are_in_class() -> None:
    """Objective 5: 4 positives with logit 2, and 4 of the 36 others with logit 0, which are what is attacked."""
    job = dataclasses.replace(JOBS["detector-3"], attack=NO_ATTACK)
    seen: list[int] = []
    network = ClassInPixel(2.0, column=3)
    network.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    y = torch.arange(40) % 10
    loss = loss_of(job, network, y, 12)
    assert float(loss) == pytest.approx(softplus(-2) + softplus(0), abs=1e-4)
    assert seen[-1] == 8


@pytest.mark.parametrize("positives", [0, 1])
def test_a_batch_with_hardly_any_positive_still_has_a_finite_loss(positives: int) -> None:
    y = torch.tensor([3] * positives + [1] * 20)
    loss = loss_of(JOBS["detector-3"], ClassInPixel(2.0, column=3), y)
    assert torch.isfinite(loss)


def test_eps_grows_over_the_ramp_and_a_share_of_the_samples_gets_less() -> None:
    job = dataclasses.replace(JOBS["shared"], steps=100, ramp=0.5, mixed_eps=0.25)
    x = torch.zeros(4000, 1, 1, 1)

    def eps(step: int) -> Tensor:
        drawn = steps._eps(job, x, step, torch.Generator().manual_seed(0))
        assert isinstance(drawn, Tensor)
        return drawn

    for step, most in ((0, 0.3 / 50), (24, 0.15), (49, 0.3), (99, 0.3)):
        values = eps(step)
        assert float(values.max()) == pytest.approx(most)
        assert float(values.min()) >= 0
        smaller = values < most * 0.9999
        assert float(smaller.float().mean()) == pytest.approx(0.25, abs=0.03)
        assert float(values[smaller].mean()) == pytest.approx(most / 2, rel=0.1)  # uniform below


def test_shifted_images_are_whole_moves_of_at_most_that_many_pixels() -> None:
    """Every image with a single bright pixel in the middle: it may land on 3 x 3 places, and all of them occur."""
    x = torch.zeros(200, 1, 28, 28)
    x[:, 0, 14, 10] = 0.7
    moved = steps.shifted(x, 1, seed=4)
    assert moved.shape == x.shape
    assert torch.equal(moved.sum((1, 2, 3)), x.sum((1, 2, 3)))
    places = {tuple(place.tolist()) for place in moved[:, 0].nonzero()[:, 1:]}
    assert places == {(row, column) for row in (13, 14, 15) for column in (9, 10, 11)}
    assert torch.equal(moved, steps.shifted(x, 1, seed=4))
    assert steps.shifted(x, 0, seed=4) is x


def test_several_inner_attacks_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attacks over six steps: each twice, in their order."""
    turns = tuple(dataclasses.replace(NO_ATTACK, step_size=size) for size in (0.1, 0.2, 0.3))
    job = dataclasses.replace(JOBS["shared"], attack=turns, ramp=0.0)
    used: list[float] = []
    plain = steps.attack

    def watch(spec: AttackSpec, *args: Any) -> Tensor:
        used.append(spec.step_size)
        return plain(spec, *args)

    monkeypatch.setattr(steps, "attack", watch)
    y = torch.arange(10)
    for step in range(6):
        loss_of(job, ClassInPixel(2.0), y, step)
    assert used == [0.1, 0.2, 0.3] * 2
