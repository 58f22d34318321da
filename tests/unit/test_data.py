"""IDX files, the import of a folder, and the split that keeps every bundled image out of training."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aatviz.data import SPLITS, DataNotFound, load_data, load_digits, mnist
from aatviz.data.idx import read_idx
from aatviz.data.mnist import FILES, VALIDATION, Digits, import_idx, sample, split_train

NAMES = [name for pair in FILES.values() for name in pair]
IMAGES, LABELS = NAMES[::2], NAMES[1::2]


def idx_bytes(array: NDArray[Any]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def write_folder(folder: Path, train: Digits, test: Digits, *, packed: bool = False) -> Path:
    """The four IDX files, plain or gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(NAMES, [*train, *test], strict=True):
        data = idx_bytes(array)
        (folder / f"{name}.gz" if packed else folder / name).write_bytes(gzip.compress(data, 1) if packed else data)
    return folder


def some_digits(count: int, seed: int) -> Digits:
    generator = np.random.default_rng(seed)
    return Digits(generator.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# IDX files


@pytest.mark.parametrize("shape", [(7,), (3, 28, 28), (2, 3, 4, 5), (0, 28, 28)], ids=str)
@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_is_read_as_it_was_written(shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    assert np.array_equal(read_idx(path), array)
    assert read_idx(path).shape == shape


WHOLE = idx_bytes(np.zeros((3, 4, 5)))
DAMAGED = {
    "cut off in the data": (WHOLE[:-1], "truncated or damaged: 60 bytes announced, 59 found"),
    "too long": (WHOLE + b"\0", "60 bytes announced, 61 found"),
    "cut off in the header": (WHOLE[:10], "truncated: its header alone has 16 bytes, 10 found"),
    "another magic number": (b"\x89PNG" + WHOLE, "not an IDX file of bytes: it starts with 89504e47"),
    "floats": (b"\0\0\x0d\x03" + WHOLE[4:], "not an IDX file of bytes"),
    "empty": (b"", "it starts with nothing"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=list(DAMAGED))
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_idx_file_is_named(data: bytes, message: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("digits.gz" if packed else "digits")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(ValueError, match=message) as error:
        read_idx(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("spoil", [lambda b: b[:-9], lambda b: b[:15] + b"\xff" * 9 + b[24:], lambda b: b"no gzip"])
def test_a_damaged_gzip_file_is_named(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "digits.gz"
    path.write_bytes(spoil(gzip.compress(WHOLE)))
    with pytest.raises(ValueError, match="cannot be unpacked") as error:
        read_idx(path)
    assert str(path) in str(error.value)


# Import and download


@pytest.mark.parametrize("packed", [False, True])
def test_an_imported_folder_can_be_loaded(packed: bool, tmp_path: Path, empty_data_folder: Path) -> None:
    train, test = some_digits(30, 1), some_digits(20, 2)
    target = import_idx(write_folder(tmp_path / "source", train, test, packed=packed))
    assert sorted(path.name for path in target.iterdir()) == sorted(NAMES)
    for part, digits in (("train", train), ("test", test)):
        assert all(np.array_equal(one, other) for one, other in zip(mnist.full(part), digits, strict=True))


def test_an_import_replaces_an_earlier_one(tmp_path: Path, empty_data_folder: Path) -> None:
    import_idx(write_folder(tmp_path / "first", some_digits(30, 1), some_digits(20, 2)))
    import_idx(write_folder(tmp_path / "second", some_digits(10, 3), some_digits(10, 4)))
    assert np.array_equal(mnist.full("test").images, some_digits(10, 4).images)
    assert len(contents(empty_data_folder)) == 4


SPOILT: dict[str, tuple[str, bytes | None, str]] = {
    **{f"{name} cut off": (name, WHOLE[:-1], "truncated") for name in NAMES},
    **{f"{name} missing": (name, None, "missing") for name in NAMES},
    **{f"{name} of another size": (name, idx_bytes(np.zeros((20, 27, 28))), "28 x 28") for name in IMAGES},
    **{f"{name} beyond 9": (name, idx_bytes(np.full(20, 10)), "one digit 0-9") for name in LABELS},
    **{f"{name} of another count": (name, idx_bytes(np.zeros(19)), "one digit 0-9") for name in LABELS},
}


@pytest.mark.parametrize(("name", "data", "message"), SPOILT.values(), ids=list(SPOILT))
@pytest.mark.parametrize("earlier", [False, True])
def test_a_bad_file_is_named_and_nothing_is_imported(
    name: str, data: bytes | None, message: str, earlier: bool, tmp_path: Path, empty_data_folder: Path
) -> None:
    if earlier:
        import_idx(write_folder(tmp_path / "earlier", some_digits(20, 1), some_digits(20, 2)))
    before = contents(empty_data_folder)
    source = write_folder(tmp_path / "source", some_digits(20, 3), some_digits(20, 4))
    if data is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(data)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        import_idx(source)
    assert name in str(error.value)
    assert str(source) in str(error.value)
    assert contents(empty_data_folder) == before


def test_an_import_that_fails_while_writing_leaves_the_earlier_one(
    tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_idx(write_folder(tmp_path / "earlier", some_digits(20, 1), some_digits(20, 2)))
    before = contents(empty_data_folder)
    source = write_folder(tmp_path / "source", some_digits(20, 3), some_digits(20, 4))
    write = mnist._write_plain

    def full_disk(target: Path, array: NDArray[np.uint8]) -> None:
        if target.name == NAMES[2]:
            raise OSError("No space left on device")
        write(target, array)

    monkeypatch.setattr(mnist, "_write_plain", full_disk)
    with pytest.raises(OSError, match="No space left"):
        import_idx(source)
    assert contents(empty_data_folder) == before


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_download_is_all_or_nothing(cut_off: bool, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torchvisions(root: str, download: bool) -> None:
        assert download
        folder = write_folder(Path(root) / "MNIST" / "raw", some_digits(20, 1), some_digits(20, 2))
        if cut_off:
            (folder / NAMES[3]).unlink()
            raise RuntimeError("network unreachable")

    monkeypatch.setattr("torchvision.datasets.MNIST", torchvisions)
    if cut_off:
        with pytest.raises(RuntimeError, match="unreachable"):
            mnist.download()
        assert contents(empty_data_folder) == {}
    else:
        mnist.download()
        assert np.array_equal(mnist.full("test").images, some_digits(20, 2).images)


@pytest.mark.parametrize("split", [split for split in SPLITS if split != "sample"])
def test_a_missing_data_set_names_the_command_that_gets_it(split: str, empty_data_folder: Path) -> None:
    with pytest.raises(DataNotFound, match="aatviz data download mnist") as error:
        load_data("mnist", split=split)
    assert str(empty_data_folder) in str(error.value)
    assert "aatviz data import" in str(error.value)


# The split


def with_the_sample_inside() -> Digits:
    """16,000 images: the 5,000 bundled ones at random places among others."""
    bundled, others = sample(), some_digits(11_000, 5)
    order = np.random.default_rng(6).permutation(16_000)
    return Digits(
        np.concatenate([bundled.images, others.images])[order], np.concatenate([bundled.labels, others.labels])[order]
    )


def sources() -> list[Any]:
    """The constructed training set; and the real one where this machine has it."""
    found = [pytest.param(with_the_sample_inside, id="constructed")]
    try:
        mnist.full("train")
    except DataNotFound:
        return found
    folder = mnist.data_folder()

    def real() -> Digits:
        return mnist._read(*(mnist._raw(folder) / name for name in FILES["train"]))

    return [*found, pytest.param(real, id="MNIST")]


def fingerprints(digits: Digits) -> set[bytes]:
    return {image.tobytes() for image in digits.images}


@pytest.mark.parametrize("source", sources())
def test_no_bundled_image_is_trained_on(source: Callable[[], Digits]) -> None:
    digits, bundled = source(), sample()
    train, validation = split_train(digits, bundled)
    assert len(validation.images) == len(validation.labels) == VALIDATION
    assert len(train.images) == len(train.labels) == len(digits.images) - VALIDATION
    assert fingerprints(train).isdisjoint(fingerprints(validation))
    assert fingerprints(bundled) <= fingerprints(validation)
    assert fingerprints(train) | fingerprints(validation) == fingerprints(digits)


def test_labels_stay_with_their_images() -> None:
    digits = with_the_sample_inside()
    label = {image.tobytes(): int(k) for image, k in zip(*digits, strict=True)}
    for part in split_train(digits, sample()):
        assert all(label[image.tobytes()] == k for image, k in zip(*part, strict=True))


def test_more_held_out_images_than_the_validation_part_takes_are_refused() -> None:
    images = np.arange(VALIDATION + 1, dtype=np.uint32).view(np.uint8).reshape(-1, 2, 2)
    digits = Digits(images, np.zeros(len(images), dtype=np.uint8))
    with pytest.raises(ValueError, match="10001 images are held out"):
        split_train(digits, digits)


# load_data


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AATVIZ_DATA", str(folder))
        import_idx(write_folder(tmp_path_factory.mktemp("source"), with_the_sample_inside(), some_digits(40, 7)))
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
    ],
)
def test_load_data_gives_float_images_in_the_box_and_whole_labels(
    name: str, split: str, count: int, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(imported))
    x, y = load_data(name, split=split)
    assert x.shape == (count, 1, 28, 28)
    assert y.shape == (count,)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (float(x.min()), float(x.max())) == (0, 1)
    assert y.unique().tolist() == list(range(10))


def test_the_bundled_sample_holds_500_of_each_digit_and_needs_no_data_folder(empty_data_folder: Path) -> None:
    x, y = load_data("mnist", split="sample")
    assert torch.bincount(y).tolist() == [500] * 10
    assert len(x.flatten(1).unique(dim=0)) == 5_000
    assert torch.bincount(y[:100], minlength=10).min() > 0  # shuffled: the first hundred show every digit


def test_the_parts_of_mnist_sample_share_no_image() -> None:
    parts = [fingerprints(load_digits("mnist-sample", split)) for split in ("train", "validation", "test")]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 5_000


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [("cifar", "test", "'cifar'; there are mnist"), ("mnist", "dev", "train, validation, test")],
)
def test_unknown_names_are_refused_with_those_there_are(name: str, split: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_data(name, split=split)
