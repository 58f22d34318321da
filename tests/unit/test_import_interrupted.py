"""Imports that are killed, damaged data sets, CIFAR-10's parts, and `aatviz data` on the command line."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from aatviz.cli.data import app
from aatviz.data import cifar10, dataset, open_split, placing
from aatviz.data.importing import download, import_path
from aatviz.data.placing import recover, staging
from aatviz.data.split import fingerprints
from tests import quick_python
from tests.unit.data_files import contents, some_digits, write_idx_folder, write_images

pytestmark = pytest.mark.slow

COUNTS = {"cat": 12, "dog": 12, "eel": 12}


@pytest.fixture
def pets(tmp_path: Path, empty_data_folder: Path) -> Path:
    """A folder of images that was imported as "pets"."""
    folder = write_images(tmp_path / "pets", COUNTS)
    import_path(folder, "pets", (20, 20))
    return folder


KILLED = """
import os, sys
from pathlib import Path
from aatviz.data import importing, placing
real, calls = Path.rename, []
def rename(self, target):
    calls.append(target)
    if len(calls) > int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    return real(self, target)
Path.rename = rename
importing.import_path(Path(sys.argv[1]), "pets", (20, 20))
"""


@pytest.mark.parametrize("renames", [0, 1])
@pytest.mark.parametrize("by", ["opening", "importing"])
def test_an_import_killed_at_either_rename_loses_nothing(
    renames: int, by: str, pets: Path, tmp_path: Path, empty_data_folder: Path
) -> None:
    before = contents(empty_data_folder)
    more = write_images(tmp_path / "more", {"cat": 20, "dog": 20}, first_seed=300)
    killed = quick_python.run("-c", KILLED, more, renames)
    assert killed.returncode == -signal.SIGKILL
    assert (empty_data_folder / "pets").exists() == (renames == 0)
    assert len(list(empty_data_folder.glob("import-*"))) == 1
    if by == "importing":
        import_path(pets, "others", (20, 20))
        shutil.rmtree(empty_data_folder / "others")
    elif renames:
        assert len(open_split("pets", "train")) == dataset("pets").splits["train"].count
    recover()
    assert contents(empty_data_folder) == before
    assert not list(empty_data_folder.glob("import-*"))


@pytest.mark.long
def test_imports_killed_at_random_moments_leave_the_old_or_the_new(
    pets: Path, tmp_path: Path, empty_data_folder: Path
) -> None:
    old = open_split("pets", "train").content_hash
    more = write_images(tmp_path / "more", {"cat": 40, "dog": 40}, first_seed=300)
    code = "import sys; from pathlib import Path; from aatviz.data.importing import import_path; print('go', flush=True); "
    code += "import_path(Path(sys.argv[1]), 'pets', (20, 20)); print('done', flush=True)"
    for delay in np.linspace(0, 0.25, 6):
        process = subprocess.Popen([sys.executable, "-c", code, str(more)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == "go\n"
            time.sleep(delay)
            process.kill()
            process.wait()
        recover()
        split = open_split("pets", "train")
        assert split.computed_hash() == split.content_hash
        assert not list(empty_data_folder.glob("import-*"))
    import_path(more, "pets", (20, 20))
    assert open_split("pets", "train").content_hash != old


def test_an_import_at_work_is_left_alone(pets: Path, empty_data_folder: Path) -> None:
    with staging(empty_data_folder / "new") as stage:
        (stage.fresh / "file").write_text("half")
        assert recover() == []
        with staging(empty_data_folder / "other") as other:
            (other.fresh / "file").write_text("whole")
        assert (stage.fresh / "file").read_text() == "half"
    assert (empty_data_folder / "new" / "file").read_text() == "half"
    assert (empty_data_folder / "other" / "file").read_text() == "whole"


def test_a_leftover_that_names_a_place_outside_is_only_removed(tmp_path: Path, empty_data_folder: Path) -> None:
    scratch = empty_data_folder / "import-evil"
    (scratch / "replaced").mkdir(parents=True)
    (scratch / "target.json").write_text(json.dumps("../outside"))
    assert recover() == []
    assert not scratch.exists()
    assert not (tmp_path / "outside").exists()


# Damaged data sets


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        note = json.loads((folder / "data.json").read_text())
        for name, value in changes.items():
            if value is None:
                del note[name]
            else:
                note[name] = value
        (folder / "data.json").write_text(json.dumps(note))

    return edit


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-3])


def pickled(folder: Path) -> None:
    np.save(folder / "train-images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


FIELDS = ("classes", "shape", "source", "counts", "hashes", "name", "format")
DAMAGE: dict[str, Callable[[Path], None]] = {
    "no json": lambda folder: (folder / "data.json").write_text("{"),
    "binary": lambda folder: (folder / "data.json").write_bytes(b"\xff\xfe\x00"),
    "a list": lambda folder: (folder / "data.json").write_text("[]"),
    "deep": lambda folder: (folder / "data.json").write_text("[" * 100_000),
    "empty object": lambda folder: (folder / "data.json").write_text("{}"),
    **{
        f"no {name}": edited(**{name: None}) for name in ("classes", "shape", "source", "counts", "hashes", "name", "format")
    },
    "classes a string": edited(classes="cat"),
    "a class of number": edited(classes=["cat", 3, "eel"]),
    "twice one class": edited(classes=["cat", "cat", "eel"]),
    "fewer classes": edited(classes=["cat", "dog"]),
    "no sides": edited(shape=[]),
    "one side": edited(shape=[3]),
    "two channels": edited(shape=[2, 20, 20]),
    "other sides": edited(shape=[3, 20, 21]),
    "huge": edited(shape=[3, 10**9, 10**9]),
    "a true count": edited(counts={"train": True, "validation": 1, "test": 1}),
    "other counts": edited(counts={"train": 3, "validation": 3, "test": 3}),
    "later format": edited(format=2),
    "images cut off": cut("train-images.npy"),
    "labels cut off": cut("train-labels.npy"),
    "swapped": lambda folder: shutil.copy(folder / "test-images.npy", folder / "train-images.npy"),
    "a pickle": pickled,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=list(DAMAGE))
def test_a_damaged_data_set_is_a_sentence_and_hides_no_other(
    damage: Callable[[Path], None], pets: Path, empty_data_folder: Path
) -> None:
    import_path(pets, "others", (20, 20))
    damage(empty_data_folder / "pets")
    with pytest.raises(ValueError, match="import the data set again") as error:
        open_split("pets", "train")
    assert "pets" in str(error.value)
    listed = CliRunner().invoke(app, ["list"])
    assert listed.exit_code == 0
    assert "damaged" in listed.output
    assert "others: 3 x 20 x 20, 3 classes (cat, dog, eel)" in listed.output


# CIFAR-10


def constructed(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bundled photos slightly changed, as a copy with loss would be, among noise; and test images."""
    monkeypatch.setattr(cifar10, "COUNTS", {"train": 6500, "test": 100})
    sample, generator = cifar10.bundled(), np.random.default_rng(0)
    copies = np.clip(sample.bytes().numpy().astype(int) + generator.integers(-9, 10, (1500, 3, 32, 32)), 0, 255)
    images = np.concatenate([copies, generator.integers(0, 256, (5000, 3, 32, 32))]).astype(np.uint8)
    labels = np.concatenate([sample.label_bytes, np.arange(5000) % 10])
    order = generator.permutation(6500)
    train = {"data": images[order].transpose(0, 2, 3, 1), "targets": labels[order].tolist()}
    test = generator.integers(0, 256, (100, 32, 32, 3)).astype(np.uint8)
    return train, {"data": test, "targets": [k % 10 for k in range(100)]}


