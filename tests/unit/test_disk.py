"""What the operating system says ends a command in one sentence, and what is written is whole or not there."""

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aatviz import cli
from aatviz.cli import app, compare, generate
from aatviz.cli.output import check_out
from aatviz.data.idx import write_idx
from aatviz.data.importing import import_path
from aatviz.runtime.files import read_tensors
from aatviz.store.systems import System
from tests.unit.data_files import contents, write_idx_folder, write_images

SHARED = "mnist-linf-0.3-shared"


def ended(*arguments: object) -> str:
    """What a command ends with on the error output, run in this process as the shell would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["aatviz", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return str(end.value)


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "a.csv"), "aatviz: a.csv: No space left on device."),
        (PermissionError(13, "Permission denied", "runs"), "aatviz: runs: Permission denied."),
        (OSError(30, "Read-only file system"), "aatviz: Read-only file system."),
        (OSError("odd"), "aatviz: odd"),
        (OSError(), "aatviz: OSError"),
        (NotADirectoryError(20, "Not a directory", "/f/x"), "aatviz: /f/x: Not a directory."),
        (MemoryError(), "aatviz: there is too little memory (no more was given)."),
        (ValueError("a sentence."), "aatviz: a sentence."),
    ],
)
def test_whatever_the_operating_system_says_is_one_sentence(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert ended() == said


# --out


@pytest.mark.parametrize("command", ["compare", "generate"])
@pytest.mark.parametrize("fault", ["no folder", "a folder", "below a file", "no ending", "another ending"])
def test_an_impossible_out_is_said_before_anything_is_computed(
    command: str, fault: str, tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object) -> None:
        pytest.fail("the system was loaded")

    for module in (compare, generate):
        monkeypatch.setattr(module, "load_system", computed)
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "here.png").mkdir()
    out = {
        "no folder": tmp_path / "missing" / "x.png",
        "a folder": tmp_path / "here.png",
        "below a file": tmp_path / "file" / "x.png",
        "no ending": tmp_path / "x",
        "another ending": tmp_path / "x.docx",
    }[fault]
    if command == "compare" and "ending" in fault:  # a table's ending is the caller's choice
        check_out(out)
        return
    done = CliRunner().invoke(app, [command, SHARED, "--steps", "1", "--out", str(out)])
    assert isinstance(done.exception, ValueError | FileNotFoundError)
    assert str(out) in str(done.exception)
    assert "--out" in str(done.exception)


def test_a_table_that_the_disk_has_no_room_for_is_not_there(tiny_system_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "earlier.csv").write_text("earlier")
    with small_files(200):
        said = ended("compare", SHARED, "--steps", "1", "--targets", "3,4", "--out", out / "earlier.csv")
    assert said.startswith("aatviz: ")
    assert "Traceback" not in said
    assert contents(out) == {"earlier.csv": b"earlier"}


def test_a_report_that_the_disk_has_no_room_for_leaves_the_earlier_one(measured_detectors: System) -> None:
    folder = measured_detectors.folder
    (folder / "report.md").write_text("earlier")
    with small_files(500):
        assert ended("report", SHARED).startswith("aatviz: ")
    assert (folder / "report.md").read_text() == "earlier"
    assert not list(folder.rglob("*.tmp"))


def test_a_training_that_the_disk_has_no_room_for_can_go_on(tmp_path: Path, empty_data_folder: Path) -> None:
    import_path(write_images(tmp_path / "pets", {"cat": 30, "dog": 30}), "pets", (12, 12))
    run = ("train", "tiny", "--dataset", "pets", "--jobs", "classifier", "--out", tmp_path / "run", "--device", "cpu")
    with small_files(5000):
        assert ended(*run).startswith("aatviz: ")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert CliRunner().invoke(app, list(map(str, run))).exit_code == 0
    assert read_tensors(tmp_path / "run" / "classifier.safetensors")[1]["outputs"] == 2


def test_an_import_that_the_disk_has_no_room_for_leaves_the_earlier_one(tmp_path: Path, empty_data_folder: Path) -> None:
    """The images fit once, and not as a whole data set."""
    import_path(write_images(tmp_path / "pets", {"cat": 9, "dog": 9}), "pets", (12, 12))
    before = contents(empty_data_folder)
    with small_files(3000):
        said = ended("data", "import", tmp_path / "pets", "--name", "pets", "--size", "20")
    assert said.startswith("aatviz: Nothing was imported")
    assert contents(empty_data_folder) == before
    assert not list(empty_data_folder.glob("import-*"))


@pytest.mark.parametrize("command", [("data", "download", "mnist"), ("data", "import", "x", "--name", "pets")])
def test_a_data_folder_below_a_file_is_one_sentence(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "x", {"cat": 9, "dog": 9})
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AATVIZ_DATA", str(tmp_path / "file" / "data"))
    assert ended(*command).startswith("aatviz: Nothing was imported")


def test_a_training_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file") in ended("train", "tiny", "--out", tmp_path / "file" / "run")


# Data sets: known hashes first


def test_a_file_called_as_cifar10s_archive_is_not_fetched_anew_but_refused(
    tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", lambda *_, **__: pytest.fail("the network was asked"))
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"noise")
    with pytest.raises(ValueError, match="is not CIFAR-10's archive: its content has another hash"):
        import_path(archive)
    with pytest.raises(ValueError, match="is cifar10, not pets"):
        import_path(archive, "pets")
    assert contents(empty_data_folder) == {}


def test_a_small_file_that_announces_a_gigabyte_is_not_unpacked(tmp_path: Path, empty_data_folder: Path) -> None:
    digits = np.zeros((20, 28, 28), dtype=np.uint8), np.zeros(20, dtype=np.uint8)
    folder = write_idx_folder(tmp_path / "idx", digits, digits, packed=True)
    plain = tmp_path / "plain"
    write_idx(plain, digits[0])
    head = bytearray(plain.read_bytes()[:16])
    head[4:8] = (1_200_000).to_bytes(4, "big")
    bomb = subprocess.run(["gzip", "-1"], input=bytes(head) + bytes(200), capture_output=True, check=True).stdout
    (folder / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz.*too many for its size"):
        import_path(folder, "digits")


def test_a_record_of_more_images_than_asked_for_is_said(measured_detectors: System) -> None:
    done = CliRunner().invoke(app, ["evaluate", SHARED, "--recipe", "table-11", "--n", "2"])
    assert done.exit_code == 0, done.exception
    assert "table-11 is in" in done.output
    assert "already: 6 images, more than the 2 asked for" in done.output


# Kills


@pytest.mark.slow
@pytest.mark.long
def test_a_killed_training_takes_its_workers_along_and_the_next_one_goes_on_at_once(
    tmp_path: Path, empty_data_folder: Path
) -> None:
    import_path(write_images(tmp_path / "pets", {"cat": 30, "dog": 30}), "pets", (12, 12))

    def arguments(out: str) -> list[str]:
        jobs = ("--jobs", "shared,classifier", "--device", "cpu")
        return ["train", "tiny", "--dataset", "pets", "--out", str(tmp_path / out), *jobs]

    for job in ("shared", "classifier"):
        done = CliRunner().invoke(app, [*arguments("whole")[:6], "--jobs", job, "--device", "cpu"])
        assert done.exit_code == 0, done.exception
    process = subprocess.Popen([sys.executable, "-m", "aatviz.cli", *arguments("killed")])
    while not (workers := children(process.pid)):
        time.sleep(0.1)
    process.kill()
    process.wait()
    (tmp_path / "killed" / ".shared.safetensors.4711.tmp").write_bytes(b"half")
    done = subprocess.run([sys.executable, "-m", "aatviz.cli", *arguments("killed")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not any(Path(f"/proc/{worker}/cmdline").exists() and worker in children(1) for worker in workers)
    for name in ("shared.safetensors", "classifier.safetensors"):
        expected, found = (read_tensors(tmp_path / run / name)[0] for run in ("whole", "killed"))
        assert all(expected[key].equal(found[key]) for key in expected)
    assert not list((tmp_path / "killed").rglob("*.tmp"))
    shutil.rmtree(tmp_path / "killed")


def children(pid: int) -> list[int]:
    """The processes that this one started, on Linux."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found
