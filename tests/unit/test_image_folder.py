"""Data sets from image files: classes, splits, what is left out, and archives that are not to be trusted."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aatviz.data import DataNotFound, dataset, names, open_split
from aatviz.data.decode import Unreadable, decode
from aatviz.data.importing import import_path
from aatviz.data.split import fingerprints
from tests.unit.data_files import contents, image_bytes, picture, tar_of, write_images, zip_of

COUNTS = {"cat": 30, "dog": 25, "eel": 20}
PARTS = ("train", "validation", "test")


@pytest.fixture
def pets(tmp_path: Path, empty_data_folder: Path) -> Path:
    return write_images(tmp_path / "pets", COUNTS)


def prints(name: str) -> dict[str, dict[bytes, int]]:
    """The class of every image of each split."""
    splits = {part: open_split(name, part) for part in PARTS}
    return {
        part: dict(zip(fingerprints(split.bytes().numpy()), split.labels.tolist(), strict=True))
        for part, split in splits.items()
    }


def itself(folder: Path, _: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("pack", "target"), [(itself, ""), (tar_of, "pets.tar"), (tar_of, "pets.tar.gz"), (zip_of, "pets.zip")]
)
def test_a_folder_or_an_archive_of_it_becomes_a_data_set(
    pack: Callable[[Path, Path], Path], target: str, pets: Path, tmp_path: Path
) -> None:
    done = import_path(pack(pets, tmp_path / target), "pets", (20, 20))
    assert "Images a class: cat 30, dog 25, eel 20." in done.notes
    found = dataset("pets")
    assert (found.shape, found.classes, found.noun) == ((3, 20, 20), ("cat", "dog", "eel"), "image")
    assert "pets" in names()
    by_part = prints("pets")
    together = {image: k for part in by_part.values() for image, k in part.items()}
    assert sum(len(part) for part in by_part.values()) == len(together) == 75
    for k, name in enumerate(COUNTS):
        for file in (pets / name).iterdir():
            pixels = np.asarray(Image.open(file)).transpose(2, 0, 1)
            assert together[fingerprints(pixels[None])[0]] == k
    for part in PARTS:
        split = open_split("pets", part)
        assert len(split) == found.splits[part].count
        assert split.content_hash == split.computed_hash() == found.hashes[part]
        assert split.labels.unique().tolist() == [0, 1, 2]
    sample = open_split("pets", "sample")
    assert set(fingerprints(sample.bytes().numpy())) <= by_part["validation"].keys()
    assert len(sample) == found.splits["sample"].count


def test_more_images_leave_those_that_are_there_where_they_are(pets: Path) -> None:
    import_path(pets, "pets", (20, 20))
    before = prints("pets")
    write_images(pets / "more", {"eel": 0})
    for file in (write_images(pets.with_name("more"), {"x": 40}, first_seed=500) / "x").iterdir():
        shutil.copy(file, pets / "cat" / f"new-{file.name}")
    shutil.rmtree(pets / "more")
    import_path(pets, "pets", (20, 20))
    after = prints("pets")
    assert sum(map(len, after.values())) == 115
    for part in PARTS:
        assert before[part].items() <= after[part].items()


def test_train_and_test_are_kept_apart_and_duplicates_between_them_are_said(tmp_path: Path, empty_data_folder: Path) -> None:
    top = tmp_path / "pets"
    write_images(top / "train", COUNTS)
    write_images(top / "test", {"cat": 5, "dog": 5, "eel": 5}, first_seed=1000)
    for number in range(3):
        shutil.copy(top / "train" / "dog" / f"{number:03}.png", top / "test" / "dog" / f"copy-{number}.png")
    done = import_path(top, "pets", (20, 20))
    assert any("3 test images are also among the training or validation images" in note for note in done.notes)
    found = dataset("pets").splits
    assert found["test"].count == 18
    assert found["train"].count + found["validation"].count == 75
    with_validation = write_images(top / "validation", {"cat": 4, "dog": 4, "eel": 4}, first_seed=2000).parent
    import_path(with_validation, "pets", (20, 20))
    assert {part: info.count for part, info in dataset("pets").splits.items()} == {
        "train": 75, "validation": 12, "test": 18, "sample": 12,
    }  # fmt: skip


def test_folders_beside_train_and_test_are_left_out_and_said(tmp_path: Path, empty_data_folder: Path) -> None:
    counts = {"train/cat": 9, "train/dog": 8, "test/cat": 3, "test/dog": 2, "other": 4, "extra/fox": 5}
    done = import_path(tar_of(write_images(tmp_path / "pets", counts), tmp_path / "pets.tar"), "pets", (20, 20))
    assert any("Left out: extra/ (5 images), other/ (4 images)." in note for note in done.notes)
    assert "Images a class: cat 12, dog 10." in done.notes
    found = dataset("pets")
    assert found.classes == ("cat", "dog")
    assert found.splits["test"].count == 5
    assert found.splits["train"].count + found.splits["validation"].count == 17
    outside = set(fingerprints(np.stack([np.asarray(picture(seed)).transpose(2, 0, 1) for seed in range(22, 31)])))
    assert not outside & {image for part in prints("pets").values() for image in part}


def test_what_is_no_whole_image_is_left_out_and_said(pets: Path) -> None:
    whole = image_bytes(picture(900))
    (pets / "cat" / "half.png").write_bytes(whole[: len(whole) // 2])
    (pets / "cat" / "empty.jpg").write_bytes(b"")
    (pets / "dog" / "notes.txt").write_text("no image")
    (pets / "dog" / "link.png").symlink_to(pets / "cat" / "000.png")
    (pets / "eel" / ".hidden.png").write_bytes(whole)
    os.mkfifo(pets / "eel" / "pipe.png")
    (pets.parent / "elsewhere").mkdir()
    (pets.parent / "elsewhere" / "secret.png").write_bytes(whole)
    (pets / "fox").symlink_to(pets.parent / "elsewhere")
    done = import_path(pets, "pets", (20, 20))
    (left_out,) = [note for note in done.notes if "left out" in note]
    assert left_out.startswith("6 files left out")
    for name in (
        "cat/half.png: damaged",
        "cat/empty.jpg",
        "dog/notes.txt",
        "dog/link.png: a link",
        "fox: a link",
        "pipe.png",
    ):
        assert name in left_out
    assert dataset("pets").classes == tuple(COUNTS)
    assert sum(map(len, prints("pets").values())) == 75


def test_images_are_turned_upright_cut_to_the_middle_and_made_opaque() -> None:
    left_dark = Image.new("RGB", (40, 20), "white")
    left_dark.paste("black", (0, 0, 20, 20))
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: left is up
    pixels, grey = decode(image_bytes(left_dark, "JPEG", exif=turned), (16, 16))
    assert (pixels.shape, grey) == ((16, 16, 3), False)
    assert pixels[:6].max() < 20
    assert pixels[-6:].min() > 235
    wide = Image.new("RGB", (60, 20), "red")
    wide.paste("blue", (20, 0, 40, 20))
    assert (decode(image_bytes(wide), (20, 20))[0] == (0, 0, 255)).all()
    assert decode(image_bytes(Image.new("RGBA", (9, 9), (0, 0, 0, 0))), (9, 9))[0].min() == 255
    deep = Image.fromarray(np.full((9, 9), 0x8000, np.uint16))
    assert decode(image_bytes(deep), (9, 9))[0].tolist() == [[[128] * 3] * 9] * 9
    with pytest.raises(Unreadable, match="million"):
        decode(image_bytes(Image.new("1", (10_000, 6_000))), (9, 9))


def test_a_damaged_note_in_an_image_costs_nothing() -> None:
    pixels, _ = decode(image_bytes(picture(1), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff broken"), (20, 20))
    assert np.array_equal(pixels, np.asarray(picture(1)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_damaged_images_of_every_format_are_left_out_or_read(kind: str) -> None:
    whole = image_bytes(picture(3), kind)
    generator = np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole[: generator.integers(1, len(whole) + 1)])
        for place in generator.integers(0, len(data), 3):
            data[place] = generator.integers(256)
        try:
            assert decode(bytes(data), (12, 12))[0].shape == (12, 12, 3)
        except Unreadable:
            continue


def test_grey_images_make_a_data_set_of_one_channel(tmp_path: Path, empty_data_folder: Path) -> None:
    for number in range(60):
        file = tmp_path / "grey" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image_bytes(picture(number, (16, 24), "L")))
    import_path(tmp_path / "grey", "grey", (16, 24))
    assert open_split("grey", "train").shape == dataset("grey").shape == (1, 16, 24)


REFUSED: dict[str, tuple[dict[str, int], str]] = {
    "one class": ({"cat": 9}, "lie in no class"),
    "nothing": ({}, "no image in"),
    "too small": ({"cat": 20, "dog": 1}, "no .* image of dog"),
    "loose": ({".": 2, "cat": 20, "dog": 20}, "2 images lie in no class"),
    "too many classes": ({f"class {k}": 1 for k in range(201)}, "has 201 classes"),
    "another class in test": ({"train/a": 9, "train/b": 9, "test/a": 3, "test/c": 3}, "no .* image of"),
}


@pytest.mark.parametrize(("counts", "message"), REFUSED.values(), ids=list(REFUSED))
def test_other_folders_are_refused_and_nothing_is_left_behind(
    counts: dict[str, int], message: str, tmp_path: Path, empty_data_folder: Path
) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(ValueError, match=message):
        import_path(write_images(tmp_path / "source", counts, size=(8, 8)), "pets", (8, 8))
    assert contents(empty_data_folder) == {}
    assert [path.name for path in empty_data_folder.iterdir()] == [".import.lock"]


@pytest.mark.parametrize(
    "name", ["mnist", "cifar10", "mnist-sample", "../up", "a/b", "", "Pets", "import-x", "x" * 41, "-", "..."]
)
def test_a_name_that_is_taken_or_no_name_is_refused(name: str, pets: Path, empty_data_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"name|not hold"):
        import_path(pets, name)
    assert contents(empty_data_folder) == {}


def test_images_without_a_name_and_a_name_of_something_else_are_refused(pets: Path, empty_data_folder: Path) -> None:
    with pytest.raises(ValueError, match="--name pets"):
        import_path(pets)
    (empty_data_folder / "thesis").mkdir()
    (empty_data_folder / "thesis" / "chapter").write_text("all my work")
    with pytest.raises(ValueError, match="is no data set"):
        import_path(pets, "thesis")
    assert contents(empty_data_folder) == {"thesis/chapter": b"all my work"}
    with pytest.raises(ValueError, match="--size is 8 to 256"):
        import_path(pets, "pets", (4, 4))


def test_a_data_set_that_is_not_here_any_more_is_not_found(pets: Path, empty_data_folder: Path) -> None:
    import_path(pets, "pets", (20, 20))
    shutil.rmtree(empty_data_folder / "pets")
    with pytest.raises(DataNotFound, match="aatviz data import"):
        open_split("pets", "test")
