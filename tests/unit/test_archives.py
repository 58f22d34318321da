"""Archives of images that are damaged, lead elsewhere or unpack without end."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aatviz.data import entries, image_tree, open_split
from aatviz.data.importing import import_path
from tests.unit.data_files import contents, image_bytes, picture, tar_of, write_images, zip_of


@pytest.fixture
def pets(tmp_path: Path, empty_data_folder: Path) -> Path:
    return write_images(tmp_path / "pets", {"cat": 30, "dog": 25, "eel": 20})


def tar_with(target: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(target, "w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (member("/etc/cat/a.png"), "leads out"),
        (member("pets/../../cat/a.png"), "leads out"),
        (member("C:\\cat\\a.png"), "leads out"),
        (member("cat/a.png", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (member("cat/a.png", tarfile.LNKTYPE, "cat/b.png"), "is a link"),
        (member("cat/a.png", tarfile.CHRTYPE), "link or a device"),
        (member("cat/a.png", tarfile.FIFOTYPE), "link or a device"),
    ],
)
def test_a_tar_that_leads_elsewhere_is_refused(
    info: tarfile.TarInfo, message: str, tmp_path: Path, empty_data_folder: Path
) -> None:
    data = image_bytes(picture(1)) if info.isreg() else b""
    archive = tar_with(tmp_path / "pets.tar", (member("cat/fine.png"), image_bytes(picture(2))), (info, data))
    with pytest.raises(ValueError, match=message):
        import_path(archive, "pets")
    assert contents(empty_data_folder) == {}


@pytest.mark.parametrize("name", ["/cat/a.png", "../cat/a.png", "cat/../../a.png", "..\\a.png"])
def test_a_zip_that_leads_elsewhere_is_refused(name: str, tmp_path: Path, empty_data_folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), image_bytes(picture(1)))
    with pytest.raises(ValueError, match="leads out"):
        import_path(tmp_path / "pets.zip", "pets")


def test_a_damaged_archive_is_named_or_what_is_whole_is_read(pets: Path, tmp_path: Path, empty_data_folder: Path) -> None:
    generator, refused = np.random.default_rng(0), list[bool]()
    for kind, pack in (("tar", tar_of), ("tar.gz", tar_of), ("zip", zip_of)):
        whole = pack(pets, tmp_path / f"pets.{kind}").read_bytes()
        bad = tmp_path / f"bad.{kind}"
        for _ in range(12):
            data = bytearray(whole[: generator.integers(1, len(whole))])
            data[generator.integers(len(data))] ^= 255
            bad.write_bytes(data)
            try:
                import_path(bad, "pets", (20, 20))
            except ValueError as error:
                refused.append(str(bad) in str(error))
            else:
                assert len(open_split("pets", "train")) < 75
    assert len(refused) > 24
    assert all(refused)
    assert not list(empty_data_folder.glob("import-*"))


def test_bombs_are_refused(tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_FILE_BYTES", 100_000)
    monkeypatch.setattr(entries, "MOST_HEADER_BYTES", 100_000)
    monkeypatch.setattr(entries, "MOST_UNPACKED_BYTES", 1_000_000)
    header = member("cat/a.png")
    header.pax_headers = {"comment": "x" * 90_000, "mtime": "1" * 20_000}  # each of its parts is small enough
    with tarfile.open(tmp_path / "header.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(header)
    start = bytearray(member("cat/a.png", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT)[:512])
    start[482] = 1  # its map of holes goes on in the next block, and so on
    start[148:156] = b"%06o\0 " % (sum(start[:148]) + sum(start[156:512]) + 8 * 32)
    more = (b"00000000000\0" * 42 + b"\1" + b"\0" * 7) * 250
    (tmp_path / "holes.tar").write_bytes(bytes(start) + more + bytes(1024))
    many = [(member(f"cat/{number}.png"), bytes(90_000)) for number in range(20)]
    tar_with(tmp_path / "many.tar", *many)
    (tmp_path / "many.tar.gz").write_bytes(gzip.compress((tmp_path / "many.tar").read_bytes()))
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in many:
            archive.writestr(info.name, data)
    for name in ("header.tar.gz", "holes.tar", "many.tar.gz", "many.zip"):
        with pytest.raises(ValueError, match="unpacks to more than"):
            import_path(tmp_path / name, "pets")
    monkeypatch.setattr(image_tree, "MOST_IMAGES", 10)
    with pytest.raises(ValueError, match="more than 10 images"):
        import_path(write_images(tmp_path / "pets", {"a": 6, "b": 6}), "pets")
    assert contents(empty_data_folder) == {}


def test_a_file_with_holes_a_long_path_and_an_unusual_packing_are_refused(tmp_path: Path, empty_data_folder: Path) -> None:
    holes = bytearray(member("cat/a.png", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT)[:512])
    (tmp_path / "holes.tar").write_bytes(bytes(holes) + bytes(1024))
    tar_with(tmp_path / "long.tar", (member("a/" * 600 + "a.png"), b""))
    with zipfile.ZipFile(tmp_path / "long.zip", "w") as archive:
        archive.writestr("a/" * 600 + "a.png", b"")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cat/a.png", image_bytes(picture(1)))
    for name, message in (
        ("holes.tar", "or has holes"),
        ("long.tar", "a path of more than 1000 letters"),
        ("long.zip", "a path of more than 1000 letters"),
        ("packed.zip", r"unusual way\. Pack the folder as a usual \.zip"),
    ):
        with pytest.raises(ValueError, match=message):
            import_path(tmp_path / name, "pets")
    assert contents(empty_data_folder) == {}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_with_too_many_files_is_refused_before_their_list_fills_the_memory(
    kind: str, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = {"zip": zip_of, "tar": tar_of}[kind](pets, tmp_path / f"pets.{kind}")
    assert len(list(entries.entries(archive, most_files=100))) == 75
    monkeypatch.setattr(entries.zipfile, "ZipFile", None)
    with pytest.raises(ValueError, match="holds more than 74 files"):
        list(entries.entries(archive, most_files=74))
