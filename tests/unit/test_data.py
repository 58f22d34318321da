"""IDX files, their import, and the split that keeps every bundled image out of training."""

import gzip
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aatviz.data import SPLITS, DataNotFound, dataset, idx_set, load_data, open_split
from aatviz.data.idx import map_idx, read_idx, write_idx
from aatviz.data.importing import download, import_path
from aatviz.data.mnist import SET
from aatviz.data.split import Bytes, fingerprints
from tests.unit.data_files import NAMES, contents, hashes, idx_bytes, some_digits, write_idx_folder

IMAGES, LABELS = NAMES[::2], NAMES[1::2]


# IDX files


@pytest.mark.parametrize("shape", [(7,), (3, 28, 28), (2, 3, 4, 5), (0, 28, 28)], ids=str)
@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_is_read_as_it_was_written(shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    assert np.array_equal(read_idx(path), array)
    assert read_idx(path).shape == shape
    if not packed:
        assert np.array_equal(map_idx(path), array)
        write_idx(tmp_path / "again", array)
        assert (tmp_path / "again").read_bytes() == path.read_bytes()


WHOLE = idx_bytes(np.zeros((3, 4, 5)))
DAMAGED = {
    "cut off in the data": (WHOLE[:-1], "truncated or damaged: 60 bytes announced, 59 found"),
    "too long": (WHOLE + b"\0", "60 bytes announced, (at least )?61 found"),
    "cut off in the header": (WHOLE[:10], "truncated: its header alone has 16 bytes, 10 found"),
    "another magic number": (b"\x89PNG" + WHOLE, "not an IDX file of bytes: it starts with 89504e47"),
    "floats": (b"\0\0\x0d\x03" + WHOLE[4:], "not an IDX file of bytes"),
    "empty": (b"", "it starts with nothing"),
    "far too large": (b"\0\0\x08\x03" + b"\xff" * 12, "at most"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=list(DAMAGED))
@pytest.mark.parametrize("read", ["plain", "packed", "mapped"])
def test_a_damaged_idx_file_is_named(data: bytes, message: str, read: str, tmp_path: Path) -> None:
    path = tmp_path / ("digits.gz" if read == "packed" else "digits")
    path.write_bytes(gzip.compress(data) if read == "packed" else data)
    with pytest.raises(ValueError, match=message) as error:
        (map_idx if read == "mapped" else read_idx)(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("spoil", [lambda b: b[:-9], lambda b: b[:15] + b"\xff" * 9 + b[24:], lambda b: b"no gzip"])
def test_a_damaged_gzip_file_is_named(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "digits.gz"
    path.write_bytes(spoil(gzip.compress(WHOLE)))
    with pytest.raises(ValueError, match="cannot be unpacked") as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_of_a_file_that_unpacks_to_far_more_than_announced_no_more_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(WHOLE)
        for _ in range(40):
            file.write(bytes(10_000_000))
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    with pytest.raises(ValueError, match="60 bytes announced, at least 61 found"):
        read_idx(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before < 50_000_000


# Import and download


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> idx_set.Parts:
    """What is MNIST in this test: thirty and twenty images of noise."""
    parts = {"train": some_digits(30, 1), "test": some_digits(20, 2)}
    monkeypatch.setitem(SET.hashes, "train", hashes(parts)["train"])
    monkeypatch.setitem(SET.hashes, "test", hashes(parts)["test"])
    return parts


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", [None, "mnist"])
def test_a_known_data_set_is_recognised_by_its_content(
    packed: bool, name: str | None, known: idx_set.Parts, tmp_path: Path, empty_data_folder: Path
) -> None:
    done = import_path(write_idx_folder(tmp_path / "source", *known.values(), packed=packed), name)
    assert (done.name, done.folder) == ("mnist", empty_data_folder / "MNIST" / "raw")
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(NAMES)
    test = open_split("mnist", "test")
    assert np.array_equal(test.bytes()[:, 0], known["test"][0])
    assert np.array_equal(test.labels, known["test"][1])
    assert sorted(contents(empty_data_folder)) == sorted(f"MNIST/raw/{file}" for file in NAMES)


REFUSED: dict[str, tuple[Callable[[idx_set.Parts], idx_set.Parts], str]] = {
    "noise": (lambda known: {"train": some_digits(30, 8), "test": some_digits(20, 9)}, "is known by its content.*--name"),
    "too few": (lambda known: {part: (x[:9], y[:9]) for part, (x, y) in known.items()}, "is known by its content"),
    "swapped": (lambda known: {"train": known["test"], "test": known["train"]}, "files of MNIST are swapped"),
    "other tests": (
        lambda known: known | {"test": some_digits(20, 9)},
        "train files hold MNIST's",
    ),
    "trained on the tests": (lambda known: known | {"train": known["test"]}, "train files hold MNIST's images"),
    "another label": (lambda known: known | {"test": (known["test"][0], known["test"][1][::-1])}, "the others do not"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_not_the_known_data_set_is_refused_and_the_earlier_one_stays(
    change: Callable[[idx_set.Parts], idx_set.Parts],
    message: str,
    known: idx_set.Parts,
    tmp_path: Path,
    empty_data_folder: Path,
) -> None:
    import_path(write_idx_folder(tmp_path / "known", *known.values()))
    before = contents(empty_data_folder)
    with pytest.raises(ValueError, match=message):
        import_path(write_idx_folder(tmp_path / "source", *change(known).values()))
    with pytest.raises(ValueError, match=r"MNIST|mnist"):
        import_path(tmp_path / "source", "mnist")
    assert contents(empty_data_folder) == before


def test_other_idx_files_are_a_data_set_of_the_given_name(tmp_path: Path, empty_data_folder: Path) -> None:
    train, test = some_digits(200, 3), some_digits(40, 4)
    import_path(write_idx_folder(tmp_path / "source", train, test), "my-digits")
    found = dataset("my-digits")
    assert (found.shape, found.classes) == ((1, 28, 28), tuple("0123456789"))
    parts = {part: open_split("my-digits", part) for part in ("train", "validation", "test")}
    assert {part: len(split) for part, split in parts.items()} == {part: found.splits[part].count for part in parts}
    label = {image.tobytes(): k for images, labels in (train, test) for image, k in zip(images, labels, strict=True)}
    for split in parts.values():
        assert [label[image.tobytes()] for image in split.bytes().numpy()] == split.labels.tolist()
    prints = {part: set(fingerprints(split.bytes().numpy())) for part, split in parts.items()}
    assert prints["test"] == set(fingerprints(test[0]))
    assert prints["train"] | prints["validation"] == set(fingerprints(train[0]))
    assert prints["train"].isdisjoint(prints["validation"])


SPOILT: dict[str, tuple[str, bytes | None, str]] = {
    **{
        f"{name} cut off": (name, idx_bytes(np.zeros((20, 28, 28) if name in IMAGES else 20))[:-1], "truncated")
        for name in NAMES
    },
    **{f"{name} missing": (name, None, "missing") for name in NAMES},
    **{f"{name} of another size": (name, idx_bytes(np.zeros((20, 27, 28))), "28 x 28") for name in IMAGES},
    **{f"{name} without images": (name, idx_bytes(np.zeros((0, 28, 28))), "no image at all") for name in IMAGES},
    **{f"{name} beyond 9": (name, idx_bytes(np.full(20, 10)), "one class 0-9") for name in LABELS},
    **{f"{name} of another count": (name, idx_bytes(np.zeros(19)), "one class 0-9") for name in LABELS},
}


@pytest.mark.parametrize(("name", "data", "message"), SPOILT.values(), ids=list(SPOILT))
@pytest.mark.parametrize("called", [None, "my-digits"])
def test_a_bad_file_is_named_and_nothing_is_imported(
    name: str, data: bytes | None, message: str, called: str | None, tmp_path: Path, empty_data_folder: Path
) -> None:
    source = write_idx_folder(tmp_path / "source", some_digits(20, 3), some_digits(20, 4))
    if data is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(data)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        import_path(source, called)
    assert name in str(error.value)
    assert str(source) in str(error.value)
    assert contents(empty_data_folder) == {}


def test_a_link_is_not_followed(tmp_path: Path, empty_data_folder: Path) -> None:
    source = write_idx_folder(tmp_path / "source", some_digits(20, 3), some_digits(20, 4))
    (tmp_path / "secret").write_text("secret")
    (source / NAMES[0]).unlink()
    (source / NAMES[0]).symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="is a link") as error:
        import_path(source)
    assert "secre" not in str(error.value)


def test_an_import_that_fails_while_writing_leaves_the_earlier_one(
    known: idx_set.Parts, tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_idx_folder(tmp_path / "source", *known.values())
    import_path(source)
    before = contents(empty_data_folder)

    def full_disk(target: Path, array: Bytes) -> None:
        if target.name == NAMES[2]:
            raise OSError("No space left on device")
        write_idx(target, array)

    monkeypatch.setattr(idx_set, "write_idx", full_disk)
    with pytest.raises(OSError, match="No space left"):
        import_path(source)
    assert contents(empty_data_folder) == before


@pytest.mark.parametrize("fault", [None, "cut off", "something else"])
def test_a_download_is_all_or_nothing(
    fault: str | None, known: idx_set.Parts, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torchvisions(root: str, download: bool) -> None:
        assert download
        got = {"train": some_digits(30, 5), "test": some_digits(20, 6)} if fault == "something else" else known
        folder = write_idx_folder(Path(root) / "MNIST" / "raw", *got.values())
        if fault == "cut off":
            (folder / NAMES[3]).unlink()
            raise RuntimeError("network unreachable")

    monkeypatch.setattr("torchvision.datasets.MNIST", torchvisions)
    if fault:
        with pytest.raises((RuntimeError, ValueError), match=r"unreachable|not MNIST"):
            download("mnist")
        assert contents(empty_data_folder) == {}
    else:
        download("mnist")
        assert np.array_equal(open_split("mnist", "test").bytes()[:, 0], known["test"][0])


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
@pytest.mark.parametrize("split", [split for split in SPLITS if split != "sample"])
def test_a_missing_data_set_names_the_command_that_gets_it(name: str, split: str, empty_data_folder: Path) -> None:
    with pytest.raises(DataNotFound, match=f"aatviz data download {name}") as error:
        load_data(name, split=split)
    assert str(empty_data_folder) in str(error.value)
    assert "aatviz data import" in str(error.value)
