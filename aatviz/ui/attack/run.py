"""The Attack page's runs: one or two attacks on one image, followed step by step; and the stored one."""

from aatviz.store.systems import System
from aatviz.ui.own.attacked import Choice
from aatviz.ui.own.picked import Sample, bundled
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Done, Runs

runs = Runs("attack", "Attack")


def stored(system: System, sample: Sample | None) -> Done | None:
    """The stored run of the default settings, where there is one, and the image that it is about."""
    if sample is None or (showcase := caches.showcase(system)) is None:
        return None
    choice = Choice(
        picked=bundled(*sample, showcase.index), settings=showcase.traces[0].settings, compare=len(showcase.traces) > 1
    )
    return Done(system=system.name, choice=choice, value=showcase.traces)
