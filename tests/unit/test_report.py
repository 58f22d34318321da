"""The report: the paper's number, ours, the interval and the difference, from the records alone; and what is missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from aatviz.attacks.geometry import Norm
from aatviz.cli import app, evaluate
from aatviz.evaluate import stored
from aatviz.explore.generation.run import load_generated
from aatviz.metrics.format import means_of
from aatviz.recipes.evaluation import DetectorEvaluation, DistortionEvaluation, Evaluation, ThoroughEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.recipes.published import MNIST, PUBLISHED
from aatviz.report import orders, report, write_report
from aatviz.report.order import strongest
from aatviz.report.study import study
from aatviz.runtime.files import read_json, write_json
from aatviz.store.results import result_file, weights_hash
from aatviz.store.systems import System, load_system
from tools import front_tables
from tools.result_tables import tables

pytestmark = pytest.mark.slow

RECIPES = [recipe for threat in MNIST for recipe in evaluations("mnist", *threat).values()]


def cells(text: str, label: str) -> list[str]:
    """The cells of the first row that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_row_holds_the_papers_number_and_ours(measured_detectors: System) -> None:
    record = stored(measured_detectors, evaluations("mnist", "Linf", 0.3)["table-11"])
    assert record is not None
    (value,) = record["rows"][9]["last"].values()
    row = cells(report(measured_detectors), "k = 9, Adam 200 x 0.01")
    assert row[1:3] == ["0.99418", f"{value['value']:.5f}"]
    assert row[3] == f"{value['low']:.5f} to {value['high']:.5f}"
    assert row[4] == f"{value['value'] - 0.99418:+.5f}"
    assert row[5] == "6"
    assert "adam 2 x 0.1" in row[6]
    mean = cells(report(measured_detectors), "mean, Adam 200 x 0.01")
    assert mean[1:3] == ["0.99815", f"{record['mean']['last']['Adam 200 x 0.01']:.5f}"]
    whole = means_of(record)["last"]["Adam 200 x 0.01"]
    assert mean[3] == f"{whole['low']:.5f} to {whole['high']:.5f}"
    assert mean[5] == "60"


def test_the_order_of_the_attacks_is_that_of_their_errors() -> None:
    def scenario(victim: str, loss: str, eps: float) -> dict[str, object]:
        return {"victim": victim, "loss": loss, "attack": {"eps": eps}}

    scenarios = {
        "a": scenario("generative", "cw", 0.3),
        "b": scenario("generative", "detectors_max", 0.3),
        "c": scenario("generative", "detectors_max", 0.4),
        "d": scenario("integrated", "combined", 0.3),
        "e": scenario("integrated", "classifier_margin", 0.3),
        "r": scenario("robust", "classifier_margin", 0.3),
    }
    errors = {name: {"value": value} for name, value in zip("abcde", (0.01, 0.032, 0.5, 0.03, 0.0), strict=True)}
    assert orders({"recipe": {"scenarios": scenarios}, "at_tpr": {"error": errors}}) == [
        "Generative, eps 0.3, T at 0.95 TPR, strongest first: detectors alone (loss 10) 3.2%, Carlini-Wagner 1.0%.",
        "Integrated, eps 0.3, T at 0.95 TPR, strongest first: combined (loss 13) 3.0%, classifier alone (loss 9) 0.0%.",
    ]


def test_attacks_that_are_as_strong_as_each_other_are_all_counted() -> None:
    def errors(*values: float) -> dict[str, dict[str, float]]:
        return {name: {"value": value} for name, value in zip("abcd", values, strict=True)}

    assert strongest(errors(0.1, 0.3, 0.2, 0.0)) == "b"
    assert strongest(errors(0.1, 0.3, 0.2, 0.3)) == "b and d"
    assert strongest(errors(0.2, 0.3, 0.3, 0.3)) == "b and 2 others"
    assert strongest(errors(0.0, 0.0, 0.0, 0.0)) == "none"


def test_it_names_what_has_not_been_measured(measured_detectors: System) -> None:
    last = report(measured_detectors).splitlines()
    missing = next(line for line in last if line.startswith("Not measured"))
    assert "table-2" in missing
    assert "honest" in missing
    assert "table-11" not in missing


def test_it_is_written_into_the_systems_folder_and_printed(measured_detectors: System) -> None:
    path = write_report(measured_detectors)
    assert path.read_text(encoding="utf-8") == report(measured_detectors)
    path.unlink()
    result = CliRunner().invoke(app, ["report", measured_detectors.name])
    assert result.exit_code == 0
    assert "0.99418" in result.output
    assert path.exists()


