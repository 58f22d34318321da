"""Restricted ImageNet, large and tiny: categories, splits, images that are in no class, images decoded on the fly."""

import dataclasses
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from aatviz import recipes
from aatviz.cli import app
from aatviz.data import DataNotFound, dataset, image_files, load_data, open_split, restricted_tiny_imagenet
from aatviz.data.checking import damaged_splits
from aatviz.data.importing import import_path
from aatviz.data.restricted import CATEGORIES, NAMES, category_of
from aatviz.data.spec import OTHER
from aatviz.train import loop
from tests.made_dogs import write_jpegs, write_tree
from tests.unit.data_files import picture, tar_of

TINY, LARGE = "restricted-tiny-imagenet", "restricted-imagenet"
SIX = ("dog", "cat", "frog", "bird", "primate", "insect")


@pytest.fixture
def tiny_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small copy of the tiny tree, whose counts the data set then expects."""
    return write_tree(tmp_path / TINY, monkeypatch)


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    """A small ImageNet, train/ and val/, with a class of each category and two of none; the first file is a grey one."""
    top = tmp_path / "imagenet"
    for category in CATEGORIES:
        write_jpegs(top / "train" / category.first_wnid, 20, category.first_wnid, 60)
        write_jpegs(top / "val" / category.last_wnid, 2, category.last_wnid, 60)
    for wnid in ("n02114367", "n01440764"):  # the timber wolf, class 269, is no dog here
        write_jpegs(top / "train" / wnid, 2, wnid, 60)
    file = next((top / "train" / CATEGORIES[0].first_wnid).iterdir())
    picture(3, (60, 60), "L").save(file)
    return top


def test_the_categories_are_those_of_the_paper() -> None:
    assert [category.name for category in CATEGORIES] == list(NAMES)
    assert sum(category.last - category.first + 1 for category in CATEGORIES) == 203
    known = {
        "n02085620": "dog",  # Chihuahua, class 151
        "n02113978": "dog",  # Mexican hairless, class 268
        "n02114367": None,  # timber wolf, class 269
        "n02123045": "cat",  # tabby, class 281
        "n02125311": None,  # cougar, class 286
        "n01644900": "frog",  # tailed frog, class 32
        "n01664065": "turtle",  # loggerhead, class 33
        "n01978287": "crab",  # Dungeness crab, class 118
        "n02268443": "insect",  # dragonfly, class 319
        "n02276258": None,  # admiral, class 321
    }
    for wnid, name in known.items():
        place = category_of(wnid)
        assert (None if place is None else NAMES[place]) == name


def test_the_tiny_set_is_imported_from_its_tar_with_images_of_no_class_apart(
    tiny_tree: Path, tmp_path: Path, empty_data_folder: Path
) -> None:
    done = CliRunner().invoke(app, ["data", "import", str(tar_of(tiny_tree, tmp_path / f"{TINY}.tar"))])
    assert done.exit_code == 0, done.output
    assert "other 9" in done.output
    splits = {split: open_split(TINY, split) for split in ("train", "validation", "test", "other", "sample")}
    assert splits["test"].labels.bincount().tolist() == [4] * 6
    assert splits["other"].labels.tolist() == [6] * 9
    train, validation = splits["train"], splits["validation"]
    assert len(train) + len(validation) == 180
    assert 6 <= len(validation) <= 36  # 18 are expected
    assert set(splits["sample"].labels.tolist()) == set(validation.labels.tolist())
    # the labels are in the data set's order, not the folders'
    for k, name in enumerate(SIX):
        with Image.open(next((tiny_tree / "test" / name).glob("*0.JPEG"))) as file:
            pixels = torch.from_numpy(np.asarray(file.convert("RGB")).copy()).permute(2, 0, 1)
        mine = splits["test"].bytes(splits["test"].labels == k)
        assert any(torch.equal(pixels, image) for image in mine)
    assert damaged_splits(TINY) == dict.fromkeys(("train", "validation", "test", "other"), False)
    assert splits["test"].source == restricted_tiny_imagenet.UNKNOWN_COPY
    images = empty_data_folder / TINY / "other-images.npy"
    images.write_bytes(images.read_bytes()[:-1] + b"\x07")
    assert damaged_splits(TINY)["other"]


def test_validation_images_stay_the_same_whatever_else_is_there(
    tiny_tree: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_path(tiny_tree)
    before = {image.numpy().tobytes() for image in open_split(TINY, "validation").bytes()}
    write_jpegs(tiny_tree / "train" / "dog", 45, "n00000003", 64)  # 15 are new, 30 as before under further names
    monkeypatch.setattr(restricted_tiny_imagenet, "COUNTS", {"train": 225, "test": 24, OTHER: 9})
    import_path(tiny_tree)
    after, train = (
        {image.numpy().tobytes() for image in open_split(TINY, split).bytes()} for split in ("validation", "train")
    )
    assert before <= after
    assert not after & train


def test_another_tree_is_refused_and_nothing_is_kept(tiny_tree: Path, empty_data_folder: Path) -> None:
    next((tiny_tree / OTHER).iterdir()).unlink()
    for name in (None, TINY):
        with pytest.raises(ValueError, match="does not hold restricted-tiny-imagenet"):
            import_path(tiny_tree, name)
    with pytest.raises(ValueError, match="Leave --size out"):
        import_path(tiny_tree, None, (32, 32))
    assert not (empty_data_folder / TINY).exists()


@pytest.mark.parametrize("name", [TINY, LARGE])
@pytest.mark.parametrize("split", ["train", "sample"])
def test_where_they_are_missing_a_sentence_says_why_there_is_no_sample(
    name: str, split: str, empty_data_folder: Path
) -> None:
    with pytest.raises(DataNotFound, match=r"no sample either.*aatviz data import PATH") as error:
        load_data(name, split)
    assert dataset(name).title in str(error.value)


def test_a_data_set_without_images_of_no_class_says_so() -> None:
    with pytest.raises(ValueError, match=r"A split of mnist is one of train, validation, test, sample; got 'other'"):
        open_split("mnist", "other")


def test_a_folder_of_imagenet_is_listed_and_decoded_on_the_fly(imagenet: Path, empty_data_folder: Path) -> None:
    done = import_path(imagenet)
    assert done.name == LARGE
    assert sum(file.stat().st_size for file in done.folder.iterdir()) < 50_000  # the images are not copied
    splits = {split: open_split(LARGE, split) for split in ("train", "validation", "test", "sample")}
    assert all(split.on_the_fly and split.shape == (3, 224, 224) for split in splits.values())
    assert splits["test"].labels.bincount().tolist() == [2] * 9
    assert len(splits["train"]) + len(splits["validation"]) == 180
    _, names = image_files.read_list(done.folder)
    everything = [name for part in names.values() for name in part]
    assert len(everything) == len(set(everything)) == 198
    assert not any("n02114367" in name or "n01440764" in name for name in everything)
    rows = torch.tensor([3, 0])
    x, y = splits["test"].images(rows), splits["test"].labels[rows]
    for image, label, row in zip(x, y, rows, strict=True):
        name = names["test"][row]
        assert category_of(name.split("/")[1]) == label
        with Image.open(imagenet / name) as file:
            middle = image_files.decode((imagenet / name).read_bytes(), (224, 224))[0]
            assert min(file.size) == 60
        assert np.array_equal((image * 255).round().byte().permute(1, 2, 0), middle)
    assert damaged_splits(LARGE) == dict.fromkeys(("train", "validation", "test"), False)
    grey = next(row for row, name in enumerate(names["train"] + names["validation"]) if _is_grey(imagenet / name))
    part = splits["train"] if grey < len(splits["train"]) else splits["validation"]
    image = part.bytes([grey % len(splits["train"])])[0]
    assert torch.equal(image[0], image[1])


def _is_grey(file: Path) -> bool:
    with Image.open(file) as picture:
        return picture.mode == "L"


def test_all_images_at_once_are_refused_where_they_would_fill_the_memory(
    imagenet: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_path(imagenet)
    assert load_data(LARGE, "test")[0].shape == (18, 3, 224, 224)
    monkeypatch.setattr(image_files, "MOST_HELD_BYTES", 1_000_000)
    with pytest.raises(ValueError, match=r"All 18 images at once would take 0\.0 GB"):
        load_data(LARGE, "test")
    assert [len(y) for _, y in open_split(LARGE, "test").batches(7)] == [7, 7, 4]


@pytest.mark.slow
def test_a_training_decodes_the_images_of_its_batches_alone(
    imagenet: Path, tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_path(imagenet)
    monkeypatch.setattr(image_files, "MOST_HELD_BYTES", 1_000_000)  # all at once are refused
    monkeypatch.setattr(loop, "MOST_JUDGED", 5)
    job = dataclasses.replace(
        recipes.get("tiny").job("classifier"),
        network="mlp",
        arch=(("widths", (4,)),),
        batch=6,
        steps=2,
        evaluations=1,
        crop=0.5,
    )
    rows = json.loads((loop.train(job, LARGE, tmp_path).parent / "history" / "classifier.json").read_text())
    assert [row["step"] for row in rows] == [2]
    assert rows[0]["validation_natural"] in [pytest.approx(right / 5) for right in range(6)]


def test_one_folder_without_train_and_val_is_divided_by_a_hash_of_the_names(
    imagenet: Path, tmp_path: Path, empty_data_folder: Path
) -> None:
    flat = tmp_path / "flat"
    for folder in sorted((imagenet / "train").iterdir()):
        shutil.copytree(folder, flat / folder.name)
    import_path(flat, LARGE)
    counts = {split: len(open_split(LARGE, split)) for split in ("train", "validation", "test")}
    assert sum(counts.values()) == 180
    assert all(set(open_split(LARGE, split).labels.tolist()) == set(range(9)) for split in counts)


def test_what_is_wrong_with_a_folder_of_imagenet_is_said(imagenet: Path, tmp_path: Path, empty_data_folder: Path) -> None:
    shutil.move(imagenet / "val", tmp_path / "val")
    with pytest.raises(ValueError, match="train alone"):
        import_path(imagenet, LARGE)
    write_jpegs(imagenet / "val", 3, "ILSVRC2012", 60)
    with pytest.raises(ValueError, match="move its files into them"):
        import_path(imagenet, LARGE)
    shutil.move(imagenet / "val", imagenet / "test")
    with pytest.raises(ValueError, match="test/ has no labels and cannot be used: give val/"):
        import_path(imagenet, LARGE)
    with pytest.raises(ValueError, match="unpack them first"):
        import_path(tar_of(imagenet, tmp_path / "imagenet.tar"), LARGE)
    assert not (empty_data_folder / LARGE).exists()


@pytest.mark.parametrize("below", ["", "n02085620"])
def test_the_test_images_of_imagenet_are_left_out_beside_val(below: str, imagenet: Path, empty_data_folder: Path) -> None:
    write_jpegs(imagenet / "test" / below, 3, "ILSVRC2012_test", 60)
    done = import_path(imagenet)
    assert "test/ is left out: where val/ is there, it is the test part." in done.notes
    _, names = image_files.read_list(empty_data_folder / LARGE)
    assert len(names["test"]) == 18
    assert all(name.startswith("val/") for name in names["test"])
    assert not any(name.startswith("test/") for part in names.values() for name in part)


def test_files_that_are_no_images_are_left_out_and_said(imagenet: Path, empty_data_folder: Path) -> None:
    dogs = imagenet / "train" / "n02085620"
    (dogs / "Thumbs.db").write_bytes(b"thumbs")
    (dogs / "labels.txt").write_text("n02085620")
    (dogs / "empty.JPEG").write_bytes(b"")
    done = import_path(imagenet)
    (said,) = [note for note in done.notes if "left out" in note]
    assert said.startswith("2 files left out: ")
    for name in ("empty.JPEG", "labels.txt"):
        assert f"train/n02085620/{name}: no image that can be read" in said
    for split in ("train", "validation", "test"):
        open_split(LARGE, split).bytes()
    assert damaged_splits(LARGE) == dict.fromkeys(("train", "validation", "test"), False)
    for file in (imagenet / "val" / "n02113978").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="no test image of dog"):
        import_path(imagenet)


def test_threads_that_decode_silence_no_warnings_but_pillows(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(64)]
    for name in names:  # with a damaged note of the camera, about which Pillow warns
        picture(0, (32, 32)).save(tmp_path / name, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\xff" * 40)
    before = list(warnings.filters)
    image_files.ImageFiles(tmp_path, names, (32, 32))[:]
    added = [one for one in warnings.filters if one not in before]
    assert all(one[3] is not None and one[3].match("PIL.Image") and not one[3].match("aatviz") for one in added)
    assert warnings.filters[len(added) :] == before
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_images_that_went_away_or_broke_are_named(imagenet: Path, empty_data_folder: Path) -> None:
    import_path(imagenet)
    split = open_split(LARGE, "test")
    _, names = image_files.read_list(empty_data_folder / LARGE)
    (imagenet / names["test"][0]).write_bytes(b"no image")
    with pytest.raises(ValueError, match="cannot be read"):
        split.bytes([0])
    assert damaged_splits(LARGE)["test"]
    (imagenet / names["test"][1]).unlink()
    with pytest.raises(FileNotFoundError, match="is gone"):
        split.bytes([1])
    shutil.rmtree(imagenet)
    with pytest.raises(DataNotFound, match="which its images were imported from, is gone"):
        open_split(LARGE, "test")
