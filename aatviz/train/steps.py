"""The training losses: natural, Madry's adversarial training, AAT for one detector, AAT for a shared bank."""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.attacks import Objective, objective, pgd
from aatviz.models.detectors import DetectorBank
from aatviz.models.losses import pick
from aatviz.recipes import AttackSpec, Job
from aatviz.recipes.spec import Border
from aatviz.train.team import GoalOf, divided, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Visit:
    """One batch, and all else that its loss depends on, except the network."""

    x: Tensor
    """Images (N,C,H,W), in [0,1]."""
    y: Tensor
    """Classes (N,)."""
    step: int
    """The step of the training: it decides on eps, and on which of the inner attacks is used."""
    seed: int
    bf16: bool = False
    start: Tensor | None = None
    """The attacked images of the last visit to the same batch, from which the attack goes on; None: a fresh start."""


def attack(
    spec: AttackSpec, goal: Objective, x: Tensor, seed: int, eps: Tensor | float | None = None, start: Tensor | None = None
) -> Tensor:
    """PGD with the spec's settings on images x (N,C,H,W) in [0,1]: x' (N,C,H,W). An `eps`, a number or (N,), or a `start`
    takes the place of the spec's."""
    settings = dataclasses.asdict(spec) | ({} if eps is None else {"eps": eps})
    return pgd(goal, x, **settings, seed=seed, start=start)


def augmented(job: Job, x: Tensor, seed: int) -> Tensor:
    """Images (N,C,H,W) cropped, shifted, mirrored and cut at random, as the job's settings say; `seed` decides on each."""
    x = shifted(cropped(x, job.crop, seed + 3), job.shift, seed, job.border)
    if job.flip:
        mirrored = torch.rand(len(x), generator=torch.Generator().manual_seed(seed + 1)) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    return cut(x, job.cutout, seed + 2)


