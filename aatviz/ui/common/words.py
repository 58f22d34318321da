"""The words that several pages use: what victims, losses and optimizers are called, and how a ball is written."""

import math
import re

from aatviz.attacks.objectives import LossName
from aatviz.attacks.settings import AttackSettings
from aatviz.data.spec import written
from aatviz.models.decisions import VictimName
from aatviz.ui.common.glossary import tip

VICTIMS: dict[VictimName, str] = {
    "generative": "generative classifier",
    "integrated": "integrated classifier",
    "robust": "robust classifier",
    "natural": "natural classifier",
    "detector": "one base detector",
}
VICTIM_NOTES: dict[VictimName, str] = {
    "generative": tip("generative classifier"),
    "integrated": tip("integrated classifier"),
    "robust": tip("robust classifier"),
    "natural": tip("classifier f"),
    "detector": tip("base detector"),
}
LOSSES: dict[LossName, str] = {
    "detectors_max": "loss 10: highest wrong detector",
    "combined": "loss 13: first f, then the detectors",
    "classifier_margin": "loss 9: margin of the classifier",
    "cw": "Carlini-Wagner: margin, clipped",
    "cross_entropy": "cross-entropy",
    "target_logit": "target logit",
    "detector_logit": "detector logit",
}
OPTIMIZERS = {"adam": "Adam (the paper's)", "steepest": "steepest: sign or unit gradient", "momentum": "momentum"}


_MARKS, _STARTS = re.escape(r"\`*_[]<>!|$~:&"), re.escape("-+#.)")
"""Letters that mean something to Markdown: anywhere, and at the beginning of a line, perhaps after a number."""


def literal(text: str) -> str:
    """A text in Markdown that shows just as it is: an imported class may be called "a|b", "[x]" or "$5"."""
    anywhere = re.sub(rf"([{_MARKS}])", r"\\\1", text)
    return re.sub(rf"^(\d*)([{_STARTS}])", r"\1\\\2", anywhere)


def without_marks(markdown: str) -> str:
    """The text of a table's cell in Markdown: without the asterisks of bold type, and what `literal` wrote as it was."""
    return re.sub(rf"\*\*|\\(?=[{_MARKS}{_STARTS}])", "", markdown)


def signs(shape: tuple[int, int, int]) -> str:
    """How a perturbation of images of this shape is coloured."""
    if shape[0] == 1:
        return "blue is darker, orange brighter"
    return "every channel by itself: grey is unchanged, a colour is where its channel was raised and the others were not"


def ball(settings: AttackSettings, shape: tuple[int, int, int]) -> str:
    """The set that x' stays in, for images of this shape, as LaTeX."""
    p = r"\infty" if settings.norm == "Linf" else "2"
    cube = rf"[0,1]^{{{math.prod(shape)}}}"
    return rf"\mathcal{{B}} = \{{x' \in {cube} : \lVert x' - x \rVert_{p} \le {written(settings.eps)}\}}"
