"""Words that several pages use: the names of victims, losses and optimizers, a ball in LaTeX, and safe Markdown."""

import math
import re
from collections.abc import Sequence

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


_JOINER = "\u2060"
_SEEN_LATER = re.compile(r"(?<=:)(?=[\w/+])|(?<=www)(?=\.)|(?<=@)|(?<=[-<>=~!])(?=[-<>=])", re.IGNORECASE)
"""The beginnings of addresses, icons and arrows, which the browser looks for in the finished text, where backslashes are
gone already. An invisible word joiner at these places keeps it from finding them."""


_COMMAND = re.compile(
    r"\b(aatviz (?:app|attack|compare|data|detector|evaluate|generate|report|systems|thresholds|train)(?: [\w./=-]*[\w/=])*)"
)


def literal(text: str) -> str:
    """Markdown that shows a text exactly as it is: an imported class may be called "a|b", "[x]" or "www.evil.example"."""
    anywhere = re.sub(rf"([{_MARKS}])", r"\\\1", _SEEN_LATER.sub(_JOINER, text))
    return re.sub(rf"^(\d*)([{_STARTS}])", r"\1\\\2", anywhere)


def code(text: str) -> str:
    """A text as code in Markdown: a name, or anything that somebody may have written into a link."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    inner = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{fence}{inner}{fence}"


def message(text: str) -> str:
    """A sentence of the library in Markdown: commands and text between backticks become code, to be copied; all else is
    shown exactly as it is."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # a name with a backtick
        return literal(text)
    return "".join(code(piece) if place % 2 else _with_commands(piece) for place, piece in enumerate(pieces) if piece)


def _with_commands(text: str) -> str:
    pieces = _COMMAND.split(text)
    return "".join(code(piece) if place % 2 else literal(piece) for place, piece in enumerate(pieces) if piece)


def quoted(text: str, most: int = 40) -> str:
    """The first letters of a visitor's input for a message, in quotation marks and as code, so that it is only text."""
    return code(repr(text[:most]))


def without_marks(markdown: str) -> str:
    """The plain text of a table's cell in Markdown: without bold type, and with the changes of `literal` undone."""
    return re.sub(rf"\*\*|{_JOINER}|\\(?=[{_MARKS}{_STARTS}])", "", markdown)


def signs(shape: tuple[int, int, int]) -> str:
    """The words for the colours of a perturbation of images of this shape (C,H,W)."""
    if shape[0] == 1:
        return "blue is darker, orange brighter"
    return "every channel by itself: grey is unchanged, a colour is where its channel was raised and the others were not"


def ball(settings: AttackSettings, shape: tuple[int, int, int]) -> str:
    """The set in which x' stays, for images of this shape (C,H,W), as LaTeX."""
    p = r"\infty" if settings.norm == "Linf" else "2"
    cube = rf"[0,1]^{{{math.prod(shape)}}}"
    return rf"\mathcal{{B}} = \{{x' \in {cube} : \lVert x' - x \rVert_{p} \le {written(settings.eps)}\}}"


def lowest(values: Sequence[float], most: int) -> list[int]:
    """The places of at most so many of the values, and never of all, that are lower than all others; in their order."""
    rising = sorted(range(len(values)), key=values.__getitem__)
    counts = [count for count in range(1, min(most + 1, len(values))) if values[rising[count - 1]] < values[rising[count]]]
    return sorted(rising[: max(counts, default=0)])
