"""What a step of training minimises: the losses worked by hand, and what attacks and shifts do to a batch."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz import recipes
from aatviz.recipes import AttackSpec, Job
from aatviz.train import steps

pytestmark = pytest.mark.slow

JOBS = {
    job.name: dataclasses.replace(job, start_from=None)  # from random weights, so that each can be trained alone
    for name in ("tiny", "tiny-separate")
    for job in recipes.get(name).jobs
}
NO_ATTACK = AttackSpec(eps=0.3, step_size=0.1, steps=0)


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


def test_without_balance_one_detector_takes_all_others_and_every_image_counts_once() -> None:
    job = dataclasses.replace(JOBS["detector-3"], attack=NO_ATTACK, balanced=False)
    loss = loss_of(job, ClassInPixel(2.0, column=3), torch.arange(40) % 10, 12)
    assert float(loss) == pytest.approx((4 * softplus(-2) + 36 * softplus(0)) / 40, abs=1e-4)


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


@pytest.mark.parametrize(
    ("replay", "expected"), [(1, [0.1, 0.2, 0.3, 0.1, 0.2, 0.3]), (2, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.1, 0.1])]
)
def test_several_inner_attacks_take_turns(replay: int, expected: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attacks in their order, over and over; all updates on one batch meet the same one."""
    turns = tuple(dataclasses.replace(NO_ATTACK, step_size=size) for size in (0.1, 0.2, 0.3))
    job = dataclasses.replace(JOBS["shared"], attack=turns, ramp=0.0, replay=replay)
    used: list[float] = []
    plain = steps.attack

    def watch(spec: AttackSpec, *args: Any) -> Tensor:
        used.append(spec.step_size)
        return plain(spec, *args)

    monkeypatch.setattr(steps, "attack", watch)
    y = torch.arange(10)
    for step in range(len(expected)):
        loss_of(job, ClassInPixel(2.0), y, step)
    assert used == expected
