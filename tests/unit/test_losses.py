"""Every loss against a case that was worked by hand."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from aatviz.models import losses

Z_F = torch.tensor([[2.0, 5.0, 1.0], [2.0, 5.0, 1.0]])
Z_H = torch.tensor([[4.0, -1.0, 0.5], [4.0, -1.0, 0.5]])
Y = torch.tensor([1, 0])
"""f is right about the first sample and fooled on the second."""

BY_HAND: dict[str, tuple[Tensor, list[float]]] = {
    "pick": (losses.pick(Z_F, Y), [5.0, 2.0]),
    "max_other": (losses.max_other(Z_F, Y), [2.0, 5.0]),
    "loss 9": (losses.classifier_margin(Z_F, Y), [3.0, -3.0]),
    "cw": (losses.cw(Z_F, Y), [3.0, 0.0]),
    "loss 10": (losses.detectors_max(Z_H, Y), [-4.0, -0.5]),
    # max_{j != y} z_H is 4, then 0.5; the surrogate's last logit is (1 - 4) x 5 = -15, then (1 - 0.5) x 5 = 2.5
    "losses 11 and 12": (losses.combined_surrogate(Z_F, Z_H, Y), [5.0 - 2.0, 5.0 - 5.0]),
    # and with -z_H: max_{j != y} is -0.5, then 1, so that it is 1.5 x 5, then 0 x 5
    "losses 11 and 12, detected": (losses.combined_surrogate(Z_F, -Z_H, Y), [7.5 - 2.0, 5.0 - 5.0]),
    "loss 13": (losses.combined(Z_F, Z_H, Y), [3.0, -0.5]),
    "rank of loss 13": (losses.combined_rank(Z_F, Z_H, Y), [3.0, -math.log1p(math.exp(0.5))]),
    "cross-entropy": (
        losses.cross_entropy(Z_F, Y),
        [x - math.log(math.exp(2) + math.exp(5) + math.exp(1)) for x in (5.0, 2.0)],
    ),
    "target logit": (losses.target_logit(Z_H, torch.tensor([0, 1])), [-4.0, 1.0]),
}


@pytest.mark.parametrize(("value", "expected"), BY_HAND.values(), ids=list(BY_HAND))
def test_the_loss_is_what_its_equation_says(value: Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(value, torch.tensor(expected))


def test_loss_13_pushes_the_classifier_first_and_the_detectors_once_it_is_fooled() -> None:
    z_f, z_h = Z_F.clone().requires_grad_(), Z_H.clone().requires_grad_()
    losses.combined(z_f, z_h, Y).sum().backward()
    assert z_f.grad is not None
    assert z_h.grad is not None
    torch.testing.assert_close(z_f.grad, torch.tensor([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(z_h.grad, torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0]]))


def test_on_a_tie_f_is_not_yet_fooled() -> None:
    tie = torch.tensor([[3.0, 3.0]])
    assert losses.combined(tie, torch.tensor([[9.0, 9.0]]), torch.tensor([0])).item() == 0


def test_the_rank_of_the_combined_attack_puts_every_fooled_iterate_first_and_then_the_highest_logit() -> None:
    margin = torch.tensor([2.0, 0.0, -1.0, -5.0, -0.1])
    logit = torch.tensor([50.0, 50.0, -20.0, -3.0, 8.0])
    z_f, z_h = torch.stack([margin, torch.zeros(5)], 1), torch.stack([torch.zeros(5), logit], 1)
    rank = losses.combined_rank(z_f, z_h, torch.zeros(5, dtype=torch.long))
    assert rank.argsort().tolist() == [4, 3, 2, 1, 0]
    assert (rank[2:] < 0).all()
    assert (rank[:2] >= 0).all()


def test_the_rank_of_what_is_misclassified_never_levels_out_however_low_its_score() -> None:
    """Detectors reach logits of -300, where softplus is 0 in float32."""
    score = torch.cat([torch.arange(-1000.0, 100.0), torch.tensor([-60.0001, -59.9999])]).sort().values
    rank = losses.fooled_rank(score)
    assert (rank < 0).all()
    assert (rank[1:] < rank[:-1]).all()
    usual = score >= -60
    assert torch.equal(rank[usual], -torch.nn.functional.softplus(score[usual]))
    z_f, z_h = torch.tensor([[0.0, 1.0]] * 2), torch.tensor([[0.0, -250.0], [0.0, -240.0]])
    first, second = losses.combined_rank(z_f, z_h, torch.tensor([0, 0])).tolist()
    assert second < first < 0


@pytest.mark.parametrize(
    ("name", "direct"),
    [("cross_entropy", losses.cross_entropy_and_gradient), ("target_logit", losses.target_logit_and_gradient)],
)
def test_a_gradient_that_is_known_is_autograds_to_the_bit(name: str, direct: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """So that trainings keep their bits whichever way it is computed."""
    logits = 5 * torch.randn(40, 7, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 7
    leaf = logits.clone().requires_grad_()
    expected = getattr(losses, name)(leaf, y)
    value, grad = direct(logits, y.unsqueeze(1), torch.nn.functional.one_hot(y, 7).float())
    assert torch.equal(value, expected.detach())
    assert torch.equal(grad, torch.autograd.grad(expected.sum(), leaf)[0])
