"""The settings of every page, by its path: the link of a lesson or of a teacher can set, lock and hide them."""

from collections.abc import Callable

from aatviz.explore import detector_records
from aatviz.store.systems import System
from aatviz.ui.attack import controls as attack_controls
from aatviz.ui.common.url import UrlState
from aatviz.ui.compare import controls as compare_controls
from aatviz.ui.detectors import view as detector_view
from aatviz.ui.generate import controls as generate_controls
from aatviz.ui.overview import card as overview_card
from aatviz.ui.playground import controls as playground_controls
from aatviz.ui.retouch import controls as retouch_controls
from aatviz.ui.robustness import view as robustness_view
from aatviz.ui.thresholds import detection as threshold_detection
from aatviz.ui.thresholds import state as threshold_state
from aatviz.ui.thresholds.data import threshold_view
from aatviz.ui.train import options as train_options


def _thresholds(system: System) -> UrlState:
    if system.lacks("full_bank"):
        return threshold_detection.url_state(system, detector_records.load(system))
    return threshold_state.url_state(system.name, threshold_view(system))


STATES: dict[str, Callable[[System], UrlState]] = {
    "overview": lambda _: overview_card.state,
    "attack": lambda _: attack_controls.state,
    "compare": lambda _: compare_controls.state,
    "generate": lambda _: generate_controls.state,
    "retouch": lambda _: retouch_controls.state,
    "thresholds": _thresholds,
    "detectors": lambda _: detector_view.state,
    "robustness": lambda _: robustness_view.state,
    "playground": lambda _: playground_controls.state,
    "train": lambda _: train_options.state,
}
"""The functions may raise FileNotFoundError or ValueError where their page has nothing to show for a system."""
