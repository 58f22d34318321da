"""The recipe of a budget, for any data set: `aatviz train budget:minutes=5 --dataset pets`.

Its name carries its settings, in any order, each with a default: "budget:minutes=5,size=small,norm=Linf,eps=8/255". Minutes
are those of one processor core. Before anything is trained they become steps (`aatviz.train.budget` measures a few): with
"budget:steps=900,..." the same networks come out again, on any machine as fast as it is.
"""

import dataclasses
import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from aatviz.attacks.geometry import Norm
from aatviz.data import Dataset
from aatviz.data.spec import number, written
from aatviz.recipes.cifar10 import SGD
from aatviz.recipes.spec import AttackSpec, Job, Recipe

WORD = "budget"
Size = Literal["tiny", "small", "large"]
SIZES: dict[Size, dict[str, Any]] = {
    "tiny": {"network": "mlp", "arch": (("widths", (128, 128)),)},
    "small": {"network": "preact", "arch": (("widths", (8, 24, 48, 96)),)},
    "large": {"network": "preact", "arch": (("widths", (24, 48, 96, 192)),)},
}
"""The networks of the classifiers and the bank."""
JUDGES: dict[Size, dict[str, Any]] = {
    "tiny": {"network": "mlp", "arch": (("widths", (96,)),)},
    "small": {"network": "pooled", "arch": (("widths", (16, 32, 48)), ("stem", 8))},
    "large": {"network": "pooled", "arch": (("widths", (32, 64, 96)), ("stem", 16))},
}
"""Of another architecture, or at least another width, than the networks that they judge."""
MOST_MINUTES, MOST_STEPS = 24 * 60.0, 1_000_000
LEAST_STEPS = 10
MOST_EVALUATIONS = 100
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The settings in a recipe's name. ValueError for impossible ones."""

    minutes: float = 5.0
    """Of one core, for all networks together. Of no account where `steps` are given."""
    steps: int = 0
    """Updates of each network; 0: as many as the minutes allow."""
    evaluations: int = 6
    """Of each network, evenly spread; where minutes are given they may become fewer."""
    size: Size = "small"
    norm: Norm | Literal[""] = ""
    """Empty: that of the data set's first threat."""
    eps: str = ""
    """As the field writes it, "8/255"; empty: the data set's first radius in this norm."""
    name: str = ""
    """Of the system; empty: data set and size."""

    def __post_init__(self) -> None:
        if not 0 < self.minutes <= MOST_MINUTES or not (self.steps == 0 or LEAST_STEPS <= self.steps <= MOST_STEPS):
            raise ValueError(
                f"A budget has more than 0 and at most {MOST_MINUTES:g} minutes, or {LEAST_STEPS} to {MOST_STEPS} steps; "
                f"got minutes={self.minutes:g}, steps={self.steps}."
            )
        if not 1 <= self.evaluations <= MOST_EVALUATIONS:
            raise ValueError(f"evaluations are 1 to {MOST_EVALUATIONS}; got {self.evaluations}.")
        for name, value, known in (("size", self.size, get_args(Size)), ("norm", self.norm, ("", *get_args(Norm)))):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(filter(None, known))}; got {value[:40]!r}.")
        if self.eps and not 0 < number(self.eps) <= (1 if self.norm != "L2" else math.inf):
            raise ValueError(f"eps is above 0, on the [0,1] scale, such as 8/255; got {self.eps[:40]!r}.")
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(f"A system's name has small letters, digits, dots and dashes; got {self.name[:60]!r}.")


def read(text: str) -> Budget:
    """The settings in a recipe's name. ValueError for a setting that does not exist, or is impossible."""
    word, _, settings = text.partition(":")
    kinds: dict[str, Any] = {field.name: type(field.default) for field in dataclasses.fields(Budget)}
    given: dict[str, Any] = {}
    for pair in filter(None, settings.split(",")):
        key, equals, value = pair.partition("=")
        if word != WORD or key not in kinds or not equals:
            raise ValueError(f"A budget's settings are {', '.join(f'{kind}=' for kind in kinds)}; got {pair[:60]!r}.")
        try:
            given[key] = kinds[key](value)
        except ValueError:
            raise ValueError(f"{key} is a number; got {value[:40]!r}.") from None
    return Budget(**given)


def write(settings: Budget) -> str:
    """The recipe's name with these settings, those at their defaults left out; `read` reads it back."""
    given = {field.name: (getattr(settings, field.name), field.default) for field in dataclasses.fields(Budget)}
    if settings.steps:
        del given["minutes"]
    changed = {key: value for key, (value, usual) in given.items() if value != usual}
    pairs = [f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in changed.items()]
    return f"{WORD}:{','.join(pairs)}" if pairs else WORD


def threat(settings: Budget, of: Dataset) -> tuple[Norm, float]:
    """Norm and eps, where the settings leave them to the data set too."""
    norm = settings.norm or of.threats[0].norm
    if settings.eps:
        return norm, number(settings.eps)
    usual = [number(one.eps) for one in of.threats if one.norm == norm]
    return norm, usual[0] if usual else (8 / 255 if norm == "Linf" else 0.5)


def budget(settings: Budget, of: Dataset) -> Recipe:
    """A natural classifier, a robust one, a shared bank that is finetuned from it, and a judge, of as many steps each as the
    settings say; `LEAST_STEPS` where they say minutes."""
    norm, eps = threat(settings, of)
    steps = settings.steps or LEAST_STEPS
    inner = AttackSpec(norm=norm, eps=eps, step_size=eps / 3, steps=6, optimizer="momentum", random_start=True)
    strong = replace(inner, step_size=eps / 5, steps=10, random_start=False, keep="best")
    common: dict[str, Any] = {
        "outputs": len(of.classes),
        "steps": steps,
        "batch": min(64, max(of.splits["train"].count // 2, 2)),
        "evaluations": min(settings.evaluations, steps),
        "validation_attack": strong,
        "validation_count": max(min(40, 160 // len(of.classes)), 4),
        "average": 0.99,
        "shift": of.movement.shift,
        "flip": of.movement.flip,
        "border": "reflect" if of.shape[0] == 3 else "black",
    }
    tiny = settings.size == "tiny"
    learns = {"learning_rate": 2e-3} if tiny else {"learning_rate": 0.05, "warmup": 0.15, **SGD}
    finetunes = {"learning_rate": 2e-3} if tiny else {"learning_rate": 0.02, "warmup": 0.05, **SGD | {"weight_decay": 2e-4}}
    network = SIZES[settings.size]
    classifier = Job(name="classifier", method="natural", seed=100, **network, **common, **learns)
    robust = Job(
        name="robust",
        method="madry",
        attack=replace(inner, step_size=0.5 * eps, steps=3),
        ramp=0.6,
        seed=101,
        **network,
        **common,
        **learns,
    )
    shared = Job(
        name="shared",
        method="aat_shared",
        attack=inner,
        mixed_eps=0.25,
        start_from="robust.safetensors",
        seed=200,
        **network,
        **common,
        **finetunes,
    )
    judge = replace(classifier, name="judge", seed=300, evaluations=1, **JUDGES[settings.size])
    name = settings.name or f"{re.sub(r'[^a-z0-9.-]+', '-', of.name)[:44]}-{settings.size}"
    return Recipe(
        name=write(replace(settings, steps=steps, norm=norm, eps=settings.eps or written(eps))),
        system=name,
        dataset=of.name,
        norm=norm,
        eps=eps,
        about=f"Trained within a budget: {steps} steps of each network, against {norm} {written(eps)}.",
        jobs=(classifier, robust, shared, judge),
    )
