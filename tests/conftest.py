"""Fixtures for all tests: one thread, and two tiny untrained systems in the place of the shipped ones."""

import shutil
from pathlib import Path

import pytest
import torch

from aatviz.store.files import write_json
from aatviz.store.weights import build_network, save_network

torch.set_num_threads(1)

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
"""The tiny systems bear the names of the shipped ones, so that default choices and links mean the same."""


def write_tiny_system(folder: Path, name: str, *, shared: bool, width: int = 16) -> Path:
    """One checkpoint folder with untrained networks of hidden width 16; the same weights every time."""
    detectors = ["shared"] if shared else [f"detector-{k}" for k in range(10)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(len(detectors))
        for stem in [*detectors, "classifier", "robust"]:
            note = {"network": "madry", "outputs": 1 if stem.startswith("detector-") else 10, "width": width, "seconds": 1.0}
            save_network(folder / name / f"{stem}.safetensors", build_network(note), note)
    card = {
        "system": name,
        "title": f"MNIST, Linf 0.3, {'shared' if shared else 'separate'}",
        "dataset": "mnist",
        "norm": "Linf",
        "eps": 0.3,
        "classes": 10,
        "kind": "shared" if shared else "separate",
        "prominence": int(shared),
        "files": {
            "detectors": [f"{stem}.safetensors" for stem in detectors],
            "classifier": "classifier.safetensors",
            "robust": "robust.safetensors",
        },
        "priors": [0.1] * 10,
        "metrics": {},
    }
    write_json(folder / name / "card.json", card)
    return folder / name


@pytest.fixture(scope="session")
def tiny_systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoints folder with the two tiny systems, to be read only; no environment variable is set."""
    folder = tmp_path_factory.mktemp("checkpoints")
    write_tiny_system(folder, SHARED, shared=True)
    write_tiny_system(folder, SEPARATE, shared=False)
    return folder


@pytest.fixture
def empty_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$AATVIZ_DATA points at an empty folder: no data set is on this machine."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("AATVIZ_DATA", str(folder))
    return folder


@pytest.fixture
def tiny_system_folder(tiny_systems: Path, tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own copy of the tiny checkpoints folder, with $AATVIZ_CHECKPOINTS on it and no data set at hand."""
    folder = shutil.copytree(tiny_systems, tmp_path / "checkpoints")
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(folder))
    return folder
