"""Benchmarks that train single detectors: which logit is measured, under which attack, and a run of a few updates."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import aatviz
from aatviz.data import open_split
from aatviz.recipes import AttackSpec, Job
from aatviz.recipes.published import published
from aatviz.runtime.files import read_json
from benchmarks import longer_attack, own_network
from benchmarks.own_trainings import aucs

WEAK = AttackSpec(eps=0.05, step_size=0.05, steps=2, optimizer="steepest")


def test_the_logit_of_the_column_is_measured_and_attacked(tiny_systems: Path) -> None:
    network = aatviz.load_system(tiny_systems / "mnist-linf-0.3-shared").detectors.networks[0]
    strong = dataclasses.replace(WEAK, eps=0.3, steps=10)
    found = aucs(network, "mnist-sample", 3, {"weak": WEAK, "strong": strong}, 30, column=3)
    test = open_split("mnist-sample", "test")
    logits = network(test.images(slice(None))).detach()[:, 3]
    assert found["natural"]["value"] == pytest.approx(roc_auc_score(test.labels == 3, logits), abs=1e-6)
    assert found["natural"]["value"] > found["weak"]["value"] > found["strong"]["value"]
    other = aucs(network, "mnist-sample", 3, {}, 30, column=4)
    assert other["natural"]["value"] != found["natural"]["value"]
    assert found["weak"]["n"] == 30


def test_a_run_of_few_updates_and_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = own_network.jobs

    def tiny(target: int) -> dict[str, Job]:
        few = {"steps": 2, "batch": 20, "attack": WEAK, "validation_attack": WEAK, "validation_count": 5, "evaluations": 1}
        return {words: dataclasses.replace(job, **few) for words, job in jobs(target).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(own_network, "jobs", tiny)
    monkeypatch.setattr(own_network, "DATASET", "mnist-sample")
    monkeypatch.setattr(own_network, "NEGATIVES", 20)
    monkeypatch.setattr(own_network, "ATTACKS", dict.fromkeys(own_network.ATTACKS, WEAK))
    monkeypatch.setattr(own_network, "RESULT", tmp_path / "own.json")
    monkeypatch.setattr("sys.argv", ["own_network", "--out", str(tmp_path / "runs")])
    assert own_network.table() == []
    own_network.main()
    rows = read_json(tmp_path / "own.json")["rows"]
    assert [(row["detector"], row["trained"]) for row in rows] == [
        (target, words) for target in (0, 1) for words in (own_network.SHARED, own_network.OWN, own_network.LONG)
    ]
    trained = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").glob("*-[01].safetensors")}
    assert len(trained) == 4
    own_network.main()
    assert {file: file.stat().st_mtime_ns for file in trained} == trained
    assert read_json(tmp_path / "own.json")["rows"] == rows
    monkeypatch.setattr(own_network, "DATASET", "mnist")
    text = "\n".join(own_network.table())
    assert text.count(own_network.LONG) == 2
    assert "0.9958" in text  # the paper's, for detector 0
    assert "0.9999" in text  # and for detector 1


def test_further_trainings_are_measured_against_the_bank_as_it_ships(
    tiny_system_folder: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "mnist-linf-0.3-shared"
    jobs, search = longer_attack.jobs, dataclasses.replace(longer_attack._search(), steps=3, depth=2)

    def tiny(system: str) -> dict[str, Job]:
        few = {"steps": 2, "batch": 20, "validation_attack": WEAK, "validation_count": 5, "evaluations": 1, "width": 16}
        return {
            words: dataclasses.replace(job, attack=dataclasses.replace(WEAK, steps=2 + row), **few)  # type: ignore[arg-type]
            for row, (words, job) in enumerate(jobs(system).items())
        }

    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    monkeypatch.setattr(longer_attack, "jobs", tiny)
    monkeypatch.setattr(longer_attack, "_search", lambda: search)
    monkeypatch.setattr(longer_attack, "SYSTEMS", (name,))
    monkeypatch.setattr(longer_attack, "DATASET", "mnist-sample")
    monkeypatch.setattr(longer_attack, "published", lambda _, norm, eps: published("mnist", norm, eps))
    monkeypatch.setattr(longer_attack, "IMAGES", 12)
    monkeypatch.setattr(longer_attack, "RESULT", tmp_path / "longer.json")
    monkeypatch.setattr("sys.argv", ["longer_attack", "--out", str(tmp_path / "runs")])
    assert longer_attack.table() == []
    longer_attack.main()
    rows = read_json(tmp_path / "longer.json")["systems"][name]["rows"]
    assert set(rows) == {longer_attack.SHIPPED, longer_attack.OURS, longer_attack.PAPERS}
    moved = {words: np.array(row["distances"], dtype=float) for words, row in rows.items()}
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs" / name).glob("shared-*")}
    longer_attack.main()
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    text = "\n".join(longer_attack.table())
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if name in line]
    further = {cells[2]: cells[5] for cells in lines}
    assert further[longer_attack.SHIPPED] == ""
    for words in (longer_attack.OURS, longer_attack.PAPERS):
        pairs = moved[words] - moved[longer_attack.SHIPPED]
        assert np.isfinite(pairs).sum() > 5
        assert np.nanstd(pairs) > 0
        assert further[words].startswith(f"{np.nanmean(pairs):+.2f} (")
