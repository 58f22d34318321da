"""What the Playground promises by its words is what was measured, and its bundled models are those of today's recipes."""

from aatviz.data import toy
from aatviz.explore.plane import bundled
from aatviz.runtime.files import read_json
from aatviz.ui.common import plane_results


def test_the_stored_result_says_what_the_page_promises() -> None:
    rows = {(row["points"], row["model"], row["recipe"]): row for row in read_json(plane_results.RESULT)["rows"]}
    small, paper = rows["moons", "shared", "plane-e50"], rows["moons", "shared", "plane"]
    anywhere = rows["moons", "shared", "plane-a50"]
    assert {row["seeds"] for row in (small, paper, anywhere)} == {5}
    assert sum(small["auc"]) / 5 >= 0.99
    assert sum(paper["far"]) / 5 >= 0.3
    assert sum(anywhere["auc"]) / 5 >= 0.98
    assert sum(anywhere["far"]) / 5 <= 0.06
    assert sum(anywhere["climbed"]) / 5 >= 0.9


def test_the_bundled_models_are_those_of_todays_recipes() -> None:
    for settings in bundled.SETTINGS:
        assert bundled.trained(bundled.POINTS, settings) is not None, settings.name
    assert bundled.trained(toy.Plane(seed=1), bundled.SETTINGS[0]) is None
