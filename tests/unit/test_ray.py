"""A real Ray cluster of two machines, each a set of processes here: what is lost in the middle is taken up, to the bit."""

import importlib.util
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.followed import ROOT
from tools.kill_campaign import TRAINED, Place, contents, differences, photos

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install .[ray]"),
    pytest.mark.filterwarnings("default"),  # Ray's own
]
SMALL: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
OUT = f"systems/{TRAINED}"
TRAIN = ("train", "tiny", "--dataset", "pets", "--out", OUT, "--device", "cpu")
EVALUATE = ("evaluate", TRAINED, "--recipe", "detectors", "--n", "4", "--device", "cpu")


class Machines:
    """A cluster whose head computes nothing, and whose machines can be lost."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
        self.launch = ("--launcher", "ray", "--address", self.cluster.address)
        self.fill()

    def fill(self) -> None:
        """Two machines of one CPU each."""
        while len(self.cluster.worker_nodes) < 2:
            self.cluster.add_node(num_cpus=1, **SMALL)

    def lose(self, job: int) -> None:
        """Kill the machine whose job this process is. It is stopped first: so it is lost in the middle."""
        os.kill(job, signal.SIGSTOP)
        raylet = parent(parent(job))
        (node,) = (one for one in self.cluster.worker_nodes if one.all_processes["raylet"][0].process.pid == raylet)
        self.cluster.remove_node(node, allow_graceful=False)
        with suppress(ProcessLookupError):
            os.kill(job, signal.SIGCONT)  # Ray may have ended it already; if not, it ends by itself


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        found = Machines()
        yield found
        found.cluster.shutdown()


@pytest.fixture(scope="module")
def local(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What training and evaluation leave with the launcher of this machine, undisturbed, under "trained" and "measured";
    and the data set."""
    place = Place(tmp_path_factory.mktemp("local"))
    photos(place.root / "photos", ("cat", "dog"), 40, 0)
    for words, kept in (
        (("data", "import", "photos", "--name", "pets", "--size", "12"), ""),
        (TRAIN, "trained"),
        (EVALUATE, "measured"),
    ):
        status, said = place.run(*words)
        assert status == 0, said
        if kept:
            shutil.copytree(place.root / OUT, place.root / kept)
    return place.root


def begun(local: Path, root: Path, system: str = "") -> Place:
    """A folder with the data set, and with a system as it was after a command."""
    shutil.copytree(local / "data", root / "data")
    shutil.copytree(local / "cache", root / "cache", dirs_exist_ok=True) if (local / "cache").exists() else None
    if system:
        shutil.copytree(local / system, root / OUT)
    return Place(root)


def expected(local: Path, root: Path, system: str) -> dict[str, Any]:
    """All that a folder has to hold in the end."""
    return contents(begun(local, root, system).root)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def jobs_of(place: Place) -> list[int]:
    """The processes of jobs that write into this folder, on whatever machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"aatviz.runtime.child" in (folder / "cmdline").read_bytes() and (folder / "cwd").resolve() == place.root:
                found.append(int(folder.name))
    return found


def until(process: subprocess.Popen[str], words: str) -> str:
    """What a command says up to the first line with these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def one_job(place: Place) -> int:
    while not (found := jobs_of(place)):
        time.sleep(0.05)
    return found[0]


def test_a_machine_that_is_lost_in_the_middle_costs_no_job_and_changes_no_bit(
    machines: Machines, local: Path, tmp_path: Path
) -> None:
    """The tiny recipe, and an evaluation, on two machines, of which one is killed while it trains, and one while it
    evaluates."""
    place = begun(local, tmp_path / "here")
    for words, at, kept in ((TRAIN, "step 1 of", "trained"), (EVALUATE, "workers", "measured")):
        machines.fill()
        process = place.start(*words, *machines.launch)
        said = until(process, at)
        machines.lose(one_job(place))
        rest, _ = process.communicate(timeout=600)
        said += rest
        assert process.returncode == 0, said
        assert said.count("it goes on elsewhere") == 1, said
        assert words is not TRAIN or "min left" in said
        there = expected(local, tmp_path / kept, kept)
        assert not differences(there, contents(place.root)), said
    assert not jobs_of(place)


@pytest.mark.parametrize("what", ["a job", "the command", "a machine", "the command, by Ctrl-C"])
def test_after_a_kill_at_a_random_moment_the_same_command_goes_on_to_the_same_bits(
    what: str, machines: Machines, local: Path, tmp_path: Path
) -> None:
    machines.fill()
    place, seconds = begun(local, tmp_path / "here"), random.uniform(0, 12)
    process = place.start(*TRAIN, *machines.launch)
    said = until(process, "networks into")
    time.sleep(seconds)
    job = one_job(place) if what.startswith("a ") and process.poll() is None else None
    if what == "a machine" and job:
        machines.lose(job)
    elif what == "a job" and job:
        os.kill(job, signal.SIGKILL)
    elif what.startswith("the command"):
        process.send_signal(signal.SIGINT if "Ctrl-C" in what else signal.SIGKILL)
    said += process.communicate(timeout=600)[0]
    if what.startswith("a "):
        assert process.returncode == 0, f"after {seconds:.1f} s: {said}"
    else:
        end = time.monotonic() + 15
        while jobs_of(place):
            assert time.monotonic() < end, f"after {seconds:.1f} s jobs go on: {said}"
            time.sleep(0.1)
    machines.fill()
    status, again = place.run(*TRAIN, *machines.launch)
    assert status == 0, f"{seconds:.1f} s: {said}\n{again}"
    there = expected(local, tmp_path / "there", "trained")
    assert not differences(there, contents(place.root)), f"{seconds:.1f} s: {said}\n{again}"


def test_where_no_cluster_answers_one_sentence_says_so(machines: Machines, local: Path, tmp_path: Path) -> None:
    place = begun(local, tmp_path / "here")
    status, said = place.run(*TRAIN, "--launcher", "ray", "--address", "127.0.0.1:9")
    assert status == 1
    assert "No Ray cluster answers at 127.0.0.1:9" in said
    assert "Traceback" not in said
    assert not (place.root / OUT).exists()
