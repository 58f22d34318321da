"""From a system to a result record: parts that resume, a record that knows its weights, and numbers computed again."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aatviz.data import load_data
from aatviz.evaluate import attacking, detectors, engine, evenly, finish, parts, run_part, stored
from aatviz.recipes.evaluation import DetectorEvaluation, SystemEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.runtime.files import read_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system
from aatviz.store.weights import load_network, read_note, save_network
from tests.changed_systems import described_again

pytestmark = pytest.mark.slow

COUNT = 4
_worst, _curves = evaluations("mnist", "Linf", 0.3)["worst-case"], evaluations("mnist", "Linf", 0.3)["curves"]
assert isinstance(_worst, DetectorEvaluation)
assert isinstance(_curves, SystemEvaluation)
KEEP = dict(zip(_worst.attacks, ("last", "best", "best"), strict=True))
WORST = dataclasses.replace(
    _worst,
    count=COUNT,
    attacks={
        name: dataclasses.replace(spec, steps=2, step_size=0.1, restarts=2, keep=KEEP[name])  # type: ignore[arg-type]
        for name, spec in _worst.attacks.items()
    },
)
CURVES = dataclasses.replace(
    _curves,
    count=COUNT,
    held_out="test",
    scenarios={
        name: dataclasses.replace(scenario, attack=dataclasses.replace(scenario.attack, steps=2, step_size=0.1))
        for name, scenario in _curves.scenarios.items()
    },
)


@pytest.fixture
def system(tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    return load_system("mnist-linf-0.3-shared")


def run(system: System, evaluation: Any) -> dict[str, Any]:
    for part in parts(system, evaluation):
        run_part(system, evaluation, part, bf16=False)
    return finish(system, evaluation)


def brute_force_auc(positive: Tensor, negative: Tensor) -> float:
    difference = positive[:, None].double() - negative[None].double()
    return float((difference > 0).double().mean() + (difference == 0).double().mean() / 2)


def scores(system: System, name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(array) for key, array in read_arrays(result_file(system, name, "npz")).items()}


@pytest.mark.slow
def test_the_auc_of_every_detector_equals_a_direct_computation(system: System) -> None:
    record = run(system, WORST)
    x, y = load_data("mnist", split="test")
    z = system.detectors(x)
    kept = scores(system, WORST.name)
    assert [row["detector"] for row in record["rows"]] == list(range(10))
    for k, row in enumerate(record["rows"]):
        positive, negative = z[y == k, k], z[y != k, k]
        assert row["natural"]["value"] == pytest.approx(brute_force_auc(positive, negative), abs=1e-6)
        assert row["natural"]["n"] == int((y != k).sum())
        best = {name: kept[f"detector-{k}.best {name}"] for name in WORST.attacks}
        for name, logits in best.items():
            assert len(logits) == COUNT
            assert row["best"][name]["value"] == pytest.approx(brute_force_auc(positive, logits), abs=1e-6)
            assert row["best"][name]["n"] == COUNT
            assert row["best"][name]["low"] <= row["best"][name]["value"] <= row["best"][name]["high"]
        assert list(row["last"]) == [name for name, keep in KEEP.items() if keep == "last"]
        for name, interval in row["last"].items():
            last = kept[f"detector-{k}.last {name}"]
            assert interval["value"] == pytest.approx(brute_force_auc(positive, last), abs=1e-6)
            assert (best[name] >= last - 1e-5).all()
        worst = torch.stack(list(best.values())).amax(0)
        assert row["worst"]["value"] == pytest.approx(brute_force_auc(positive, worst), abs=1e-6)
        assert row["worst"]["value"] <= min(row["best"][name]["value"] for name in best)
    assert record["mean"]["worst"] == pytest.approx(sum(row["worst"]["value"] for row in record["rows"]) / 10)


def test_accuracy_and_error_equal_a_direct_computation(system: System) -> None:
    record = run(system, CURVES)
    x, y = load_data("mnist", split="test")
    labels = {
        "generative": system.generative.predict(x),
        "classifier": system.classifier(x).argmax(1),
        "robust": system.robust_classifier(x).argmax(1),
    }
    for name, label in labels.items():
        assert record["accuracy"][name]["value"] == pytest.approx(float((label == y).float().mean()), abs=1e-6)
        assert record["accuracy"][name]["n"] == 60
    kept = scores(system, CURVES.name)
    assert torch.equal(kept["natural.y"], y)
    torch.testing.assert_close(kept["natural.z_h"], system.detectors(x))
    decided = {"generative": "z_h", "integrated": "z_f", "robust": "z_r"}  # equal priors: the arg max decides
    for name, logits in decided.items():
        wrong = kept[f"{name}.{logits}"].argmax(1) != evenly(y, COUNT)
        assert record["error_without_rejection"][name]["value"] == pytest.approx(float(wrong.float().mean()))
        assert record["error_without_rejection"][name]["n"] == COUNT
        assert torch.equal(kept[f"{name}.y"], evenly(y, COUNT))
    z_r = system.robust_classifier(evenly(x, COUNT))
    assert not torch.allclose(kept["robust.z_r"], z_r)  # it was attacked


def test_a_part_that_is_there_is_not_computed_again(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = run_part(system, WORST, "detector-0", bf16=False)
    before = first.read_bytes()

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(detectors, "attack", forbidden)
    (again,) = run_part(load_system(system.folder), WORST, "detector-0", bf16=False)
    assert again.read_bytes() == before
    with pytest.raises(AssertionError, match="computed again"):
        run_part(system, WORST, "detector-1", bf16=False)


def test_an_incomplete_evaluation_names_what_is_missing(system: System) -> None:
    for part in ("natural", "held_out", "robust"):
        run_part(system, CURVES, part, bf16=False)
    with pytest.raises(ValueError, match="curves is not complete: generative, integrated still to be computed"):
        finish(system, CURVES)
    assert stored(system, CURVES) is None
    assert not result_file(system, CURVES.name, "json").exists()


def test_a_finished_record_is_found_again_and_its_parts_are_gone(system: System) -> None:
    assert stored(system, CURVES) is None
    record = run(system, CURVES)
    assert stored(load_system(system.folder), CURVES) == record
    assert [path.name for path in (system.folder / "results" / "parts").iterdir()] == []
    assert stored(system, dataclasses.replace(CURVES, count=COUNT + 1)) is None


@pytest.mark.parametrize("name", ["classifier", "robust", "shared"])
def test_a_record_of_other_weights_is_none(name: str, system: System) -> None:
    run(system, CURVES)
    run_part(system, WORST, "detector-0", bf16=False)
    path = system.folder / f"{name}.safetensors"
    network, note = load_network(path), read_note(path)
    network.get_parameter("out.bias").data += 1
    save_network(path, network, note)
    changed = described_again(system.folder)
    assert stored(changed, CURVES) is None
    with pytest.raises(ValueError, match="detector-0, detector-1"):  # a part of the old weights does not count either
        finish(changed, WORST)


def test_progress_ends_at_one(system: System) -> None:
    seen: list[tuple[str, float]] = []
    run_part(system, WORST, "detector-2", bf16=False, report=lambda part, share: seen.append((part, share)))
    assert {part for part, _ in seen} == {"detector-2"}
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    assert seen[-1][1] == 1


def test_the_worst_of_all_is_no_better_than_any_iterate() -> None:
    """A best iterate that was chosen in bfloat16 may lie below the last one."""
    attacks = {"a": dataclasses.replace(next(iter(WORST.attacks.values())), keep="last")}
    one = dataclasses.replace(WORST, attacks=attacks, detectors=(0,), paper={})
    scores = {"positive": [1.0, 2.0], "negative": [0.0], "best a": [1.5, 0.0], "last a": [0.5, 3.0]}
    found = detectors.row(one, 0, {name: np.array(values, dtype=np.float32) for name, values in scores.items()})
    assert [found[keep]["a"]["value"] for keep in ("last", "best")] == [0.5, 0.75]
    assert found["worst"]["value"] == 0.25


@pytest.mark.parametrize("outside", ["ball", "box"])
def test_an_attack_that_left_ball_or_box_yields_no_number(
    outside: str, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = attacking.pgd

    def cheating(*args: Any, **kwargs: Any) -> Tensor:
        x_adv = plain(*args, **kwargs)
        return 1 - x_adv if outside == "ball" else x_adv - 0.01

    monkeypatch.setattr(attacking, "pgd", cheating)
    with pytest.raises(AssertionError, match="left the ball or the box"):
        run_part(system, WORST, "detector-0", bf16=False)


def test_the_parts_of_a_separate_bank_run_on_their_own_network(
    tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    system = load_system("mnist-linf-0.3")
    for k, network in enumerate(system.detectors.networks):
        if k != 4:
            network.register_forward_pre_hook(lambda *_: pytest.fail("another detector ran"))
    arrays = read_arrays(run_part(system, WORST, "detector-4", bf16=False)[0])
    x, y = load_data("mnist", split="test")
    np.testing.assert_allclose(arrays["positive"], system.detectors.logit(x[y == 4], 4).numpy(), atol=1e-6)


@pytest.mark.slow
def test_a_part_that_is_cut_off_goes_on_where_it_was(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """In chunks of two images: the first two are kept, and the record is the same as without the interruption."""
    monkeypatch.setitem(engine.KINDS, DetectorEvaluation, dataclasses.replace(detectors.KIND, chunk=2))
    whole = run(system, WORST)
    before = scores(system, WORST.name)
    result_file(system, WORST.name, "json").unlink()
    attacked: list[int] = []
    plain = detectors.attack

    def dies(*args: Any, **kwargs: Any) -> Any:
        if len(attacked) == 4:
            raise KeyboardInterrupt
        attacked.append(kwargs["seed"])
        return plain(*args, **kwargs)

    monkeypatch.setattr(detectors, "attack", dies)
    with pytest.raises(KeyboardInterrupt):
        run_part(system, WORST, "detector-0")
    assert attacked == [0, 0, 0, 2]
    with pytest.raises(ValueError, match="detector-0"):
        finish(system, WORST)
    monkeypatch.setattr(detectors, "attack", plain)
    again = run(system, WORST)
    assert again["rows"] == whole["rows"]
    assert all(torch.equal(before[name], values) for name, values in scores(system, WORST.name).items())


@pytest.mark.slow
def test_the_passes_of_an_evaluation_are_counted(system: System) -> None:
    """Three attacks of two steps and two restarts on 4 images for each detector; scoring takes no gradient."""
    record = run(system, WORST)
    calls = 2 * 3 * 3 * COUNT * 10
    assert record["backward"] == calls
    scored = 60 + (2 + 1 + 1) * COUNT  # all natural images once; the best iterates, and one attack's last ones
    assert record["forward"] == calls + 10 * scored


def test_more_images_than_asked_for_will_do_and_fewer_will_not(system: System) -> None:
    run(system, CURVES)
    assert stored(system, dataclasses.replace(CURVES, count=COUNT - 1)) is not None
    assert stored(system, dataclasses.replace(CURVES, count=COUNT + 1)) is None
    assert stored(system, dataclasses.replace(CURVES, count=COUNT + 1), least=1) is not None
    assert stored(system, dataclasses.replace(CURVES, held_out="train")) is None


@pytest.mark.slow
def test_numbers_are_computed_again_from_the_scores_alone(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(system, WORST)
    monkeypatch.setattr(engine, "run_part", None)
    assert engine.refresh(system, dataclasses.replace(WORST, count=1), record) == record


def test_a_false_positive_at_095_tpr_is_wrong_and_accepted(system: System) -> None:
    record = run(system, CURVES)
    kept = scores(system, CURVES.name)
    threshold = record["at_tpr"]["threshold"]["generative"]
    accepted = kept["natural.z_h"].amax(1) >= threshold
    assert 0.94 <= accepted.float().mean() <= 0.96
    z = kept["generative.z_h"]
    hits = (z.argmax(1) != kept["generative.y"]) & (z.amax(1) >= threshold)
    assert record["at_tpr"]["error"]["generative"]["value"] == pytest.approx(float(hits.float().mean()))
    assert "robust" not in record["at_tpr"]["error"]


@pytest.mark.slow
def test_the_cost_falls_with_what_is_done(system: System) -> None:
    whole = engine.cost(system, WORST)
    assert whole == 10 * COUNT * 3 * 3 * 2
    run_part(system, WORST, "detector-0")
    assert engine.cost(system, WORST) == whole * 0.9
    run(system, WORST)
    assert engine.cost(system, WORST) == 0
