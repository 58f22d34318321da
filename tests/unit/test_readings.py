"""The error with its price on clean images, over eps, and what it would imply: by hand, and on shipped records."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from aatviz.evaluate.honest.verdict import total_error
from aatviz.metrics import share
from aatviz.report import readings
from aatviz.store.systems import load_system, systems
from aatviz.thresholds import curves

NOT = -math.inf


def test_an_image_counts_from_the_smallest_ball_on_in_which_it_is_an_error() -> None:
    natural = torch.tensor([True, False, False, False])
    fooled = torch.tensor([[False, True, False, False], [False, False, True, False]])
    found = total_error(natural, fooled)
    assert found.float().mean(1).tolist() == [0.25, 0.5, 0.75]  # the image that the larger ball's attack missed still counts


def by_hand(
    monkeypatch: pytest.MonkeyPatch, eps: float = 0.4, radii: tuple[float, ...] = (0.2, 0.4), **changed: float
) -> str:
    """Ten test images, of which five are attacked; T is 0 and rejects image 2. Image 4 is misclassified as it is; 0 is
    fooled in the ball of 0.2, by the sweep, and 6 by the strongest attack alone, at eps."""
    score = np.ones(10, dtype=np.float32)
    score[2] = -1.0
    right = np.ones(10, dtype=bool)
    right[4] = False
    sweep = np.full((5, 3), NOT, dtype=np.float32)
    sweep[0, 0], sweep[1, 2], sweep[3, 2] = 1.0, 1.0, 2.0
    attack, other = np.full((2, 5), NOT, dtype=np.float32)
    attack[0], attack[1], other[3] = 1.0, -0.5, 0.0
    arrays: dict[str, Any] = {}
    for victim in ("generative", "robust"):
        arrays |= {f"{victim}/natural.score": score, f"{victim}/natural.right": right, f"{victim}/sweep eps.scores": sweep}
        arrays |= {f"{victim}/natural.held_out": np.zeros(40, dtype=np.float32)}
        arrays |= {f"{victim}/one.scores": attack, f"{victim}/two.scores": other}
    for victim, value in changed.items():
        arrays[f"{victim}/one.scores"] = np.full_like(attack, value)
    at = [{"error": {"one": {}, "two": {}, "worst of all": {}}}]
    record = {
        "recipe": {"name": "honest"},
        "settings": {"eps": [{"eps": radius} for radius in (*radii, 1.0)]},
        "victims": {"generative": {"at": at}, "robust": {"at": at}},
    }
    monkeypatch.setattr(readings, "read_arrays", lambda _: arrays)
    monkeypatch.setattr(readings, "result_file", lambda *_: None)
    return readings.of_honest(SimpleNamespace(card=SimpleNamespace(eps=eps)), record)  # type: ignore[arg-type]


def test_the_readings_of_a_record_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    text = by_hand(monkeypatch)
    assert "| generative | 40% | 60% | 60% | 5 |" in text  # of images 0, 2, 4, 6, 8
    row = next(line for line in text.splitlines() if line.startswith("| generative | 40.0%"))
    assert "| 80.0%" in row
    assert "| at most 80.0% |" in row
    assert "| 40.0% (" in row  # the robust classifier rejects nothing: image 4, and 0 within 0.2, half of eps
    assert "n = 5) within 0.2 |" in row


def test_a_score_that_is_no_number_is_no_image_that_withstood(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"robust/one\.scores are no numbers"):
        by_hand(monkeypatch, robust=np.nan)


def test_the_robust_classifier_is_measured_on_both_sides_of_half_of_eps(monkeypatch: pytest.MonkeyPatch) -> None:
    text = by_hand(monkeypatch, 8 / 255, (0.0104, 0.021))  # as stored records have them, rounded
    row = next(line for line in text.splitlines() if line.startswith("| generative | 40.0%"))
    assert "| 40.0% (" in row
    assert ", n = 5) within 2.65/255, 40.0% (" in row
    assert ", n = 5) within 5.36/255 |" in row
    assert "| victim | eps 0 | eps 2.65/255 | eps 5.36/255 | n |" in text
    assert "its error within eps / 2 lies between them" in text


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("name", [name for name in systems() if not load_system(name).lacks("full_bank")])
def test_of_shipped_systems_the_errors_lie_between_those_that_make_them_up(name: str) -> None:
    system = load_system(name)
    record = curves.load(system)
    for victim in curves.JUDGES:
        decisions = getattr(record, victim)
        held_out = decisions.held_out.logit
        at = curves.at(decisions, readings.accepting(decisions.held_out, readings.REJECTION))
        assert share(held_out < at.threshold).value <= readings.REJECTION
        row = next(line for line in readings.of_curves(system).splitlines() if line.startswith(f"| {victim} |"))
        clean, attacked = (float(cell.split("%")[0]) / 100 for cell in row.split("|")[2:4])
        assert clean == pytest.approx(1 - at.accuracy.value, abs=0.03)  # a thousand images stand for all
        assert max(clean, at.error.value) - 1e-3 <= attacked <= clean + at.error.value + 1e-3
