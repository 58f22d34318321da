"""Bank and robust classifier side by side; and what every kind of evaluation has: a section, and words for what lacks."""

import dataclasses
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from aatviz.attacks.victims import Victim
from aatviz.cli import app
from aatviz.evaluate import engine, evenly, finish, lacks, parts, refresh, run_part
from aatviz.evaluate.engine import KINDS, apart
from aatviz.recipes.evaluation import SideBySideEvaluation
from aatviz.recipes.paper import SIDE_BY_SIDE, evaluations
from aatviz.recipes.published import PUBLISHED, Published, published
from aatviz.report.sections import SECTIONS, report
from aatviz.runtime.files import read_arrays, read_json, write_json
from aatviz.store.results import result_file
from aatviz.store.systems import Lacking, System, load_system

pytestmark = pytest.mark.slow

COUNT = 6
_found = evaluations("fashion-mnist", "Linf", 0.1)[SIDE_BY_SIDE]
assert isinstance(_found, SideBySideEvaluation)
RECIPE = dataclasses.replace(
    _found,
    count=COUNT,
    held_out="test",
    scenarios={
        name: dataclasses.replace(scenario, attack=dataclasses.replace(scenario.attack, steps=2, restarts=1))
        for name, scenario in _found.scenarios.items()
    },
)


