"""The inner optimizers against torch's own Adam, and by hand for two steps."""

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import objective, pgd
from aatviz.attacks.geometry import NORMS, Norm
from aatviz.attacks.optimizers import OPTIMIZERS, Adam, Momentum, OptimizerName, Steepest, make_optimizer

GRADIENTS = torch.randn(6, 3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
"""Of six steps, for three samples."""


def test_adam_is_torchs_adam_without_its_epsilon() -> None:
    x = torch.zeros(3, 1, 2, 2)
    parameter = torch.zeros(3, 1, 2, 2, requires_grad=True)
    reference, ours = torch.optim.Adam([parameter], lr=0.05, eps=1e-12), Adam(0.05, "Linf")
    for grad in GRADIENTS:
        parameter.grad = grad.clone()
        reference.step()
        x = x + ours.step(grad)
        torch.testing.assert_close(x, parameter.detach(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-35, 1e-25, 1e-20, 1e-12, 1e-8, 1e6, 1e18, 1e20, 1e30])
@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimizer_cares_for_the_size_of_the_gradient(name: OptimizerName, p: Norm, scale: float) -> None:
    """A well separated sample has gradients of 1e-8 and less; an epsilon of 1e-8 would stop the attack there, and so would a
    square that float32 cannot hold."""
    large, small = make_optimizer(name, 0.05, p), make_optimizer(name, 0.05, p)
    for grad in GRADIENTS:
        torch.testing.assert_close(small.step(grad * scale), large.step(grad), atol=1e-5, rtol=1e-4)


def test_a_gradient_that_grows_from_almost_nothing_is_followed() -> None:
    """As torch's Adam does in float64; the neighbours in the batch have the same steps as without such a sample, to the
    bit."""
    growing = torch.tensor([1e-25, 1e-24, 1e-20, 1e-10, 1e-2, 1e3])[:, None, None, None, None] * GRADIENTS[:, :1]
    parameter = torch.zeros(1, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    reference, ours, others = torch.optim.Adam([parameter], lr=0.05, eps=1e-200), Adam(0.05, "Linf"), Adam(0.05, "Linf")
    x = torch.zeros(1, 1, 2, 2)
    for grad, neighbours in zip(growing, GRADIENTS[:, 1:], strict=True):
        parameter.grad = grad.double()
        reference.step()
        step = ours.step(torch.cat([grad, neighbours]))
        assert torch.equal(step[1:], others.step(neighbours))
        x = x + step[:1]
        torch.testing.assert_close(x, parameter.detach().float(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("lead", [40, 60, 80])
def test_a_classifier_that_leads_by_far_is_attacked_by_its_cross_entropy_too(name: OptimizerName, lead: float) -> None:
    """Its gradient is exp(-lead), and float32 has that down to 1e-38."""

    class Sure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            half = lead / 2 * (1 - 4 * (x.flatten(1).mean(1) - 0.5))
            return torch.stack([half, -half], 1)

    x, y = torch.full((2, 1, 2, 2), 0.5), torch.tensor([0, 0])
    found = pgd(objective("cross_entropy", Sure(), y=y), x, eps=0.3, step_size=0.02, steps=40, optimizer=name)
    assert Sure()(found).argmax(1).tolist() == [1, 1]


def test_steepest_takes_signs_in_linf_and_the_unit_gradient_in_l2() -> None:
    grad = torch.tensor([[3.0, -4.0], [0.0, 1e-9]]).view(2, 1, 1, 2)
    expected = {"Linf": [[-0.1, 0.1], [0.0, -0.1]], "L2": [[-0.06, 0.08], [0.0, -0.1]]}
    for p in NORMS:
        step = Steepest(0.1, p).step(grad)  # type: ignore[arg-type]
        torch.testing.assert_close(step.view(2, 2), torch.tensor(expected[p]))


def test_momentum_by_hand_for_two_steps() -> None:
    """Unit L1 gradients (0.75, 0.25), then (-0.5, 0.5): the velocity becomes 0.75 (0.75, 0.25) + (-0.5, 0.5)."""
    first, second = torch.tensor([3.0, 1.0]).view(1, 1, 1, 2), torch.tensor([-2.0, 2.0]).view(1, 1, 1, 2)
    velocity = torch.tensor([0.0625, 0.6875])
    linf, l2 = Momentum(0.1, "Linf"), Momentum(0.1, "L2")
    torch.testing.assert_close(linf.step(first).flatten(), torch.tensor([-0.1, -0.1]))
    torch.testing.assert_close(linf.step(second).flatten(), torch.tensor([-0.1, -0.1]))  # steepest would say +0.1, -0.1
    torch.testing.assert_close(l2.step(first).flatten(), -0.1 * torch.tensor([3.0, 1.0]) / 10**0.5)
    torch.testing.assert_close(l2.step(second).flatten(), -0.1 * velocity / velocity.norm())


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_samples_do_not_see_each_other_and_a_zero_gradient_is_no_step(p: Norm, name: OptimizerName) -> None:
    together, alone = make_optimizer(name, 0.1, p), make_optimizer(name, 0.1, p)
    for grad in GRADIENTS:
        batch = grad.clone()
        batch[0] = 0
        step = together.step(batch)
        assert torch.equal(step[0], torch.zeros_like(step[0]))
        torch.testing.assert_close(step[1:2], alone.step(batch[1:2]))
        torch.testing.assert_close(batch[1:], grad[1:])  # the gradient belongs to the caller
