"""The Attack page's runs: one or two attacks on one image, followed step by step; and the stored one."""

from aatviz.data.own_image.link_text import to_pixels
from aatviz.store.systems import System
from aatviz.ui.own.attacked import Choice
from aatviz.ui.own.picked import Picked, Sample, bundled
from aatviz.ui.session import caches
from aatviz.ui.session.runs import Done, Runs
from aatviz.ui.session.showcase import EXAMPLE

runs = Runs("attack", "Attack")


def stored(system: System, sample: Sample | None) -> Done | None:
    """The stored run of the default settings, where there is one, and the image that it is about."""
    showcase = caches.showcase(system)
    if showcase is None or (sample is None and showcase.index != EXAMPLE):
        return None
    first = showcase.traces[0]
    if sample is None or showcase.index == EXAMPLE:
        channels, height, width = first.natural.shape
        shape = (channels, height, width)
        image = Picked(pixels=to_pixels(first.natural, shape), shape=shape, label=first.y)
    else:
        image = bundled(*sample, showcase.index)
    choice = Choice(picked=image, settings=first.settings, compare=len(showcase.traces) > 1)
    return Done(system=system.name, choice=choice, value=showcase.traces)