@pytest.fixture
def system(tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    return load_system("mnist-linf-0.3-shared")


def test_the_worst_attack_of_each_image_counts_and_the_image_itself_is_one(system: System) -> None:
    for part in parts(system, RECIPE):
        run_part(system, RECIPE, part)
    record = finish(system, RECIPE)
    scores = {key: torch.from_numpy(array) for key, array in read_arrays(result_file(system, RECIPE.name, "npz")).items()}
    y = scores["natural.y"]
    for name in ("generative", "robust"):
        victim, model = Victim(name=name, system=system), "h" if name == "generative" else "r"

        def judged(part: str, victim: Victim = victim, model: str = model) -> tuple[torch.Tensor, torch.Tensor]:
            return victim.decide({model: scores[f"{part}.z_{model}"]})

        label, score = judged("natural")
        for row in record["victims"][name]:
            threshold = -torch.inf if row["threshold"] is None else row["threshold"]
            fooled = evenly((label != y) & (score >= threshold), COUNT)
            for key, scenario in RECIPE.scenarios.items():
                if scenario.victim == name:
                    z, of = judged(key)
                    alone = (z != evenly(y, COUNT)) & (of >= threshold)
                    assert row["alone"][key]["value"] == pytest.approx(float(alone.float().mean()))
                    fooled |= alone
            assert row["error"]["value"] == pytest.approx(float(fooled.float().mean()))
            assert row["error"]["n"] == COUNT
            accepted = (label == y) & (score >= threshold)
            assert row["accuracy"]["value"] == pytest.approx(float(accepted.float().mean()))
        second = record["victims"][name][1]
        assert (score < second["threshold"]).float().mean() <= RECIPE.clean_rejection
    assert refresh(system, RECIPE, record) == record


def test_logits_that_are_not_numbers_are_an_error_and_not_robust(system: System) -> None:
    found = {
        part: {"y": torch.zeros(2), "z_h": torch.zeros(2, 10), "z_r": torch.zeros(2, 10)} for part in parts(system, RECIPE)
    }
    arrays = {part: {key: value.numpy() for key, value in scores.items()} for part, scores in found.items()}
    arrays[next(iter(RECIPE.scenarios))]["z_h"][0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        engine.kind_of(RECIPE).summary(system, RECIPE, arrays)


def test_every_kind_has_a_section_of_the_report() -> None:
    assert {kind.name for kind in KINDS.values()} == SECTIONS.keys()


def test_scores_go_to_the_part_that_they_are_named_after() -> None:
    names = ["cw, 0", "cw, 0.5", "natural"]
    arrays = dict.fromkeys(["cw, 0.z", "cw, 0.5.z", "natural.best Adam x 0.1", "of.nothing"], torch.zeros(1).numpy())
    found = apart(arrays, names)
    assert {part: list(scores) for part, scores in found.items()} == {
        "cw, 0": ["z"],
        "cw, 0.5": ["z"],
        "natural": ["best Adam x 0.1"],
    }
    with pytest.raises(ValueError, match="hold none of more"):
        apart(arrays, [*names, "more"])


def test_what_a_system_lacks_is_said_and_its_evaluations_are_left_out(system: System) -> None:
    file = system.folder / "card.json"
    card = read_json(file)
    files = {key: path for key, path in card["files"].items() if key != "robust"}
    write_json(file, card | {"files": files, "schema": 2})
    alone = load_system(system.folder)
    recipes = evaluations("mnist", "Linf", 0.3)
    why = lacks(alone, recipes["honest"])
    assert why.startswith("The evaluation honest needs a robust classifier; the system mnist-linf-0.3-shared has no")
    assert not lacks(alone, recipes["table-11"])
    assert why in report(alone)
    with pytest.raises(Lacking, match="The evaluation curves needs a robust classifier"):
        parts(alone, recipes["curves"])
    result = CliRunner().invoke(app, ["evaluate", str(system.folder), "--recipe", "honest"])
    assert "needs a robust classifier" in str(result.exception)
    result = CliRunner().invoke(app, ["evaluate", str(system.folder), "--n", "4", "--cost"])
    assert result.exit_code == 0, result.output
    assert f"Left out: {why}" in result.output
    assert "table-11" in result.output


@pytest.mark.parametrize(("dataset", "norm", "eps"), [("fashion-mnist", "Linf", 0.3), ("mnist-sample", "L2", 2.5)])
def test_no_data_set_meets_the_numbers_of_another(dataset: str, norm: str, eps: float) -> None:
    """In balls that the paper has numbers for on MNIST."""
    assert published(dataset, norm, eps) == Published()  # type: ignore[arg-type]
    assert published("mnist", norm, eps) != Published()  # type: ignore[arg-type]
    found = evaluations(dataset, norm, eps)  # type: ignore[arg-type]
    assert found.keys() == {"detectors", "worst-case", "curves", SIDE_BY_SIDE, "real-images", "honest", "thorough"}
    assert not any(getattr(recipe, "paper", None) for recipe in found.values())
    assert {threat[0] for threat in PUBLISHED} == {"mnist", "cifar10", "restricted-imagenet", "restricted-tiny-imagenet"}


def test_the_evaluations_of_fashion_mnist() -> None:
    found = evaluations("fashion-mnist", "Linf", 0.1)
    ((words, attack),) = found["detectors"].attacks.items()  # type: ignore[union-attr]
    assert (words, attack.steps, attack.step_size, attack.eps, attack.keep) == ("Adam 200 x 0.005", 200, 0.005, 0.1, "last")
    assert found["detectors"].count == 9000  # all that are not of the class
    hard = [scenario.attack for scenario in _found.scenarios.values()]
    assert {one.optimizer for one in hard} == {"adam", "momentum", "steepest"}
    assert all((one.restarts, one.random_start, one.keep, one.eps) == (3, False, "best", 0.1) for one in hard)
    assert {scenario.victim for scenario in _found.scenarios.values()} == {"generative", "robust"}


def test_a_bank_is_measured_on_its_own_classes_and_many_classes_share_the_images() -> None:
    (dog,) = (evaluations("pets", "Linf", 8 / 255, (1,))[name] for name in ("detectors",))
    assert dog.detectors == (1,)  # type: ignore[union-attr]
    many = evaluations("pets", "Linf", 8 / 255, tuple(range(200)))
    assert (many["detectors"].count, many["worst-case"].count) == (450, 50)
    assert "table-2" not in evaluations("mnist", "Linf", 0.3, (3,))


def test_a_bank_of_some_digits_meets_the_papers_numbers_of_those_digits() -> None:
    recipe = evaluations("mnist", "Linf", 0.3, (3, 9))["table-11"]
    assert recipe.paper == {"Adam 200 x 0.01": (0.99861, 0.99418)}  # type: ignore[union-attr]
