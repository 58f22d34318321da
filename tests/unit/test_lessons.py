"""The lessons: their answers follow from stored numbers whatever those are, and no lesson says what was not measured."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

import aatviz
from aatviz.explore.attack_grid.result import MODELS, CompareSettings, Comparison
from aatviz.explore.attack_path import Trace
from aatviz.explore.generation.result import Generated
from aatviz.explore.generation.run import RUBBISH
from aatviz.metrics import wilson
from aatviz.thresholds.curves import CurveRecord, Decided, Decisions
from aatviz.ui.lessons import answers as lesson_answers
from aatviz.ui.lessons import plane_answers
from aatviz.ui.lessons.answers import Facts, answer
from aatviz.ui.lessons.catalogue import BY_NAME, LESSONS
from aatviz.ui.lessons.lesson import THRESHOLD, Lesson

NAME = "mnist-linf-0.3-shared"


def made_up(lesson: Lesson, **logits: tuple[list[float], list[float]]) -> list[Trace]:
    """Traces of the lesson's attacks with these logits (K,), before and after."""
    assert lesson.case is not None
    still = torch.zeros(2, 10)
    image = torch.zeros(28, 28)
    parts = dict.fromkeys(("z_h", "z_f", "z_r"), still) | {name: torch.tensor(rows) for name, rows in logits.items()}
    return [
        Trace(
            settings=attack,
            y=lesson.case.digit,
            natural=image,
            images=torch.stack([image, image]),
            loss=torch.zeros(2),
            kept=1,
            restart=0,
            **parts,
        )
        for attack in lesson.case.attacks
    ]


def one_hot(k: int, height: float = 9.0) -> list[float]:
    return [height if i == k else -9.0 for i in range(10)]


@pytest.fixture
def facts(tiny_system_folder: Path) -> Facts:
    return Facts(system=aatviz.load_system(NAME), traces=[], record=None, comparison=None, generated=None)


def test_names_are_unique_and_every_lesson_has_an_answer() -> None:
    assert len(BY_NAME) == len(LESSONS)
    assert lesson_answers.ANSWERS.keys() | plane_answers.ANSWERS.keys() == BY_NAME.keys()
    for lesson in LESSONS:
        assert len(set(lesson.options)) == len(lesson.options) >= 2


@pytest.mark.parametrize("lesson", [one for one in LESSONS if not one.plane], ids=lambda lesson: lesson.name)
def test_what_was_not_measured_is_not_answered(lesson: Lesson, facts: Facts) -> None:
    assert answer(lesson, facts) is None


@pytest.mark.parametrize(("after", "option"), [(THRESHOLD + 0.5, 0), (THRESHOLD - 2.0, 1), (-8.9, 2)])
def test_where_a_detectors_logit_ends(after: float, option: int, facts: Facts) -> None:
    lesson = BY_NAME["fool-detector"]
    traces = made_up(lesson, z_h=(one_hot(3), one_hot(8, after)))
    found = answer(lesson, dataclasses.replace(facts, traces=traces))
    assert found is not None
    assert found.option == option
    assert dict(found.figures)["logit after"] == pytest.approx(after)
    assert f"from -9.0 to {after:.1f}" in found.why


@pytest.mark.parametrize(("after", "option"), [(1.0, 0), (-1.0, 1)])
def test_beyond_the_trained_radius(after: float, option: int, facts: Facts) -> None:
    lesson = BY_NAME["limits"]
    found = answer(lesson, dataclasses.replace(facts, traces=made_up(lesson, z_h=(one_hot(3), one_hot(8, after)))))
    assert found is not None
    assert found.option == option


@pytest.mark.parametrize(("natural", "robust", "option"), [(1, 1, 0), (1, 7, 1), (7, 1, 2), (7, 7, 3)])
def test_who_is_fooled(natural: int, robust: int, option: int, facts: Facts) -> None:
    lesson = BY_NAME["fool-classifier"]
    traces = made_up(lesson, z_f=(one_hot(7), one_hot(natural)), z_r=(one_hot(7), one_hot(robust)))
    found = answer(lesson, dataclasses.replace(facts, traces=traces))
    assert found is not None
    assert found.option == option
    assert f"natural classifier says {natural}, the robust one {robust}" in found.why


