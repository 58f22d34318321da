"""Data sets that visitors upload: found by name and never listed, bounded, named by content, moved with a system."""

import shutil
from pathlib import Path

import pytest

from aatviz.data import dataset, names, open_split, uploaded
from aatviz.data.placing import VISITORS
from aatviz.data.uploaded import Received, Upload, adopt, receive
from tests.unit.data_files import write_images, zip_of

COUNTS = {"cat": 12, "dog": 10, "eel": 8}


@pytest.fixture
def into(tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VISITORS, str(tmp_path / "visitors"))
    return tmp_path / "visitors"


def send(tmp_path: Path, into: Path, counts: dict[str, int] = COUNTS, title: str = "My Pets.zip") -> Received:
    folder = write_images(tmp_path / "pets", counts)
    archive = zip_of(folder, tmp_path / "sent.zip")
    shutil.rmtree(folder)
    return receive(None, [Upload(archive, title, (16, 16), into)], lambda *_: None)[0]


def test_an_archive_is_found_by_its_name_and_not_listed(tmp_path: Path, into: Path) -> None:
    got = send(tmp_path, into)
    found = dataset(got.name)
    assert got.name.startswith("my-pets-")
    assert (found.classes, found.shape) == (tuple(COUNTS), (3, 16, 16))
    assert sum(len(open_split(got.name, part)) for part in ("train", "validation", "test")) == sum(COUNTS.values())
    assert len(open_split(f"{got.name}@0+2", "train").labels.bincount()) == 2
    assert got.name not in names()
    assert any("cat 12, dog 10, eel 8" in note for note in got.notes)


def test_the_same_images_have_the_same_name_and_others_another(tmp_path: Path, into: Path) -> None:
    first = send(tmp_path, into)
    assert send(tmp_path, into).name == first.name
    assert send(tmp_path, into, COUNTS | {"cat": 11}).name != first.name


def test_bounds_and_damage_are_sentences_with_the_visitor_s_own_name(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploaded, "IMAGES", 20)
    with pytest.raises(ValueError, match=r"^My Pets.zip holds more than 20 images"):
        send(tmp_path, into)
    monkeypatch.undo()
    monkeypatch.setenv(VISITORS, str(into))
    monkeypatch.setattr(uploaded, "LEAST_UNPACKED", 100)
    monkeypatch.setattr(uploaded, "UNPACKED", 0)
    with pytest.raises(ValueError, match="unpacks to more than"):
        send(tmp_path, into)
    (tmp_path / "sent.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"^my.tar is no whole"):
        receive(None, [Upload(tmp_path / "sent.zip", "my.tar", (16, 16), into)], lambda *_: None)
    assert not [path for path in into.iterdir() if path.name.startswith(".upload-")]


def test_images_that_are_large_before_they_are_scaled_are_bounded(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploaded, "MOST_OWN_PIXELS", 399)  # the images have 20 x 20
    with pytest.raises(ValueError, match=r"30 files were left out: .*20 x 20 pixels, more than"):
        send(tmp_path, into)
    monkeypatch.setattr(uploaded, "MOST_OWN_PIXELS", 400)
    monkeypatch.setattr(uploaded, "ALL_PIXELS", 30 * 400)
    send(tmp_path, into)
    monkeypatch.setattr(uploaded, "ALL_PIXELS", 30 * 400 - 1)
    with pytest.raises(ValueError, match=r"^My Pets.zip: its images have more than 0 million pixels together"):
        send(tmp_path, into)
    monkeypatch.undo()
    monkeypatch.setenv(VISITORS, str(into))
    monkeypatch.setattr(uploaded, "FILES", 20)
    with pytest.raises(ValueError, match=r"^My Pets.zip holds more than 20 files"):
        send(tmp_path, into)


def test_a_set_moves_to_another_server_only_as_what_it_is(tmp_path: Path, into: Path) -> None:
    name = send(tmp_path, into).name
    other = tmp_path / "other"
    assert adopt(shutil.copytree(into / name, tmp_path / "copy"), other) == name
    swapped = shutil.copytree(into / name, tmp_path / "swapped")
    shutil.copy(swapped / "train-images.npy", swapped / "train-images.bak")
    data = bytearray((swapped / "train-images.npy").read_bytes())
    data[-1] ^= 1
    (swapped / "train-images.npy").write_bytes(data)
    with pytest.raises(ValueError, match="not what its note says"):
        adopt(swapped, other)
    renamed = shutil.copytree(into / name, tmp_path / "renamed")
    note = (renamed / "data.json").read_text()
    (renamed / "data.json").write_text(note.replace(name, "my-pets-000000000000"))
    with pytest.raises(ValueError, match="its name stands for"):
        adopt(renamed, other)