def cropped(x: Tensor, least: float, seed: int) -> Tensor:
    """A part of each image (N,C,H,W), scaled to the size of the image: `least` to all of its area, and 3/4 to 4/3 as wide as
    high, as far as the image is wide and high enough."""
    if not least:
        return x
    drawn = torch.rand(4, len(x), generator=torch.Generator().manual_seed(seed)).to(x.device)
    area, ratio = least + (1 - least) * drawn[0], (4 / 3) ** (2 * drawn[1] - 1)
    sides = torch.stack([area * ratio, area / ratio]).sqrt().clamp(max=1)  # width, height, as shares of the image's
    middles = (1 - sides) * (2 * drawn[2:] - 1)  # -1 to 1 is the whole image
    places = torch.cat([torch.diag_embed(sides.T), middles.T[:, :, None]], dim=2)
    grid = F.affine_grid(places, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def cut(x: Tensor, side: int, seed: int) -> Tensor:
    """A square of `side` pixels of each image (N,C,H,W) in grey, its centre anywhere in the image."""
    if not side:
        return x
    n, _, height, width = x.shape
    generator = torch.Generator().manual_seed(seed)
    first = [torch.randint(0, length, (n, 1), generator=generator) - side // 2 for length in (height, width)]
    rows, columns = (torch.arange(length) - one for length, one in zip((height, width), first, strict=True))
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    return torch.where(inside[:, None].to(x.device), 0.5, x)


def shifted(x: Tensor, most: int, seed: int, border: Border = "black") -> Tensor:
    """Each image (N,C,H,W) moved by up to `most` pixels up or down, and left or right. What comes in at the border is black,
    or the image's own reflection."""
    if not most:
        return x
    n, _, height, width = x.shape
    rows, columns = torch.randint(0, 2 * most + 1, (2, n, 1), generator=torch.Generator().manual_seed(seed)).to(x.device)
    padded = F.pad(x, (most,) * 4, mode="constant" if border == "black" else "reflect")
    sample = torch.arange(n, device=x.device)[:, None, None]
    rows, columns = rows + torch.arange(height, device=x.device), columns + torch.arange(width, device=x.device)
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def batch_loss(job: Job, network: nn.Module, visit: Visit) -> tuple[Tensor, Tensor | None]:
    """The loss of one batch, a scalar ready for backward, and the attacked images; None for natural training."""
    generator = torch.Generator().manual_seed(visit.seed)
    x, y = visit.x, visit.y
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=visit.bf16):
        if job.method == "natural":
            return F.cross_entropy(network(x).float(), y, label_smoothing=job.label_smoothing), None
        if job.method == "madry":
            x_adv = _inner(job, visit, lambda rows: _cross_entropy(network, y[rows], visit), x, generator)
            return F.cross_entropy(network(x_adv).float(), y, label_smoothing=job.label_smoothing), x_adv
        return (_aat if job.method == "aat" else _aat_shared)(job, network, visit, generator)


def _cross_entropy(network: nn.Module, y: Tensor, visit: Visit) -> Objective:
    return objective("cross_entropy", network, y=y, bf16=visit.bf16)


def _aat(job: Job, network: nn.Module, visit: Visit, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Objective 5: in-class images as positives, and as many attacked out-of-class images as negatives (appendix A.1). The
    loss is the sum of both means of the binary cross-entropy; where the job is not `balanced`, its mean over all images."""
    positive, others = visit.x[visit.y == job.target], visit.x[visit.y != job.target]
    count = max(min(len(positive), len(others)), 1) if job.balanced else len(others)
    negative = others[torch.randperm(len(others), generator=generator)[:count].to(others.device)]
    negative = _some_anywhere(job, negative, generator)
    goal = objective("target_logit", network, target=0, bf16=visit.bf16)
    x_adv = _inner(job, visit, lambda _: goal, negative, generator)
    logits = network(torch.cat([positive, x_adv])).float().squeeze(1)
    if not job.balanced:
        return F.softplus(torch.cat([-logits[: len(positive)], logits[len(positive) :]])).mean(), x_adv
    positive_loss = F.softplus(-logits[: len(positive)]).sum() / max(len(positive), 1)
    return positive_loss + F.softplus(logits[len(positive) :]).mean(), x_adv


def _aat_shared(job: Job, network: nn.Module, visit: Visit, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Objective 5 for K logits: one half of the batch are positives of their classes, the other half negatives, each
    attacked towards a random class that is not its own."""
    x, half = visit.x, len(visit.x) // 2
    own, others = visit.y[:half], visit.y[half:]
    target = (others + torch.randint(1, job.outputs, others.shape, generator=generator).to(others)) % job.outputs
    bank = DetectorBank([network], job.outputs)

    def goal_of(rows: slice) -> Objective:
        return objective("target_logit", bank, target=target[rows], bf16=visit.bf16)

    x_adv = _inner(job, visit, goal_of, _some_anywhere(job, x[half:], generator), generator)
    logits = network(torch.cat([x[:half], x_adv])).float()
    return F.softplus(-pick(logits[:half], own)).mean() + F.softplus(pick(logits[half:], target)).mean(), x_adv


def _some_anywhere(job: Job, x: Tensor, generator: torch.Generator) -> Tensor:
    """The images (N,C,H,W) from which the negatives start; a share of them is replaced by uniform noise."""
    if not job.negatives_anywhere:
        return x
    replaced = torch.rand(len(x), generator=generator) < job.negatives_anywhere
    return torch.where(replaced[:, None, None, None].to(x.device), torch.rand(x.shape, generator=generator).to(x), x)


def _inner(job: Job, visit: Visit, goal_of: GoalOf, x: Tensor, generator: torch.Generator) -> Tensor:
    """The attacked images x' (N,C,H,W): the inner attack of this step on these images of the batch."""
    eps, goal, turn = _eps(job, x, visit.step, generator), divided(goal_of, len(x)), _turn(job, visit.step)
    if job.start_noise:
        return whole(_n_fgsm(goal, x, eps, turn.step_size, job.start_noise, generator))
    return whole(attack(turn, goal, x, visit.seed, eps, visit.start))


def _n_fgsm(goal: Objective, x: Tensor, eps: Tensor, step_size: float, noise: float, generator: torch.Generator) -> Tensor:
    """N-FGSM (de Jorge et al., 2022): one sign step from x plus uniform noise of `noise` * eps. Nothing is projected into
    the ball; only the box [0,1] holds."""
    drawn = (torch.rand(x.shape, generator=generator) * 2 - 1).to(x)
    start = (x + noise * eps[:, None, None, None] * drawn).clamp(0, 1)
    return (start - step_size * goal(start)[1].sign()).clamp(0, 1)


def _turn(job: Job, step: int) -> AttackSpec:
    """The inner attack of this step, with the number and size of steps that the curriculum has reached. Steps that use the
    same batch (`replay`) get the same attack."""
    spec = job.attacks[step // job.replay % len(job.attacks)]
    for begins, steps, step_size in reversed(job.curriculum):
        if step >= begins * job.steps:
            return dataclasses.replace(spec, steps=steps, step_size=step_size)
    return spec


def _eps(job: Job, x: Tensor, step: int, generator: torch.Generator) -> Tensor:
    """The eps of every attacked sample (N,) at this step: it grows during the ramp; a share `mixed_eps` of the samples draws
    its own from U(0, eps)."""
    ramp_steps = job.ramp * job.steps
    eps = _turn(job, step).eps * min(1.0, (step + 1) / ramp_steps if ramp_steps else 1.0)
    draws = torch.rand(2, len(x), generator=generator)
    return torch.where(draws[0] < job.mixed_eps, draws[1], 1.0).mul(eps).to(x)
