"""Compute the stored runs that the app shows at once: python tools/build_showcase.py SYSTEM

SYSTEM is a system's name or a path to a checkpoint folder.
Run it again whenever the weights change. The data set must be on this machine.
"""

import sys

import aatviz
from aatviz.data import dataset
from aatviz.explore.attack_grid.run import build_comparison
from aatviz.explore.detector_records import store_sample_logits
from aatviz.explore.example_images import build_examples
from aatviz.explore.generation.run import build_generated, stored_settings
from aatviz.explore.generation.scores import build_scores
from aatviz.ui.lessons.catalogue import LESSONS
from aatviz.ui.lessons.showcase import build_lessons
from aatviz.ui.session.showcase import build_showcase


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    system = aatviz.load_system(sys.argv[1])
    if dataset(system.card.dataset).passed_on:
        taught = {aatviz.load_system(lesson.system).card.dataset for lesson in LESSONS if lesson.case and lesson.system}
        lessons = [build_lessons] if system.card.dataset in taught else []
        for build in (build_showcase, build_comparison, build_examples, *lessons, store_sample_logits):
            print(build(system))
    else:
        print("No runs on images of the data set: they may not be passed on.")
        print(build_showcase(system))
    for name in stored_settings(system):
        print(build_generated(system, name))
    print(build_scores(system))


if __name__ == "__main__":
    main()
