"""The small pictures of a lesson, from stored results."""

import torch
from torch import Tensor

from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.attack_path import Trace
from aatviz.ui.common import takeaway
from aatviz.ui.common.pictures import enlarged
from aatviz.ui.common.words import VICTIMS
from aatviz.ui.lessons.answers import Facts
from aatviz.ui.lessons.catalogue import Lesson

Picture = tuple[str, Tensor]
"""A caption, and an image (28,28) in [0,1]."""


def pictures(lesson: Lesson, facts: Facts, revealed: bool) -> list[Picture]:
    """The pictures to show; before the answer is revealed, only those that do not give it away."""
    if facts.traces:
        found = [(f"The original, a {facts.traces[0].y}", facts.traces[0].natural)]
        after = [(f"After the attack on the {victim(trace)}", trace.perturbed) for trace in facts.traces]
        return found + after if revealed else found
    if lesson.page == "compare" and facts.comparison:
        grid, row, target = facts.comparison, int(lesson.settings["row"]), int(lesson.settings["target"])
        pushed = [
            (f"Pushed towards {target} on the {VICTIMS[model]}", images[row, target])
            for model, images in grid.images.items()
        ]
        return [(f"The original, a {int(grid.y[row])}", grid.natural[row]), *pushed]
    if lesson.page == "generate" and facts.generated:
        made, target, sample = facts.generated, int(lesson.settings["target"]), int(lesson.settings["sample"])
        found = [("The noise", made.noise[target, sample] / 255)]
        grown = [
            (f"Pushed towards {target} on the {VICTIMS[model]}", made.results(model)[target, sample]) for model in MODELS
        ]
        return found + [(caption, image / 255) for caption, image in grown] if revealed else found
    return []


def victim(trace: Trace) -> str:
    """The attack's victim in words."""
    detector = trace.settings.detector
    return VICTIMS[trace.settings.victim] if detector is None else f"base detector {detector}"


def png(shown: list[Picture]) -> bytes:
    """The pictures side by side as one, every pixel a square of 10."""
    return takeaway.png(enlarged(torch.cat([image for _, image in shown], -1), 10))
