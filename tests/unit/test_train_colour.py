"""What colour needed: SGD and its schedule, N-FGSM, growing attacks, mirrored and moved images, the mode of batch norm."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz import recipes
from aatviz.data import Split
from aatviz.recipes import AttackSpec, Job
from aatviz.runtime.files import read_tensors
from aatviz.store.weights import build_network, load_network, note_of, save_network, start_from
from aatviz.train import loop, steps
from aatviz.train.learner import Learner, learning_rate
from aatviz.train.loop import Progress, train
from aatviz.train.validation import evaluate

pytestmark = pytest.mark.slow

TINY = {job.name: job for job in recipes.get("tiny").jobs}
SMALL = (("widths", (4, 8)), ("blocks", (1, 1)))
SGD = {"optimizer": "sgd", "nesterov": True, "weight_decay": 1e-3}
COLOUR = {"network": "preact", "arch": SMALL, "flip": True, "border": "reflect", "shift": 2, "average": 0.5, **SGD}


def colour(name: str, **changes: object) -> Job:
    settings = {"start_from": None, "learning_rate": 0.05, **COLOUR, **changes}
    return dataclasses.replace(TINY[name], **settings)  # type: ignore[arg-type]


class Stop(Exception):
    pass


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 x 16 x 16 images of ten classes in the place of the data set."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (200, 3, 16, 16), np.uint8), (np.arange(200) % 10).astype(np.uint8)
    monkeypatch.setattr(loop, "open_split", lambda dataset, split: Split(images, labels))


@pytest.mark.usefixtures("coloured")
@pytest.mark.parametrize("name", ["classifier", "shared"])
def test_with_sgd_batch_norm_and_moved_images_a_run_that_was_cut_off_ends_with_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    curriculum = () if name == "classifier" else ((0.0, 1, 0.3), (0.5, 2, 0.2))
    job = colour(name, warmup=0.25, curriculum=curriculum, evaluations=1)

    def stop(progress: Progress) -> None:
        if progress.step == 8:
            raise Stop

    with pytest.raises(Stop):
        train(job, "", tmp_path / "cut", report=stop)
    cut, whole = (read_tensors(train(job, "", tmp_path / folder))[0] for folder in ("cut", "whole"))
    assert "blocks.0.norm1.running_mean" in whole
    assert any(value.dtype == torch.int64 for value in whole.values())
    for key in whole:
        assert torch.equal(cut[key], whole[key]), key
    assert load_network(tmp_path / "whole" / f"{name}.safetensors")(torch.rand(2, 3, 16, 16)).shape == (2, 10)


# The optimizer


def test_sgd_is_that_of_the_equations_and_decays_no_bias_and_no_norm() -> None:
    job = colour("classifier", average=0.0, decay=False)
    torch.manual_seed(0)
    network = build_network(note_of(job, (3, 8, 8)))
    twin = build_network(note_of(job, (3, 8, 8)))
    twin.load_state_dict(network.state_dict())
    learner, velocity = Learner(job, network), {name: torch.zeros_like(value) for name, value in twin.named_parameters()}
    visit = steps.Visit(x=torch.rand(6, 3, 8, 8), y=torch.arange(6), step=0, seed=1)
    for _ in range(3):
        loss, _ = steps.batch_loss(job, twin, visit)
        grads = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for (name, value), grad in zip(twin.named_parameters(), grads, strict=True):
                grad = grad + (1e-3 * value if value.dim() > 1 else 0)
                velocity[name] = 0.9 * velocity[name] + grad
                value -= 0.05 * (grad + 0.9 * velocity[name])
        learner.update(visit)
    for (name, value), other in zip(twin.named_parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(other, value, atol=1e-5, rtol=1e-4, msg=name)


def test_the_learning_rate_warms_up_falls_along_a_cosine_and_drops() -> None:
    job = colour("classifier", steps=100, learning_rate=1.0, warmup=0.2)
    rates = [learning_rate(job, step) for step in range(100)]
    assert rates[:20] == pytest.approx([(step + 1) / 21 for step in range(20)])
    assert rates[20] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.0, abs=1e-3)
    dropped = dataclasses.replace(job, warmup=0.0, decay=False, drops=(0.5, 0.75))
    assert [learning_rate(dropped, step) for step in (0, 49, 50, 74, 75, 99)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_smoothed_labels_are_spread_over_all_classes() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[2.0, 0.0, -1.0]]).expand(len(x), 3)

    job = colour("classifier", label_smoothing=0.3)
    loss, _ = steps.batch_loss(job, Fixed(), steps.Visit(x=torch.zeros(1, 3, 4, 4), y=torch.tensor([0]), step=0, seed=0))
    target = torch.tensor([0.7 + 0.1, 0.1, 0.1])
    assert float(loss) == pytest.approx(float(-(target * F.log_softmax(torch.tensor([2.0, 0.0, -1.0]), 0)).sum()))


# Images


def test_half_of_the_images_are_mirrored_each_by_its_own_draw() -> None:
    x = torch.arange(4.0).expand(400, 2, 3, 4) / 4
    moved = steps.augmented(colour("classifier", shift=0), x, seed=5)
    mirrored = moved[:, 0, 0, 0] == 0.75
    assert torch.equal(moved[mirrored], x[mirrored].flip(3))
    assert torch.equal(moved[~mirrored], x[~mirrored])
    assert 150 < int(mirrored.sum()) < 250
    assert not torch.equal(moved, steps.augmented(colour("classifier", shift=0), x, seed=6))


def test_a_reflecting_border_brings_in_the_images_own_pixels() -> None:
    x = (torch.arange(25.0) + 1).view(1, 1, 5, 5).expand(100, 1, 5, 5)
    assert (steps.shifted(x, 2, seed=1) == 0).any()
    moved = steps.shifted(x, 2, seed=1, border="reflect")
    whole = F.pad(x[:1], (2, 2, 2, 2), mode="reflect")
    windows = {tuple(whole[0, 0, i : i + 5, j : j + 5].flatten().tolist()) for i in range(5) for j in range(5)}
    assert {tuple(one.flatten().tolist()) for one in moved} == windows


def test_a_random_crop_is_a_part_of_the_image_with_the_share_and_the_sides_that_it_should_have() -> None:
    """Of ramps of 0 to 1 across and down: their slopes are the sides of the crop, and their middles its place."""
    ramp = (torch.arange(40) + 0.5) / 40
    x = torch.stack([ramp.expand(40, 40), ramp[:, None].expand(40, 40)]).expand(500, 2, 40, 40)
    moved = steps.augmented(colour("classifier", shift=0, flip=False, crop=0.3), x, seed=5)
    inner = moved[:, :, 2:-2, 2:-2]  # at the border, where there is nothing to interpolate with, a ramp is flat
    wide, high = (inner[:, 0, 0, -1] - inner[:, 0, 0, 0]) * 40 / 35, (inner[:, 1, -1, 0] - inner[:, 1, 0, 0]) * 40 / 35
    torch.testing.assert_close(moved[:, 0, 3], moved[:, 0, 30])  # no rotation, no shear
    whole = torch.maximum(wide, high) < 0.999
    area, ratio = (wide * high)[whole], (wide / high)[whole]
    assert (float(area.min()), float(area.max())) == pytest.approx((0.3, 0.95), abs=0.06)
    assert (float(ratio.min()), float(ratio.max())) == pytest.approx((3 / 4, 4 / 3), abs=0.02)
    middle = (inner[:, 0, 0, -1] + inner[:, 0, 0, 0]) / 2
    assert bool(((middle - wide / 2 > -1e-3) & (middle + wide / 2 < 1.001)).all())
    assert float(middle.std()) > 0.05
    assert torch.equal(x, steps.cropped(x, 0.0, 1))


def test_a_grey_square_of_that_side_lies_with_its_centre_anywhere_in_the_image() -> None:
    x = torch.rand(2000, 3, 7, 5, generator=torch.Generator().manual_seed(0)) / 4
    moved = steps.augmented(colour("classifier", shift=0, flip=False, cutout=3), x, seed=5)
    grey = (moved == 0.5).all(1)
    assert torch.equal((moved == 0.5).any(1), grey)
    assert torch.equal(torch.where(grey[:, None], x, moved), x)
    centres = set()
    for one in grey:
        rows, columns = one.any(1).nonzero().flatten().tolist(), one.any(0).nonzero().flatten().tolist()
        assert bool(one[rows][:, columns].all())  # a rectangle without gaps
        assert [rows, columns] == [list(range(rows[0], rows[-1] + 1)), list(range(columns[0], columns[-1] + 1))]
        assert all(
            len(side) == 3 or (len(side) == 2 and (side[0] == 0 or side[-1] == end))
            for side, end in ((rows, 6), (columns, 4))
        )
        centres.add((rows[-1] - 1 if rows[0] == 0 else rows[0] + 1, columns[-1] - 1 if columns[0] == 0 else columns[0] + 1))
    assert centres == {(i, j) for i in range(7) for j in range(5)}


# Attacks


def test_n_fgsm_takes_one_sign_step_from_wide_noise_and_only_the_box_holds() -> None:
    """On a linear classifier the step is known: against the sign of the true class's row, less the other's."""
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)).eval()
    spec = AttackSpec(eps=0.1, step_size=0.08, steps=1, optimizer="steepest")
    job = colour("robust", attack=spec, start_noise=2.0, ramp=0.0, mixed_eps=0.0)
    x, y = torch.full((500, 3, 4, 4), 0.5), torch.zeros(500, dtype=torch.int64)
    x[0] = 0.02
    _, x_adv = steps.batch_loss(job, linear, steps.Visit(x=x, y=y, step=0, seed=3))
    assert x_adv is not None
    weight = linear[1].weight.detach()  # type: ignore[union-attr]
    noise = (x_adv - x)[1:] - 0.08 * (weight[1] - weight[0]).sign().view(1, 3, 4, 4)
    assert float(noise.abs().max()) == pytest.approx(0.2, abs=1e-3)
    assert float(noise.mean()) == pytest.approx(0, abs=5e-3)
    assert float(noise.std()) == pytest.approx(0.2 / 3**0.5, abs=2e-3)
    assert float((x_adv - x).abs().max()) > 0.25
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1


def test_the_inner_attack_grows_along_the_curriculum() -> None:
    job = colour("shared", steps=100, evaluations=1, curriculum=((0.0, 5, 0.2), (0.35, 10, 0.1), (0.8, 20, 0.05)))
    found = {step: (spec.steps, spec.step_size) for step in range(100) for spec in [steps._turn(job, step)]}
    assert [found[step] for step in (0, 34, 35, 79, 80, 99)] == [
        (5, 0.2),
        (5, 0.2),
        (10, 0.1),
        (10, 0.1),
        (20, 0.05),
        (20, 0.05),
    ]
    assert steps._turn(job, 0).eps == 0.3


# The mode of batch norm


MODES = [("classifier", False, True), ("robust", False, True), ("robust", True, False), ("shared", False, False)]


@pytest.mark.parametrize(("name", "frozen", "moves"), MODES)
def test_attacks_and_updates_of_aat_leave_the_statistics_of_batch_norm_and_train_its_factors(
    name: str, frozen: bool, moves: bool
) -> None:
    job = colour(name, frozen_norm=frozen, average=0.0)
    torch.manual_seed(0)
    network = build_network(note_of(job, (3, 8, 8)))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    modes = []
    network.register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    visit = steps.Visit(x=torch.rand(12, 3, 8, 8), y=torch.arange(12) % 10, step=5, seed=1)
    _, x_adv = Learner(job, network).update(visit)
    after = network.state_dict()
    statistics = [key for key in after if "running" in key]
    assert statistics
    assert all(torch.equal(after[key], before[key]) != moves for key in statistics)
    assert not any(
        torch.equal(after[f"blocks.0.norm1.{part}"], before[f"blocks.0.norm1.{part}"]) for part in ("weight", "bias")
    )
    assert modes == [moves]  # the update; the attack runs a laid-out copy, in eval mode
    assert network.training
    counted = int(after["norm.num_batches_tracked"])
    assert counted == int(moves)
    assert (x_adv is None) == (name == "classifier")


@pytest.mark.parametrize("name", ["classifier", "shared"])
def test_judging_a_network_in_training_leaves_it_as_it_was_and_sees_it_in_eval_mode(name: str) -> None:
    job = colour(name, validation_attack=AttackSpec(eps=0.1, step_size=0.1, steps=1))
    torch.manual_seed(0)
    network = build_network(note_of(job, (3, 8, 8)))
    x, y = torch.rand(40, 3, 8, 8), torch.arange(40) % 10
    before = {key: value.clone() for key, value in network.state_dict().items()}
    modes: list[bool] = []
    network.register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    evaluate(job, network, x, y, 5, bf16=False)
    assert modes
    assert not any(modes)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_weights_that_are_no_float16_are_refused(tmp_path: Path) -> None:
    job = colour("shared")
    network = build_network(note_of(job, (3, 8, 8)))
    network.state_dict()["norm.running_var"][0] = 1e6
    with pytest.raises(ValueError, match=r"norm\.running_var would hold infinities or NaN"):
        save_network(tmp_path / "one.safetensors", network, note_of(job, (3, 8, 8)))
    assert not list(tmp_path.iterdir())


def test_a_count_of_batches_beyond_float16_comes_back(tmp_path: Path) -> None:
    job = colour("shared")
    network = build_network(note_of(job, (3, 8, 8)))
    network.state_dict()["norm.num_batches_tracked"].fill_(80_001)
    save_network(tmp_path / "one.safetensors", network, note_of(job, (3, 8, 8)))
    assert int(load_network(tmp_path / "one.safetensors").state_dict()["norm.num_batches_tracked"]) == 80_001


@pytest.mark.parametrize("name", ["preact", "wide", "pooled", "mlp"])
def test_a_detector_of_any_network_starts_from_its_column(name: str, tmp_path: Path) -> None:
    arch = {"wide": (("widths", (4, 8, 8, 8)), ("units", 1))}.get(name, ())
    bank, one = (dataclasses.replace(colour("shared"), network=name, arch=arch, outputs=n) for n in (10, 1))
    torch.manual_seed(0)
    save_network(tmp_path / "shared.safetensors", build_network(note_of(bank, (3, 8, 8))), note_of(bank, (3, 8, 8)))
    detector = build_network(note_of(one, (3, 8, 8))).eval()
    start_from(detector, tmp_path / "shared.safetensors", 7)
    x = torch.rand(2, 3, 8, 8)
    expected = load_network(tmp_path / "shared.safetensors")(x)[:, 7]
    torch.testing.assert_close(detector(x)[:, 0].detach(), expected)
