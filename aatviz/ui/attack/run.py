"""The Attack page's request to the worker: one or two attacks on one image, followed step by step."""

from aatviz.explore import work
from aatviz.explore.attack_path import together_key
from aatviz.store.systems import System
from aatviz.ui.attack.controls import Choice
from aatviz.ui.own.picked import Sample, bundled
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Done, Request, Runs

runs = Runs("attack", "Attack")


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


def stored(system: System, sample: Sample | None) -> Done | None:
    """The stored run of the default settings, where there is one, and the image that it is about."""
    if sample is None or (showcase := caches.showcase(system)) is None:
        return None
    choice = Choice(
        picked=bundled(*sample, showcase.index), settings=showcase.traces[0].settings, compare=len(showcase.traces) > 1
    )
    return Done(system=system.name, choice=choice, value=showcase.traces)
