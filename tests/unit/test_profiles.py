"""Profiles of the detectors: the scores and AUCs of the records, exact ROC curves, rankings, and training histories."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aatviz.data import load_data
from aatviz.explore import detector_records
from aatviz.explore.detector_records import TrainingPart
from aatviz.metrics import auc
from aatviz.models.detectors import DetectorBank
from aatviz.report import report
from aatviz.runtime.files import read_arrays, read_json, write_arrays, write_json
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system
from aatviz.store.weights import load_network, read_note, save_network
from aatviz.ui.detectors import words
from tests.changed_systems import described_again

NAME, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"


@pytest.fixture
def system(tiny_system_folder: Path) -> System:
    return load_system(NAME)


def change_weights(system: System, stem: str = "shared") -> System:
    path = system.folder / f"{stem}.safetensors"
    network, note = load_network(path), read_note(path)
    network.get_parameter("out.bias").data += 1
    save_network(path, network, note)
    return described_again(system.folder)


@pytest.mark.slow
def test_the_stored_scores_have_the_aucs_that_the_profile_names(measured_detectors: System) -> None:
    found = detector_records.load(measured_detectors)
    assert [profile.k for profile in found] == list(range(10))
    for profile in found:
        assert tuple(profile.attacked) == detector_records.ATTACKS
        assert len(profile.positive) + len(profile.negative) == 60
        assert profile.natural.value == pytest.approx(auc(profile.positive, profile.negative))
        for part in profile.attacked.values():
            assert part.auc.value == pytest.approx(auc(profile.positive, part.scores))
            assert part.auc.n == len(part.scores) == 6
        assert (profile.attacked["best"].scores >= profile.attacked["paper"].scores - 1e-5).all()
    assert found[9].paper == 0.99418
    assert "last iterate" in found[0].attacked["paper"].about
    assert "best iterate" in found[0].attacked["best"].about
    assert found[0].attacked["worst"].about.count("; ") == 2


def test_one_record_alone_is_enough(measured_detectors: System) -> None:
    for kind in ("json", "npz"):
        result_file(measured_detectors, detector_records.protocol(measured_detectors), kind).unlink()
    (profile, *_) = detector_records.load(measured_detectors)
    assert tuple(profile.attacked) == ("worst",)
    assert profile.paper is None


def test_without_a_record_of_these_weights_the_command_is_named(measured_detectors: System) -> None:
    changed = change_weights(measured_detectors)
    with pytest.raises(FileNotFoundError, match=f"aatviz evaluate {NAME} --recipe table-11"):
        detector_records.load(changed)


def test_a_record_without_its_scores_says_what_is_missing(measured_detectors: System) -> None:
    file = result_file(measured_detectors, detector_records.protocol(measured_detectors), "npz")
    write_arrays(file, {name: array for name, array in read_arrays(file).items() if name != "detector-3.positive"})
    with pytest.raises(ValueError, match=r"detector-3\.positive' is missing in it"):
        detector_records.load(measured_detectors)


def test_the_roc_curve_by_hand() -> None:
    curve = detector_records.roc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 1.0, 2.0, 4.0]))
    assert curve.threshold.tolist() == [1, 2, 3, 4, torch.inf]
    assert curve.tpr.tolist() == [1, 1, 0.5, 0, 0]
    assert curve.fpr.tolist() == [1, 0.5, 0.25, 0.25, 0]


def test_the_area_under_the_roc_curve_is_the_auc() -> None:
    generator = torch.Generator().manual_seed(0)
    positive, negative = (torch.randn(50, generator=generator) + 1).round(decimals=1), torch.randn(80, generator=generator)
    curve = detector_records.roc(positive, negative.round(decimals=1))
    area = -torch.trapezoid(curve.tpr, curve.fpr)
    assert float(area) == pytest.approx(auc(positive, negative.round(decimals=1)), abs=1e-6)


def test_rankings_by_hand() -> None:
    y = torch.tensor([0, 1, 1, 0, 2, 1])
    z = torch.tensor([[0.0, 5.0], [0.0, 2.0], [0.0, 7.0], [0.0, 5.0], [0.0, -1.0], [0.0, 2.0]])
    found = {name: indices.tolist() for name, indices in detector_records.rankings(z, y, 1, 2).items()}
    assert found == {"typical": [2, 1], "atypical": [1, 5], "confusing": [0, 3], "remote": [4, 0]}
    with pytest.raises(ValueError, match="columns 0 to 1; got 2 for the detector 2"):
        detector_records.rankings(z, y, 2)


def test_stored_logits_are_those_of_the_bank_and_are_read_without_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert detector_records.stored_sample_logits(system) is None
    x, y = load_data("mnist", split="sample")
    monkeypatch.setattr(detector_records, "load_data", lambda *_, **__: (x[:50], y[:50]))
    direct = system.detectors(x[:50]).detach()
    computed = detector_records.sample_logits(system)
    detector_records.store_sample_logits(system)

    def no_call(*_: object) -> None:
        raise AssertionError("a model was called")

    monkeypatch.setattr(DetectorBank, "forward", no_call)
    z = detector_records.sample_logits(load_system(NAME))
    assert z.dtype == torch.float32
    assert torch.equal(z, computed)
    np.testing.assert_allclose(z, direct, rtol=1e-3, atol=1e-3)


def test_stored_logits_of_other_weights_do_not_count(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_records, "load_data", lambda *_, **__: (torch.rand(2, 1, 28, 28), torch.tensor([0, 1])))
    detector_records.store_sample_logits(system)
    assert detector_records.stored_sample_logits(change_weights(system)) is None


def row(step: float, score: float) -> dict[str, float]:
    names = ("train_adversarial", "train_natural", "validation_natural")
    return {"step": step, "seconds": 1.0, "validation_adversarial": score, **dict.fromkeys(names, 0.9)}


def test_the_training_of_a_separate_detector_goes_back_to_the_shared_network(tiny_system_folder: Path) -> None:
    jobs = {
        NAME: [
            {"name": "stage/shared", "outputs": 10, "start_from": None},
            {"name": "shared", "outputs": 10, "start_from": "stage/shared.safetensors"},
        ],
        SEPARATE: [{"name": "detector-3", "outputs": 1, "start_from": f"../{NAME}/shared.safetensors"}],
    }
    rows = [row(5, 0.7), row(10, 0.8), row(15, 0.8), row(20, 0.6)]
    for name, listed in jobs.items():
        card = tiny_system_folder / name / "card.json"
        write_json(card, read_json(card) | {"recipe": {"jobs": listed}})
        for job in listed:
            write_json(tiny_system_folder / name / "history" / f"{job['name']}.json", rows)
    parts = detector_records.training(load_system(SEPARATE), 3)
    assert [(part.job, part.detectors) for part in parts] == [("stage/shared", 10), ("shared", 10), ("detector-3", 1)]
    assert all(part.rows == rows for part in parts)
    assert parts[0].kept == 2
    assert [part.job for part in detector_records.training(load_system(NAME), 7)] == ["stage/shared", "shared"]


def test_the_training_of_a_detector_ends_at_the_classifier_that_it_began_as(system: System) -> None:
    """Whose scores are accuracies; the report leaves them out as well."""
    jobs = [
        {"name": "shared", "method": "aat_shared", "outputs": 10, "start_from": "stage/first.safetensors"},
        {"name": "stage/first", "method": "aat_shared", "outputs": 10, "start_from": "stage/robust.safetensors"},
        {"name": "stage/robust", "method": "madry", "outputs": 10, "start_from": None},
    ]
    card = system.folder / "card.json"
    write_json(card, read_json(card) | {"recipe": {"jobs": jobs}})
    for job in jobs:
        write_json(system.folder / "history" / f"{job['name']}.json", [row(5, 0.7)])
    parts = detector_records.training(load_system(NAME), 0)
    assert [(part.job, part.classifier) for part in parts] == [("stage/first", "stage/robust"), ("shared", None)]
    assert "Before it stands the classifier *stage/robust*" in words.training(parts, "0")[0]
    table = report(load_system(NAME)).split("## figure-11")[1]
    assert "| stage/first | 5 |" in table
    assert "| shared | 5 |" in table
    assert "stage/robust" not in table


def test_without_a_history_there_is_no_training_to_show(system: System) -> None:
    assert detector_records.training(system, 0) == []
    assert TrainingPart(job="shared", detectors=10, rows=[row(1, 0.5)]).kept == 0


@pytest.mark.parametrize("name", [NAME, SEPARATE])
def test_the_shipped_logits_of_the_sample_are_those_of_the_shipped_detectors(name: str) -> None:
    system = load_system(name)
    z, (x, _) = detector_records.stored_sample_logits(system), load_data("mnist", split="sample")
    assert z is not None
    with torch.no_grad():
        torch.testing.assert_close(z[:20], system.detectors(x[:20]), atol=0.02, rtol=0.002)