def test_numbers_can_be_computed_again_from_the_scores_before(
    measured_detectors: System, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a change of the summing up needs: the record is put right, and the report with it."""
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    path = measured_detectors.folder / "results" / "table-11.json"
    kept = read_json(path)
    write_json(path, kept | {"mean": {}})
    result = CliRunner().invoke(app, ["report", measured_detectors.name, "--recompute"])
    assert result.exit_code == 0, result.output
    assert read_json(path) == kept
    assert "0.99418" in result.output


@pytest.mark.parametrize(("norm", "eps"), MNIST)
def test_each_threat_of_the_paper_has_its_tables_with_the_papers_numbers(norm: Norm, eps: float) -> None:
    found = evaluations("mnist", norm, eps)
    assert {"table-2", "table-8", "table-9", "worst-case", "curves", "honest"} <= found.keys()
    for name in ("table-2", "table-8", "table-9"):
        recipe = found[name]
        assert isinstance(recipe, DetectorEvaluation)
        assert recipe.detectors == (0, 1)
        assert recipe.paper.keys() == recipe.attacks.keys()
        assert all(len(values) == 2 for values in recipe.paper.values())
    trained = {(attack.norm, attack.eps) for attack in found["table-2"].attacks.values()}  # type: ignore[union-attr]
    assert trained == {(norm, eps)}
    crossed = {(attack.norm, attack.eps) for attack in found["table-9"].attacks.values()}  # type: ignore[union-attr]
    assert crossed == set(MNIST)
    own = found["table-9"].paper[f"{norm} {eps:g}"]  # type: ignore[union-attr]
    second = found["table-2"].paper["200 x 0.01" if norm == "Linf" else "200 x 0.1"]  # type: ignore[union-attr]
    assert own == pytest.approx(second, abs=1.1e-5)  # the paper rounds one of them differently in its two tables


def test_the_numbers_of_tables_3_10_and_12_are_the_papers() -> None:
    halves, l2 = evaluations("mnist", "Linf", 0.5), evaluations("mnist", "L2", 5.0)
    third = [evaluations("mnist", "Linf", eps)["table-3"] for eps in (0.3, 0.5)]
    assert all(isinstance(recipe, DistortionEvaluation) for recipe in third)
    assert [(r.paper, r.paper_rate, r.depth, r.steps, r.most_c) for r in third] == [  # type: ignore[union-attr]
        (3.80, 0.9962, 20, 500, 8.0),
        (4.47, 0.9936, 20, 500, 8.0),
    ]
    (twelve,) = halves["table-12"].paper.values()  # type: ignore[union-attr]
    assert sum(twelve) / 10 == pytest.approx(0.991351)
    assert [list(r["table-10"].paper.values()) for r in (halves, l2)] == [  # type: ignore[union-attr]
        [(0.99830,), (0.99776,)],
        [(0.99578,), (0.99501,)],
    ]
    restarts = [attack.restarts for attack in l2["table-10"].attacks.values()]  # type: ignore[union-attr]
    assert restarts == [1, 50]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_says_what_it_measures(recipe: Evaluation) -> None:
    assert recipe.about.endswith(".")
    assert recipe.count >= (100 if isinstance(recipe, ThoroughEvaluation) else 200)


def test_a_recipe_that_a_system_does_not_have_is_answered_with_those_it_has(tiny_system_folder: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", "mnist-linf-0.3-shared", "--recipe", "table-12"])
    assert result.exit_code != 0
    assert "trained for Linf eps 0.3, has no recipe 'table-12'; it has table-11" in str(result.exception)


def test_the_cost_is_told_before_anything_is_computed(
    tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    result = CliRunner().invoke(app, ["evaluate", "mnist-linf-0.3-shared", "--n", "10", "--cost"])
    assert result.exit_code == 0, result.output
    assert "table-2: 0.04 million passes through a network" in result.output
    assert "hours in all, 2 workers" in result.output
    assert not (tiny_system_folder / "mnist-linf-0.3-shared" / "results" / "parts").exists()


def test_more_workers_than_parts_shorten_no_estimate(
    tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    monkeypatch.setattr(evaluate, "seconds_per_pass", lambda *_: 1.0)
    told = [
        CliRunner().invoke(
            app, ["evaluate", "mnist-linf-0.3-shared", "--recipe", "table-11", "--cost", "--workers", str(workers)]
        )
        for workers in (5, 10, 1_000_000)  # for ten detectors
    ]
    five, ten, many = (int(result.output.split("about ")[1].split()[0]) for result in told)
    assert five == pytest.approx(2 * ten, abs=2)
    assert many == ten


@pytest.mark.weights
def test_shared_and_separate_banks_for_one_ball_stand_side_by_side() -> None:
    """The shipped ones: each row has a cell for both, and the numbers are those of their records and stored images."""
    systems = [load_system(name) for name in ("mnist-linf-0.3-shared", "mnist-linf-0.3")]
    text = study(systems[0])
    assert text == study(systems[1])
    assert cells(text, "networks in the bank")[1:] == ["1", "10"]
    means = [f"{system.card.metrics['table-11']['mean']['last']['Adam 200 x 0.01']:.5f} (" for system in systems]
    assert [cell[:9] for cell in cells(text, "table-11: mean AUC")[1:]] == means
    counts = [sum(row["worst"]["n"] for row in system.card.metrics["table-11"]["rows"]) for system in systems]
    assert cells(text, "table-11: n of the mean")[1:] == [f"{count:,}" for count in counts]
    drawn = cells(text, "images generated from class noise that the judge takes for the target (n = 100)")
    for cell, system in zip(drawn[1:], systems, strict=True):
        run = load_generated(system)
        assert run is not None
        assert cell.startswith(f"{float((run.judged['generative'] == torch.arange(10)[:, None]).float().mean()):.2f}")
    assert study(load_system("mnist-l2-2.5-shared")) == ""


def test_detectors_of_different_classes_do_not_stand_side_by_side(measured_detectors: System) -> None:
    separate = load_system("mnist-linf-0.3")
    record = read_json(result_file(measured_detectors, "table-11", "json")) | {"weights_hash": weights_hash(separate)}
    write_json(result_file(separate, "table-11", "json"), record)
    assert "table-11: k = 9" in study(separate)
    write_json(result_file(separate, "table-11", "json"), record | {"rows": record["rows"][:9]})
    assert "table-11" not in study(separate)
    assert "networks in the bank" in study(separate)


def test_what_was_measured_before_a_recipe_was_edited_is_in_no_table(
    measured_detectors: System, edit_recipe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    separate = load_system("mnist-linf-0.3")
    for name in ("table-11", "worst-case"):
        record = read_json(result_file(measured_detectors, name, "json"))
        write_json(result_file(separate, name, "json"), record | {"weights_hash": weights_hash(separate)})
    paper = ["shared, the paper's attack", "separate, the paper's attack"]
    worst = ["shared, worst case", "separate, worst case"]
    assert cells(tables(), "detector") == ["detector", "paper", *paper, *worst]
    assert cells(tables(), "n of the mean") == ["n of the mean", "", "60", "60", "60", "60"]
    assert "Not the paper's system" not in tables()
    threat = separate.card.threat
    with monkeypatch.context() as patch:
        patch.setitem(PUBLISHED, threat, replace(PUBLISHED[threat], setting="ten wide networks"))
        assert "Not the paper's system: its numbers are those of ten wide networks; here it is" in tables()
    assert "table-11: mean AUC" in study(separate)
    edit_recipe("table-11")
    assert cells(tables(), "detector") == ["detector", "paper", *worst]
    assert "table-11: mean AUC" not in study(separate)
    assert "worst-case: mean AUC" in study(separate)


def test_the_readme_counts_what_a_small_push_gets_rejected_beside_what_is_an_error_anyway(
    measured_detectors: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the total error of so many images as were attacked, not what the push alone does."""
    errors = [{"value": value, "low": 0.0, "high": 1.0, "n": 7} for value in (0.1, 0.6, 0.9)]
    record = {"radii": [0.0, 0.1, 1.0], "recipe": {"count": 987}}
    record |= {"victims": {victim: [{"rejected": errors}] for victim in ("generative", "robust")}}
    monkeypatch.setattr(front_tables, "stored", lambda _, recipe, least: record if recipe.name == "thorough" else None)
    found = stored(measured_detectors, evaluations("mnist", "Linf", 0.3)["table-11"], least=1)
    monkeypatch.setattr(front_tables, "_measured", lambda: [(measured_detectors, found)] * 2)
    text, both = " ".join(front_tables.results().split()), ", ".join(["60% of 7 digits of MNIST (robust 60%)"] * 2)
    assert f"Brackets: 95 %. Fooled, or *rejected* within 0.1 of the ball: {both}." in text
    assert "987" not in text
