"""A lesson as data: words, one equation, a question to answer first, and the settings of the page for the exercise."""

from dataclasses import dataclass, field

from aatviz.attacks.settings import AttackSettings
from aatviz.explore.plane import bundled, measures
from aatviz.recipes.plane import PlaneSettings

OWN = "own"
"""The name, in the URL, of an exercise that a teacher has made."""
THRESHOLD = 0.0
"""T where a lesson's link sets it."""


@dataclass(frozen=True, kw_only=True)
class AttackCase:
    """An attack on the Attack page whose result is stored, so that a lesson can tell how it ends."""

    digit: int
    nth: int
    """Which digit of that class in the bundled sample, from 0."""
    settings: AttackSettings
    compare: bool = False
    """Whether the same attack is also run on the robust classifier."""

    @property
    def attacks(self) -> list[AttackSettings]:
        """The attacks to run, the victim's first."""
        return [self.settings, self.settings.against("robust")] if self.compare else [self.settings]

    @property
    def link(self) -> dict[str, str]:
        """The query parameters of the Attack page for this attack."""
        s = self.settings
        goal = {} if s.detector is not None else {"goal": "untargeted" if s.target is None else "targeted"}
        optional = {"detector": s.detector, "target": s.target}
        return {
            "pick": "class",
            "digit": str(self.digit),
            "nth": str(self.nth),
            "victim": s.victim,
            "compare": str(int(self.compare)),
            **goal,
            **({"loss": s.loss} if goal.get("goal") == "untargeted" else {}),
            **{name: str(value) for name, value in optional.items() if value is not None},
            "norm": s.norm,
            "eps": f"{s.eps:g}",
            "steps": str(s.steps),
            "step_size": f"{s.step_size:g}",
            "optimizer": s.optimizer,
            "random_start": str(int(s.random_start)),
            "restarts": str(s.restarts),
            "seed": str(s.seed),
            "T": f"{THRESHOLD:g}",
        }


@dataclass(frozen=True, kw_only=True)
class PlaneCase:
    """Models of the plane whose figures are stored, so that a lesson can quote them: bundled points, and the settings that
    are compared, the exercise's first."""

    settings: tuple[PlaneSettings, ...]

    @property
    def link(self) -> dict[str, str]:
        """The query parameters of the Playground for the first settings."""
        points, s = bundled.POINTS, self.settings[0]
        return {
            "points": points.kind,
            "seed": str(s.seed),
            "noise": "100",
            "anywhere": f"{100 * s.anywhere:g}",
            "eps": f"{s.eps:g}",
            "inner": str(s.inner_steps),
            "step": f"{s.step:g}",
            "width": str(s.width),
            "depth": str(s.depth),
            "bank": s.bank,
            "share": f"{100 * measures.SHARE:g}",
        }


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One step of the Learn page. Never rename one: other people's links contain the names."""

    name: str
    title: str
    text: str
    """Two or three sentences, Markdown."""
    equation: str
    """LaTeX, on two short lines where it is long: it has to fit a phone."""
    page: str
    """The page of the exercise, by its key in `aatviz.ui.lessons.links.PAGES`."""
    task: str
    """What to do there, Markdown."""
    question: str
    options: tuple[str, ...]
    system: str | None = "mnist-linf-0.3-shared"
    """The system that the lesson is written for; None for one about points of the plane."""
    case: AttackCase | None = None
    """For an exercise on the Attack page: the attack that the question is about."""
    plane: PlaneCase | None = None
    """For an exercise on the Playground: the models that the question is about."""
    settings: dict[str, str] = field(default_factory=dict)
    """The page's settings as query parameters; with a case, only those that differ from it at the start."""
    lock: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()

    @property
    def link(self) -> dict[str, str]:
        """The query parameters that set the page up, with this lesson's banner, its locks and what it hides."""
        case = self.case or self.plane
        settings = (case.link if case else {}) | self.settings
        lists = {"lock": ",".join(self.lock), "hide": ",".join(self.hide)}
        return settings | {"lesson": self.name} | {name: text for name, text in lists.items() if text}
