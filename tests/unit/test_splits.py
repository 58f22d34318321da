"""Splits: which images belong to them, their bytes, floats, labels and hashes; and what is known of each data set."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aatviz.data import DataNotFound, Split, dataset, load_data, open_split
from aatviz.data.idx import map_idx
from aatviz.data.idx_set import FILES, VALIDATION, bundled, train_rows
from aatviz.data.mnist import SET
from aatviz.data.registry import BUILT_IN
from aatviz.data.spec import Threat, number, written
from aatviz.data.split import Bytes, fingerprints
from tests.unit.data_files import some_digits, write_idx_folder


def with_the_sample_inside() -> tuple[Bytes, Bytes]:
    """16,000 images: the 5,000 bundled ones at random places among others."""
    known, (others, labels) = bundled("mnist"), some_digits(11_000, 5)
    order = np.random.default_rng(6).permutation(16_000)
    images = np.concatenate([known.bytes().numpy()[:, 0], others])[order]
    return images, np.concatenate([known.label_bytes, labels])[order]


def sources() -> list[Any]:
    """The constructed training set; and the real one where this machine has it."""
    found = [pytest.param(with_the_sample_inside, id="constructed")]
    try:
        SET.open("train")
    except DataNotFound:
        return found
    files = [SET.folder / name for name in FILES["train"]]

    def real() -> tuple[Bytes, Bytes]:
        return map_idx(files[0]), map_idx(files[1])

    return [*found, pytest.param(real, id="MNIST")]


@pytest.mark.parametrize("source", sources())
def test_no_bundled_image_is_trained_on(source: Callable[[], tuple[Bytes, Bytes]]) -> None:
    images, known = source()[0], bundled("mnist").bytes().numpy()[:, 0]
    train, validation = train_rows(images, known)
    assert len(validation) == VALIDATION
    assert sorted([*train, *validation]) == list(range(len(images)))
    prints = fingerprints(images)
    assert {prints[row] for row in train}.isdisjoint(prints[row] for row in validation)
    assert set(fingerprints(known)) <= {prints[row] for row in validation}


def test_more_held_out_images_than_the_validation_part_takes_are_refused() -> None:
    images = np.arange(VALIDATION + 1, dtype=np.uint32).view(np.uint8).reshape(-1, 2, 2)
    with pytest.raises(ValueError, match="10001 images are held out"):
        train_rows(images, images)


# Split


SHAPES = [(1, 28, 28), (3, 32, 32), (3, 16, 24)]


def arrays(shape: tuple[int, int, int], count: int = 50) -> tuple[Bytes, Bytes]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, *shape), np.uint8), generator.integers(0, 7, count).astype(np.uint8)


ROWS: list[Any] = [
    slice(3, 9),
    [4, 4, 0],
    np.array([7, 1]),
    torch.tensor([2, 9]),
    torch.arange(20) % 2 == 0,
    slice(0, 0),
    None,
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("picked", [False, True])
@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_images_of_rows_are_those_of_the_whole(shape: tuple[int, int, int], picked: bool, rows: Any) -> None:
    pixels, labels = arrays(shape)
    chosen = np.random.default_rng(1).permutation(50)[:20]
    split = Split(pixels, labels, rows=chosen) if picked else Split(pixels[:20], labels[:20])
    own, own_labels = (pixels[chosen], labels[chosen]) if picked else (pixels[:20], labels[:20])
    assert (len(split), split.shape) == (20, shape)
    assert split.labels.tolist() == own_labels.tolist()
    index = slice(None) if rows is None else rows.numpy() if isinstance(rows, torch.Tensor) else rows
    assert split.bytes(rows).dtype == torch.uint8
    assert np.array_equal(split.bytes(rows), own[index])
    assert torch.equal(split.images(rows), torch.from_numpy(own[index].copy()).float() / 255)
    batches = list(split.batches(7))
    assert [len(y) for _, y in batches] == [7, 7, 6]
    assert torch.equal(torch.cat([x for x, _ in batches]), split.images())
    assert split.content_hash == hashlib.sha256(own.tobytes() + own_labels.tobytes()).hexdigest()


def test_what_is_handed_out_can_be_written_to_and_changes_nothing(tmp_path: Path) -> None:
    pixels, labels = arrays((1, 8, 8))
    np.save(tmp_path / "pixels.npy", pixels)
    split = Split(np.load(tmp_path / "pixels.npy", mmap_mode="r"), labels)
    for rows in (slice(0, 5), [1, 2], None):
        split.bytes(rows).zero_()
    assert np.array_equal(split.bytes(), pixels)


@pytest.mark.parametrize(("pixels", "labels"), [((5, 28, 28), (5,)), ((5, 1, 28, 28), (4,))])
def test_images_and_labels_that_do_not_fit_are_refused(pixels: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="are expected; got"):
        Split(np.zeros(pixels, np.uint8), np.zeros(labels, np.uint8))


# Data sets


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_idx_folder(folder / "MNIST" / "raw", with_the_sample_inside(), some_digits(40, 7))
    return folder


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("mnist", "train", 6_000),
        ("mnist", "validation", 10_000),
        ("mnist", "test", 40),
        ("mnist", "sample", 5_000),
        ("mnist-sample", "train", 3_000),
        ("mnist-sample", "validation", 1_000),
        ("mnist-sample", "test", 1_000),
        ("mnist-sample", "sample", 5_000),
        ("fashion-mnist", "sample", 2_000),
        ("cifar10", "sample", 1_500),
    ],
)
def test_load_data_gives_float_images_in_the_box_and_whole_labels(
    name: str, split: str, count: int, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(imported))
    x, y = load_data(name, split=split)
    assert x.shape == (count, *dataset(name).shape)
    assert y.shape == (count,)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (float(x.min()), float(x.max())) == (0, 1)
    assert y.unique().tolist() == list(range(10))


def test_labels_stay_with_their_images(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(imported))
    label = {image.tobytes(): int(k) for image, k in zip(*with_the_sample_inside(), strict=True)}
    for part in ("train", "validation"):
        split = open_split("mnist", part)
        assert [label[image.tobytes()] for image in split.bytes().numpy()] == split.labels.tolist()


@pytest.mark.parametrize(("name", "per_class"), [("mnist", 500), ("fashion-mnist", 200), ("cifar10", 150)])
def test_the_bundled_sample_is_balanced_shuffled_and_needs_no_data_folder(
    name: str, per_class: int, empty_data_folder: Path
) -> None:
    x, y = load_data(name, split="sample")
    assert torch.bincount(y).tolist() == [per_class] * 10
    assert len(x.flatten(1).unique(dim=0)) == 10 * per_class
    assert torch.bincount(y[:100], minlength=10).min() > 0  # the first hundred show every class


def test_the_bundled_digits_are_those_that_stored_records_were_measured_on() -> None:
    assert open_split("mnist", "sample").content_hash.startswith("5837617f6320b5bf")
    assert open_split("mnist-sample", "train").content_hash.startswith("38ed456e677df501")


def test_the_parts_of_mnist_sample_share_no_image() -> None:
    parts = [
        set(fingerprints(open_split("mnist-sample", split).bytes().numpy())) for split in ("train", "validation", "test")
    ]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 5_000


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_full_data_set_where_it_is_here_is_as_described(name: str) -> None:
    known = dataset(name)
    try:
        splits = {part: known.open(part) for part in known.splits}
    except DataNotFound:
        pytest.skip(f"{name} is not on this machine")
    assert {part: len(split) for part, split in splits.items()} == {p: info.count for p, info in known.splits.items()}
    if name == "mnist-sample":
        return
    prints = {part: set(fingerprints(split.bytes().numpy())) for part, split in splits.items()}
    assert prints["train"].isdisjoint(prints["validation"] | prints["test"])
    assert prints["sample"] <= prints["validation"]
    assert all(split.computed_hash() == split.content_hash for split in splits.values())
    if name == "mnist":
        assert splits["train"].content_hash == "e56441c51d84b96d44af9dc91ac276df143cf2f0268ce2dabea37899d88a75a7"


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("cifar", "test", "'cifar'; there are mnist"),
        ("../../etc", "test", "there are mnist"),
        ("mnist", "dev", "train, validation, test"),
    ],
)
def test_unknown_names_are_refused_with_those_there_are(name: str, split: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_data(name, split=split)


def test_an_unknown_name_may_be_data_that_is_elsewhere(empty_data_folder: Path) -> None:
    with pytest.raises(DataNotFound, match="aatviz data import PATH --name"):
        open_split("pets", "test")


def test_eps_is_written_as_the_field_does() -> None:
    assert number("8/255") == 8 / 255
    assert number("0.5/255") == 0.5 / 255
    assert number("0.3") == 0.3
    for text in ("0.3", "8/255", "0.5/255", "2.56/255", "0.1/255"):
        assert written(number(text)) == text
    off = 8 / 255 / 80
    assert number(written(off)) == off != 0.1 / 255
    assert written(off, nearly=True) == "0.1/255"
    for text in ("8/0", "eight", "", "nan", "1/2/3", "inf"):
        with pytest.raises(ValueError, match="write it like"):
            number(text)
    with pytest.raises(ValueError, match="above 0"):
        Threat(norm="Linf", eps="0", step_size="1", steps=1)


LARGE = """
import resource, sys, torch
import numpy as np
from aatviz.data import Split
from aatviz.evaluate.images import outputs
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
split = Split(np.load(sys.argv[1], mmap_mode="r"), np.zeros(30_000, np.uint8))
before = peak()
found = outputs(lambda x: x.flatten(1).mean(1), split)
split.computed_hash()
assert found.shape == (30_000,)
print(peak() - before)
"""


@pytest.mark.slow
def test_a_large_split_is_evaluated_without_ever_being_in_memory_as_floats(tmp_path: Path) -> None:
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (30_000, 3, 32, 32))
    images.flush()
    found = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "images.npy")], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < images.nbytes + 80_000_000  # as floats it would be four times the bytes
