"""Fixtures for all tests: one thread, and two tiny untrained systems in the place of the shipped ones."""

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

# Before torch is loaded, and for the app too, which would take more: threads that wait for each other cost processes side
# by side, and a busy machine, more than they bring to networks this small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from aatviz.attacks import batching
from aatviz.data.idx import write_idx
from aatviz.data.idx_set import FILES, bundled
from aatviz.evaluate import finish, parts, run_part
from aatviz.models.gaussians import ClassGaussians
from aatviz.recipes.evaluation import DetectorEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.runtime.files import write_json
from aatviz.store.gaussians import FILE, save_gaussians
from aatviz.store.systems import System, load_system
from aatviz.store.weights import build_network, save_network
from tests.made_systems import Made, make_systems

torch.set_num_threads(1)

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
"""The tiny systems bear the names of the shipped ones, so that default choices and links mean the same."""


WEIGHTS = {
    "seconds": 1.0,
    "evaluation_seconds": 0.0,
    "seed": 0,
    "precision": "fp32",
    "device": "",
    "data_hash": "",
}
"""What a card says of one file of weights beside its hash and size."""


def write_tiny_system(folder: Path, name: str, *, shared: bool, width: int = 16) -> Path:
    """One checkpoint folder with untrained networks of hidden width 16; the same weights every time."""
    detectors = ["shared"] if shared else [f"detector-{k}" for k in range(10)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(len(detectors))
        for stem in [*detectors, "classifier", "robust", "judge"]:
            note = {"network": "madry", "outputs": 1 if stem.startswith("detector-") else 10, "width": width, "seconds": 1.0}
            save_network(folder / name / f"{stem}.safetensors", build_network(note), note)
        shape = {"mean": (10, 1, 28, 28), "factors": (10, 2, 784), "sigma": (10,)}
        save_gaussians(folder / name / FILE, ClassGaussians(**{part: torch.rand(size) for part, size in shape.items()}), {})
    card = {
        "system": name,
        "about": f"Untrained, {'shared' if shared else 'separate'}.",
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
            "judge": "judge.safetensors",
            "gaussians": FILE,
        },
        "priors": [0.1] * 10,
        "recipe": {"name": name},
        "weights": {
            path.name: WEIGHTS | _known(path) for path in (folder / name).glob("*.safetensors") if path.name != FILE
        },
        "gaussians": _known(folder / name / FILE)
        | {"rank": 2, "n": [3] * 10, "explained_variance": [0.5] * 10, "dataset": "mnist", "data_hash": ""},
        "seconds": {"detectors": 1.0},
        "versions": {"torch": torch.__version__},
        "metrics": {},
    }
    write_json(folder / name / "card.json", card)
    return folder / name


def _known(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test's folder and fixtures cost: whole pages, and systems that are trained first, take seconds each."""
    for item in items:
        folder = item.path.parent.name
        if folder == "browser":
            item.add_marker("browser")
        if folder == "app" or "made_folders" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def own_batch_sizes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tests measure stays out of the user's cache folder."""
    file = tmp_path_factory.mktemp("cache") / "batch-sizes.json"
    batching._file = lambda: file


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


@pytest.fixture(scope="session")
def made_folders(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The systems of `tests/made_systems.py` and their data sets, to be read only; no environment variable is set."""
    return make_systems(tmp_path_factory.mktemp("made"))


@pytest.fixture
def made_systems(made_folders: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A test's own copy of the made systems, with $AATVIZ_CHECKPOINTS on it and $AATVIZ_DATA on their data sets."""
    made = Made(made_folders.data, shutil.copytree(made_folders.checkpoints, tmp_path / "made"))
    monkeypatch.setenv("AATVIZ_DATA", str(made.data))
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(made.checkpoints))
    return made


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose test set is sixty bundled digits."""
    digits = bundled("mnist")
    raw = tmp_path_factory.mktemp("data") / "MNIST" / "raw"
    raw.mkdir(parents=True)
    arrays = digits.bytes(slice(0, 60)).numpy()[:, 0], digits.label_bytes[:60]
    for name, array in zip(FILES["test"], arrays, strict=True):
        write_idx(raw / name, array)
    return raw.parents[1]


@pytest.fixture(scope="session")
def quick_evaluations() -> dict[str, DetectorEvaluation]:
    """The recipes table-11 and worst-case with two steps on six images."""
    quick = {}
    for name in ("table-11", "worst-case"):
        recipe = evaluations("mnist", "Linf", 0.3)[name]
        assert isinstance(recipe, DetectorEvaluation)
        attacks = {key: dataclasses.replace(a, steps=2, step_size=0.1, restarts=1) for key, a in recipe.attacks.items()}
        quick[name] = dataclasses.replace(recipe, count=6, attacks=attacks)
    return quick


@pytest.fixture(scope="session")
def detector_records(tiny_systems: Path, data_folder: Path, quick_evaluations: dict[str, DetectorEvaluation]) -> Path:
    """A folder with the records of the quick evaluations on the tiny shared system, made once."""
    system = load_system(shutil.copytree(tiny_systems / SHARED, tiny_systems.with_name("measured") / SHARED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(data_folder))
        for recipe in quick_evaluations.values():
            for part in parts(system, recipe):
                run_part(system, recipe, part, bf16=False)
            finish(system, recipe)
    return system.folder / "results"


@pytest.fixture
def measured_detectors(
    tiny_system_folder: Path,
    detector_records: Path,
    quick_evaluations: dict[str, DetectorEvaluation],
    monkeypatch: pytest.MonkeyPatch,
) -> System:
    """The tiny shared system with the records table-11 and worst-case, and without any data set."""
    for name, recipe in quick_evaluations.items():
        monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), name, recipe)
    shutil.copytree(detector_records, tiny_system_folder / SHARED / "results")
    return load_system(SHARED)


@pytest.fixture
def edit_recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function after which the attacks of the evaluation of that name, a detector's, have a step more than before."""

    def edit(name: str) -> None:
        recipe = evaluations("mnist", "Linf", 0.3)[name]
        assert isinstance(recipe, DetectorEvaluation)
        attacks = {key: dataclasses.replace(attack, steps=attack.steps + 1) for key, attack in recipe.attacks.items()}
        monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), name, dataclasses.replace(recipe, attacks=attacks))

    return edit
