"""Writers side by side: whole files whoever writes them, one writer a folder, and nothing that a kill leaves behind."""

import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import IO

import pytest

from aatviz.cli import in_words
from aatviz.runtime import locks
from aatviz.runtime.files import beside, present, read_json, remove_leftovers, write_json
from aatviz.runtime.locks import LOCK, Held, writing

pytestmark = pytest.mark.slow

HOLDER = """
import sys, time
from pathlib import Path
from aatviz.runtime.files import beside
from aatviz.runtime.locks import writing
folder = Path(sys.argv[1])
with writing(folder, shared=sys.argv[2] == "shared"), beside(folder / "results" / "table.json") as file:
    file.write(b"half")
    file.flush()
    print("go", flush=True)
    time.sleep(60)
"""


@contextmanager
def held(folder: Path, how: str = "alone") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder and is in the middle of a file."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "go\n"
        yield process
        process.kill()


def test_threads_that_write_one_file_all_succeed_and_every_reader_finds_a_whole_one(tmp_path: Path) -> None:
    path, failures, done = tmp_path / "record.json", list[BaseException](), threading.Event()
    write_json(path, {"writer": -1, "values": list(range(500))})

    def write(writer: int) -> None:
        try:
            for _ in range(50):
                write_json(path, {"writer": writer, "values": list(range(500))})
        except BaseException as error:
            failures.append(error)

    def read() -> None:
        try:
            while not done.is_set():
                assert read_json(path)["values"] == list(range(500))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == []
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_what_a_killed_writer_left_is_removed_and_what_another_one_writes_is_not(tmp_path: Path) -> None:
    with held(tmp_path) as process:
        (left,) = (tmp_path / "results").iterdir()
        remove_leftovers(tmp_path)
        assert left.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert left.exists()
        with beside(tmp_path / "results" / "other.json") as file:
            file.write(b"whole")
            remove_leftovers(tmp_path)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["other.json"]


def test_a_folder_has_one_writer_and_a_kill_frees_it(tmp_path: Path) -> None:
    with held(tmp_path) as process:
        words = rf"being written by another aatviz \(process {process.pid}\)"
        with pytest.raises(RuntimeError, match=words), writing(tmp_path, wait=0.2):
            pytest.fail("two writers")
        with pytest.raises(RuntimeError, match="one at a time"), writing(tmp_path, shared=True, wait=0.2):
            pytest.fail("a second writer")
        with writing(tmp_path, name=".other.lock", wait=0):  # a part of its own
            pass
        threading.Timer(0.3, process.kill).start()
        started = time.monotonic()
        with writing(tmp_path):
            assert time.monotonic() - started < 5


def test_those_who_touch_files_of_their_own_share_a_folder(tmp_path: Path) -> None:
    others = (held(tmp_path, "shared"), writing(tmp_path, shared=True, wait=0))
    with others[0], others[1], pytest.raises(RuntimeError, match="another aatviz"), writing(tmp_path, wait=0.2):
        pytest.fail("a writer among others")


def write_until_told(folder: Path, here: Connection, _: Held) -> None:
    with writing(folder, wait=0):
        here.send("go")
        here.recv()


def test_a_worker_writes_for_the_process_that_started_it_and_keeps_the_lock_as_long_as_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # a page that was tested before would run once more
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with writing(tmp_path) as mine:
        worker = context.Process(target=write_until_told, args=(tmp_path, there, mine))
        worker.start()
        there.close()
        assert here.recv() == "go"
    with pytest.raises(RuntimeError, match="another aatviz"), writing(tmp_path, wait=0.2):
        pytest.fail("the worker is still at it")
    here.send("stop")
    worker.join()
    assert worker.exitcode == 0
    with writing(tmp_path, wait=0):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())


def test_what_a_killed_writer_left_on_nfs_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS locks a file alone only for who has it open for writing, and together only for who has it open for reading."""
    flock = fcntl.flock

    def as_on_nfs(file: IO[bytes], how: int) -> None:
        access = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE
        if access == (os.O_WRONLY if how & fcntl.LOCK_SH else os.O_RDONLY):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", as_on_nfs)
    left = tmp_path / ".a.json.0123.tmp"
    left.write_bytes(b"half")
    with writing(tmp_path) as mine, locks.shared_with_others(mine), present(tmp_path) as seen:
        write_json(tmp_path / "a.json", 3)
        remove_leftovers(tmp_path)
        assert seen.exists()
    assert {path.name for path in tmp_path.iterdir()} == {LOCK, "a.json"}


@pytest.mark.parametrize("enter", [writing, lambda folder: locks.waiting_for(folder / "guard")])
def test_storage_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enter: Callable[[Path], AbstractContextManager[object]]
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(OSError, match="no locks on this storage") as caught, enter(tmp_path):
        pytest.fail("written without a lock")
    assert in_words(caught.value).startswith(str(tmp_path))


def test_without_locks_of_the_operating_system_nobody_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    with writing(tmp_path), writing(tmp_path, wait=0):
        write_json(tmp_path / "a.json", 3)
    assert read_json(tmp_path / "a.json") == 3