@pytest.mark.parametrize(("logit", "option", "word"), [(2.0, 0, "accepted"), (-2.0, 1, "rejected")])
def test_the_detector_of_the_wrong_class_has_the_last_word(logit: float, option: int, word: str, facts: Facts) -> None:
    lesson = BY_NAME["why-detect"]
    traces = made_up(lesson, z_f=(one_hot(2), one_hot(5)), z_h=(one_hot(2), one_hot(5, logit)))
    found = answer(lesson, dataclasses.replace(facts, traces=traces))
    assert found is not None
    assert found.option == option
    assert f"**{word}**" in found.why


def decided(logit: Tensor, right: bool) -> Decided:
    return Decided(logit=logit, label=torch.zeros(len(logit)).long(), right=torch.full((len(logit),), right))


@pytest.mark.parametrize(("lost", "option"), [(10, 0), (50, 1), (90, 2)])
def test_what_a_higher_t_keeps_out(lost: int, option: int, facts: Facts) -> None:
    """100 attacked images get past the T that rejects 1 % of the clean ones; `lost` of them do not get past the other T."""
    clean = torch.arange(100.0)
    attacked = torch.cat([torch.full((lost,), 2.0), torch.full((100 - lost,), 50.0)])
    decisions = Decisions(natural=decided(clean, True), perturbed=decided(attacked, False), held_out=decided(clean, True))
    share = wilson(1, 2)
    record = CurveRecord(
        generative=decisions, integrated=decisions, robust_accuracy=share, robust_error=share, recipe={"scenarios": {}}
    )
    found = answer(BY_NAME["choosing-t"], dataclasses.replace(facts, record=record))
    assert found is not None
    assert found.option == option
    assert f"100 were fooled and accepted, now {100 - lost}." in found.why


def generated(sure: dict[str, int]) -> Generated:
    """Ten results of each class, of which a model is sure of the first so many; the judge finds half of the targets."""
    targets = torch.arange(10)[:, None].expand(10, 10)
    column = torch.arange(10).expand(10, 10)
    natural = torch.zeros(10, 20)
    return Generated(
        settings=RUBBISH,
        paths={model: torch.zeros(2, 10, 10, 28, 28, dtype=torch.uint8) for model in MODELS},
        logits={model: torch.where(column < sure[model], 1.0, -1.0) for model in MODELS},
        noise_logits={model: torch.zeros(10, 10) for model in MODELS},
        natural_logits=dict.fromkeys(MODELS, natural),
        judged={model: torch.where(column < 5, targets, (targets + 1) % 10) for model in MODELS},
        judged_noise=targets,
    )


@pytest.mark.parametrize(
    ("sure", "option"), [((9, 9, 9), 0), ((1, 9, 9), 1), ((0, 1, 9), 2), ((0, 0, 0), 3), ((9, 0, 0), 4), ((9, 9, 0), 4)]
)
def test_who_is_sure_of_rubbish(sure: tuple[int, int, int], option: int, facts: Facts) -> None:
    made = generated(dict(zip(MODELS, sure, strict=True)))
    found = answer(BY_NAME["rubbish"], dataclasses.replace(facts, generated=made))
    assert found is not None
    assert found.option == option
    assert f"{10 * sure[0]} (generative classifier), {10 * sure[1]} (robust classifier)" in found.why
    assert found.why.count("50 (") >= 3


@pytest.mark.parametrize(("accepted", "option"), [(9, 0), (5, 1), (0, 2)])
def test_what_a_detector_says_to_images_made_against_the_robust_classifier(accepted: int, option: int, facts: Facts) -> None:
    """All 90 pairs fool the robust classifier; their detectors accept those of so many of the targets."""
    hits = torch.eye(10).expand(10, 10, 10) * 18 - 9
    z_h = torch.where((torch.arange(10) < accepted)[:, None] & (hits > 0), 1.0, -9.0)
    image = torch.zeros(10, 10, 28, 28)
    grid = Comparison(
        settings=CompareSettings(),
        index=torch.arange(10),
        y=torch.arange(10),
        natural=image[0],
        natural_logits={model: torch.zeros(10, 10) for model in MODELS},
        images={"generative": image, "robust": image},
        logits={model: {"generative": z_h, "robust": hits, "natural": hits} for model in ("generative", "robust")},
    )
    found = answer(BY_NAME["looks-like-target"], dataclasses.replace(facts, comparison=grid))
    assert found is not None
    assert found.option == option
    assert f"accepts {9 * accepted} of these 90" in found.why
