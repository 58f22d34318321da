"""The Retouch page's request to the worker: the attack on one detector, and the robust classifier's beside it."""

from aatviz.explore import work
from aatviz.explore.attack_path import together_key
from aatviz.store.systems import System
from aatviz.ui.retouch.controls import Choice
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Request, Runs

runs = Runs("retouch", "Retouch", ":material/brush:")


def request(system: System, choice: Choice) -> Request:
    """The steps of this choice on its image."""
    keys = tuple(together_key(system, attack) for attack in choice.attacks)
    count, steps = len(choice.attacks), f"{choice.settings.steps} steps"
    return Request(
        system=system,
        choice=choice,
        function=work.attack_paths,
        argument=work.AttackRun(choice.attacks, choice.picked.image, choice.picked.label),
        together=None if None in keys else keys,
        total=sum(attack.steps + 1 for attack in choice.attacks),
        seconds=lambda: caches.estimate_seconds(system, choice.attacks),
        steps=f"{count} times {steps}" if count > 1 else steps,
    )
