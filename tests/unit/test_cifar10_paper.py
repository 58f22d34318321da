"""The paper's CIFAR-10 recipes: its numbers and its code's, and three steps of each with the full-size network."""

import dataclasses

import pytest
import torch
from torch import Tensor

from aatviz import recipes
from aatviz.models.networks import NETWORKS, WideNet
from aatviz.recipes import AttackSpec
from aatviz.store.weights import build_network, note_of
from aatviz.train import steps
from aatviz.train.learner import Learner, learning_rate

pytestmark = pytest.mark.slow


def test_the_papers_recipes_have_the_papers_and_the_codes_numbers() -> None:
    expected = {
        "cifar10-linf-8-paper": ("Linf", 8 / 255, 40, 0.5 / 255),
        "cifar10-linf-2-paper": ("Linf", 2 / 255, 10, 0.5 / 255),
        "cifar10-l2-80-paper": ("L2", 80 / 255, 20, 10 / 255),
    }
    for name, (norm, eps, count, step_size) in expected.items():
        recipe = recipes.get(name)
        detectors = [job for job in recipe.jobs if job.method == "aat"]
        assert [job.target for job in detectors] == list(range(10))
        for job in detectors:
            (attack,) = job.attacks
            assert (attack.norm, attack.eps, attack.steps, attack.step_size) == (norm, eps, count, step_size)
            assert (attack.optimizer, attack.random_start, job.mixed_eps, job.ramp) == ("steepest", True, 0, 0)
            assert (job.steps, job.batch, job.network, job.optimizer, job.decay) == (40_000, 300, "wide", "sgd", False)
            # the code's loss is half of ours: 1e-3 on it, with a weight decay of 2e-4
            assert (job.learning_rate / 0.5, job.learning_rate * job.weight_decay) == pytest.approx((1e-3, 1e-3 * 2e-4))
            assert job.updates_in_eval
    robust = recipes.get("cifar10-linf-8-paper").job("robust")
    assert robust.attack == AttackSpec(eps=8 / 255, step_size=2 / 255, steps=7, optimizer="steepest", random_start=True)
    assert [learning_rate(robust, step) for step in (0, 40_000, 60_000)] == pytest.approx([0.1, 0.01, 0.001])


PAPERS = [
    ("cifar10-linf-8-paper", "detector-3", "Linf"),
    ("cifar10-linf-2-paper", "detector-0", "Linf"),
    ("cifar10-l2-80-paper", "detector-9", "L2"),
    ("cifar10-linf-8-paper", "robust", "Linf"),
]


@pytest.fixture(scope="module")
def full_size() -> dict[str, Tensor]:
    """The weights of one full-size network of ten outputs; every test begins with them."""
    torch.manual_seed(0)
    return NETWORKS.get("wide").build((3, 32, 32), 10).state_dict()


@pytest.mark.parametrize(("recipe", "name", "norm"), PAPERS)
@pytest.mark.long
def test_the_papers_recipes_take_three_steps_with_the_full_size_network(
    recipe: str, name: str, norm: str, full_size: dict[str, Tensor]
) -> None:
    """On two images, with the inner attack cut to one step."""
    job = recipes.get(recipe).job(name)
    job = dataclasses.replace(job, attack=dataclasses.replace(job.attacks[0], steps=1))
    network = build_network(note_of(job, (3, 32, 32)))
    assert isinstance(network, WideNet)
    row = slice(job.target, job.target + 1) if job.target is not None else slice(None)
    network.load_state_dict({key: value[row] if key.startswith("out.") else value for key, value in full_size.items()})
    learner = Learner(job, network)
    y = torch.tensor([job.target or 0, 5])
    for step in range(3):
        x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(step))
        loss, x_adv = learner.update(steps.Visit(x=x, y=y, step=step, seed=step))
        assert torch.isfinite(loss)
    if x_adv is not None:
        moved = x_adv - x[1:] if job.method == "aat" else x_adv - x
        size = moved.abs().amax() if norm == "Linf" else moved.norm()
        assert 0 < float(size) <= job.validation_attack.eps * 1.001
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    assert not torch.equal(network.out.weight, full_size["out.weight"][row])
