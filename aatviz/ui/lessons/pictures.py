"""The small pictures of a lesson, from stored results."""

from functools import lru_cache

from PIL import Image
from torch import Tensor

from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.attack_path import Trace
from aatviz.explore.plane import bundled, live, measures
from aatviz.explore.plane.live import ModelName, Piece
from aatviz.recipes.plane import PlaneSettings
from aatviz.ui.common import plane_map, takeaway
from aatviz.ui.common.pictures import enlarged, side_by_side
from aatviz.ui.common.words import VICTIMS
from aatviz.ui.lessons.answers import Facts
from aatviz.ui.lessons.lesson import Lesson

Picture = tuple[str, Image.Image]
"""A caption, and an image of 280 to 300 screen pixels, to be shown at half that size."""


def pictures(lesson: Lesson, facts: Facts, revealed: bool) -> list[Picture]:
    """The pictures to show; before the answer is revealed, only those that do not give it away."""
    return [(caption, enlarged(image, 10)) for caption, image in _images(lesson, facts, revealed)]


def maps(lesson: Lesson) -> list[Picture]:
    """For a lesson on the Playground: the maps of the first class that are compared, as far as their models are bundled."""
    if lesson.plane is None:
        return []
    found: list[tuple[str, ModelName, PlaneSettings]]
    if len(lesson.plane.settings) == 1:
        (one,) = lesson.plane.settings
        found = [("Natural classifier", "classifier", one), ("AAT detectors", "detectors", one)]
    else:
        found = [
            (f"Detectors, ε = {one.eps:g}, {one.anywhere:.0%} from anywhere", "detectors", one)
            for one in lesson.plane.settings
        ]
    drawn = [(caption, _map(model, settings)) for caption, model, settings in found]
    return [(caption, picture) for caption, picture in drawn if picture is not None]


@lru_cache(maxsize=8)
def _map(model: ModelName, settings: PlaneSettings) -> Image.Image | None:
    """The map of a bundled model's first logit; None where it is not bundled."""
    trained = bundled.trained(bundled.POINTS, settings)
    if trained is None:
        return None
    piece = Piece(points=bundled.POINTS, settings=settings, model=model, state=trained[model][0])
    network, (x, y) = live.network_of(piece), live.train_points(bundled.POINTS)
    level = float(measures.usual_thresholds(network, x, y)[0])
    landscape = measures.landscape(network, live.SIDE)[0]
    return plane_map.drawn(landscape, level, x[: plane_map.SHOWN].flatten(1), y[: plane_map.SHOWN].tolist(), 0).picture()


def _images(lesson: Lesson, facts: Facts, revealed: bool) -> list[tuple[str, Tensor]]:
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
    """The pictures side by side as one."""
    return takeaway.png(side_by_side([image for _, image in shown]))
