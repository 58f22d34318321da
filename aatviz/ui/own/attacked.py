"""An attack that a page's visitor has chosen, on one image, and the request to the worker for its steps."""

from dataclasses import dataclass

from aatviz.attacks.settings import AttackSettings
from aatviz.explore import work
from aatviz.explore.attack_path import together_key
from aatviz.store.systems import System
from aatviz.ui.own.picked import Picked
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Request


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The visitor's choice: an image, the attack on it, and whether the robust classifier is attacked as well."""

    picked: Picked
    settings: AttackSettings
    compare: bool

    @property
    def attacks(self) -> list[AttackSettings]:
        """The attacks to run, the chosen victim's first."""
        return [self.settings, self.settings.against("robust")] if self.compare else [self.settings]


def request(system: System, choice: Choice) -> Request:
    """The attacks of this choice on its image."""
    keys = tuple(together_key(system, attack) for attack in choice.attacks)
    count = len(choice.attacks) * choice.settings.restarts
    steps = f"{choice.settings.steps} steps"
    return Request(
        system=system,
        choice=choice,
        function=work.attack_paths,
        argument=work.AttackRun(choice.attacks, choice.picked.image, choice.picked.label),
        together=None if None in keys else keys,
        total=sum((attack.steps + 1) * attack.restarts for attack in choice.attacks),
        seconds=lambda: caches.estimate_seconds(system, choice.attacks),
        steps=f"{count} times {steps}" if count > 1 else steps,
    )
