"""`aatviz data check`: damage on the disk is found, whatever kind of data set it hits."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aatviz.cli.data import app
from aatviz.data import fashion_mnist, idx_set
from aatviz.data.checking import damaged_splits
from aatviz.data.idx_set import FILES, IdxSet
from tests.made_systems import Made
from tests.unit.data_files import hashes, some_digits


@pytest.fixture
def known(empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> IdxSet:
    """Fashion-MNIST as if its images were a few of noise."""
    parts = {"train": some_digits(40, 1), "test": some_digits(20, 2)}
    monkeypatch.setitem(fashion_mnist.SET.hashes, "train", hashes(parts)["train"])
    monkeypatch.setitem(fashion_mnist.SET.hashes, "test", hashes(parts)["test"])
    fashion_mnist.SET.place(parts)
    idx_set._opened.cache_clear()
    return fashion_mnist.SET


@pytest.mark.parametrize(("part", "place"), [("train", 0), ("train", 1), ("test", 0), ("test", 1)])
def test_one_changed_byte_of_known_idx_files_is_found(part: str, place: int, known: IdxSet) -> None:
    assert damaged_splits("fashion-mnist") == {"train": False, "validation": False, "test": False}
    file = known.folder / FILES[part][place]
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    wrong = {"train": part == "train", "validation": part == "train", "test": part == "test"}
    assert damaged_splits("fashion-mnist") == wrong
    checked = CliRunner().invoke(app, ["check", "fashion-mnist"])
    assert checked.output.count("DAMAGED") == sum(wrong.values())
    assert isinstance(checked.exception, ValueError)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_one_changed_byte_of_an_imported_set_is_found(
    part: str, made_folders: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made_folders.data / "pets", tmp_path / "pets")
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path))
    assert not any(damaged_splits("pets").values())
    (file,) = (path for path in (tmp_path / "pets").glob(f"{part}*") if "label" not in path.name)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert damaged_splits("pets") == {name: name == part for name in ("train", "validation", "test")}


def test_a_set_that_is_part_of_the_package_is_whole(empty_data_folder: Path) -> None:
    assert not any(damaged_splits("mnist-sample").values())