def test_cifar10_keeps_every_bundled_photo_out_of_training_even_where_it_is_not_the_same_to_the_bit(
    empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = constructed(monkeypatch)
    fake = lambda root, train_, download: SimpleNamespace(**(train if train_ else test))  # noqa: E731
    monkeypatch.setattr("torchvision.datasets.CIFAR10", lambda root, train, download: fake(root, train, download))
    download("cifar10")
    splits = {part: open_split("cifar10", part) for part in ("train", "validation", "test")}
    assert {part: len(split) for part, split in splits.items()} == {"train": 1500, "validation": 5000, "test": 100}
    assert splits["validation"].labels.bincount().tolist() == [500] * 10
    assert all(split.source == cifar10.ORIGINAL for split in splits.values())
    photos = {split: splits[split].bytes().float().flatten(1) for split in ("train", "validation")}
    bundled = cifar10.bundled().bytes().float().flatten(1)
    side = bundled.shape[1] ** 0.5  # a distance by it is the root of the mean square
    distance = {split: torch.cdist(bundled[::50], x).amin(1) / side for split, x in photos.items()}
    assert distance["validation"].max() < 10
    assert distance["train"].min() > 25
    train["data"] = train["data"][::-1].copy()  # the photos under other labels: no CIFAR-10
    before = contents(empty_data_folder)
    with pytest.raises(ValueError, match="not CIFAR-10's images"):
        download("cifar10")
    assert contents(empty_data_folder) == before


# The command line


def test_data_commands_say_what_they_did_and_check_finds_a_flipped_bit(tmp_path: Path, empty_data_folder: Path) -> None:
    run = CliRunner().invoke
    source = write_images(tmp_path / "pets", COUNTS)
    done = run(app, ["import", str(source), "--name", "pets", "--size", "20x24"])
    assert done.exit_code == 0
    assert "3 classes of 3 x 20 x 24" in done.output
    assert "cat 12, dog 12, eel 12" in done.output
    assert f"pets is in {empty_data_folder / 'pets'}" in done.output.replace("\n", " ")
    listed = run(app, ["list"]).output
    assert "pets: 3 x 20 x 24, 3 classes (cat, dog, eel)" in listed
    assert "aatviz data download fashion-mnist" in listed
    assert run(app, ["check", "pets"]).output.count("whole") == 3
    file = empty_data_folder / "pets" / "test-images.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    checked = run(app, ["check", "pets"])
    assert checked.exit_code == 1
    assert "DAMAGED" in checked.output
    for size in ("0x", "20x", "x", "1e3", "20x20x3", "-5", "٣٢"):
        assert isinstance(run(app, ["import", str(source), "--name", "pets", "--size", size]).exception, ValueError)


def test_a_data_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "file" / "data"))
    images, digits = write_images(tmp_path / "pets", COUNTS), some_digits(20, 1)
    for source, name in ((images, "pets"), (write_idx_folder(tmp_path / "idx", digits, digits), "my-digits")):
        failed = CliRunner().invoke(app, ["import", str(source), "--name", name])
        assert isinstance(failed.exception, RuntimeError)
        assert "Nothing was imported" in str(failed.exception)
    assert CliRunner().invoke(app, ["list"]).exit_code == 0


def test_a_full_disk_is_a_sentence_and_leaves_what_was_there(
    pets: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(empty_data_folder)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(placing, "_sync", full)
    failed = CliRunner().invoke(app, ["import", str(pets), "--name", "pets", "--size", "20"])
    assert "Nothing was imported: [Errno 28] No space left" in str(failed.exception)
    assert contents(empty_data_folder) == before
    assert not list(empty_data_folder.glob("import-*"))


def test_images_of_a_data_set_keep_their_class_and_place_in_the_order_of_their_hashes(pets: Path) -> None:
    for part in ("train", "validation", "test"):
        split = open_split("pets", part)
        pixels = split.bytes().numpy().transpose(0, 2, 3, 1)
        assert fingerprints(pixels) == sorted(fingerprints(pixels))
