"""Jobs on a Ray cluster that is made up: lost machines, GPUs, what is said, and what answers no address."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from aatviz.cli.options import launcher
from aatviz.runtime import launch_ray
from aatviz.runtime.files import present
from aatviz.runtime.jobs import Command, JobFailed, run_jobs
from aatviz.runtime.launch_ray import MOST_LOSSES, Ray
from aatviz.runtime.locks import writing


def command(name: str, *after: str, done: Callable[[], bool] = lambda: False) -> Command:
    return Command(name=name, arguments=("train", name), after=after, done=done)


class Lost(Exception):
    """Ray's error for a machine that is gone."""


class Failed(Lost):
    """Ray's error for a function that raised."""

    cause = "no such folder"


class Task:
    """What Ray gives for a task: its words one by one."""

    def __init__(self, words: list[Any]) -> None:
        self.words = list(words)

    def __next__(self) -> Any:
        return self.words.pop(0)


class MadeUp:
    """As much of the module ray as the launcher uses. A task says what `tells` gives for its try: lines, its status in the
    end; an exception is raised, and nothing is said for a while where it says None."""

    exceptions = SimpleNamespace(RayTaskError=Failed, RayError=Lost)

    def __init__(self, tells: Callable[[int], list[Any]], **resources: float) -> None:
        self.tells, self.resources = tells, resources
        self.options: list[dict[str, Any]] = []
        self.cancelled: list[Any] = []
        self.given: list[tuple[Any, ...]] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "Resources": self.resources},
            {"Alive": True, "Resources": {"memory": 1.0}},
            {"Alive": False, "Resources": {"CPU": 9.0, "GPU": 9.0}},
        ]

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **options: Any) -> Any:
        def task(_: object) -> Any:
            def started(*given: Any) -> Task:
                self.options.append(options)
                self.given.append(given)
                return Task(self.tells(len(self.options)))

            return SimpleNamespace(options=lambda name: SimpleNamespace(remote=started))

        return task

    def wait(self, tasks: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        if tasks[0].words[0] is None:
            next(tasks[0])
            return [], tasks
        return tasks[:1], tasks[1:]

    def get(self, word: Any) -> Any:
        if isinstance(word, Exception):
            raise word
        return (word, "far") if isinstance(word, int) else word

    def cancel(self, task: Any, force: bool) -> None:
        self.cancelled.append(task)


@contextmanager
def on(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, folder: Path, device: str = "auto") -> Iterator[Ray]:
    monkeypatch.setattr(launch_ray, "_connected", lambda address: made_up)
    cluster = Ray(None, None)
    cluster.device(device)
    with writing(folder) as held, cluster.writing(held):
        yield cluster


def test_a_lost_job_is_started_again_and_what_it_says_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether Ray says that a machine is gone, or a signal ended the process."""
    tries: list[list[Any]] = [["step 1", Lost()], ["step 1", -9], ["step 1", "step 2", 0]]
    made_up = MadeUp(lambda number: tries[number - 1], CPU=3)
    with on(made_up, monkeypatch, tmp_path) as cluster:
        run_jobs([command("a")], cluster)
        assert cluster.room == 3
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if not line.startswith("a: lost")] == ["step 1", "step 1", "step 1", "step 2"]
    assert [line for line in said if line.startswith("a: lost")] == [
        "a: lost (Lost); it goes on elsewhere",
        "a: lost (signal 9 on far); it goes on elsewhere",
    ]
    assert made_up.options[0] == {"num_cpus": 1, "num_gpus": 0, "max_retries": 0, "num_returns": "streaming"}


def test_a_job_that_ends_every_machine_is_given_up_and_one_that_fails_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    always = MadeUp(lambda _: [-9])
    with on(always, monkeypatch, tmp_path) as cluster, pytest.raises(JobFailed, match=f"a was lost {MOST_LOSSES} times"):
        run_jobs([command("a")], cluster)
    assert len(always.options) == MOST_LOSSES
    again = MadeUp(lambda one: [-9] if one % 2 else [0])
    with on(again, monkeypatch, tmp_path) as cluster:
        for table in range(MOST_LOSSES):  # jobs of one name, each lost once
            run_jobs([Command(name="a", arguments=("evaluate", str(table)))], cluster)
    for word, wrong in ((3, "a ended with status 3 on far"), (Failed(), "a could not run: no such folder")):
        once = MadeUp(lambda _, word=word: [word])
        with on(once, monkeypatch, tmp_path) as cluster, pytest.raises(JobFailed, match=wrong):
            run_jobs([command("a")], cluster)
        assert len(once.options) == 1


def test_gpus_are_used_where_the_cluster_has_them_and_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made_up = MadeUp(lambda _: [0], CPU=8, GPU=2)
    with on(made_up, monkeypatch, tmp_path) as cluster:
        assert (cluster.device("auto"), cluster.room) == ("cuda", 2)
        run_jobs([command("a")], cluster)
        assert made_up.options[-1]["num_gpus"] == 1
        assert (cluster.device("cpu"), cluster.room) == ("cpu", 8)
        with pytest.raises(ValueError, match=r"cpu, cuda or auto; got 'mps'"):
            cluster.device("mps")
    with on(MadeUp(lambda _: [0], CPU=8), monkeypatch, tmp_path) as cluster, pytest.raises(ValueError, match="has no GPU"):
        cluster.device("cuda")


def test_an_interruption_cancels_what_the_cluster_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made_up = MadeUp(lambda _: [KeyboardInterrupt()])
    monkeypatch.setattr(made_up, "get", lambda word: exec("raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt), on(made_up, monkeypatch, tmp_path) as cluster:
        run_jobs([command("a"), command("b")], cluster)
    assert len(made_up.cancelled) == 2
    assert not list(tmp_path.glob(".present*"))


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"does not see the .*gone of the machine that started this"):
        next(iter(launch_ray._run(["systems"], str(tmp_path), {}, str(tmp_path / "gone" / "file"))))
    with (
        present(tmp_path) as seen,
        pytest.raises(RuntimeError, match=r"does not see the .*elsewhere of the machine that started this"),
    ):
        next(iter(launch_ray._run(["systems"], str(tmp_path / "elsewhere"), {}, str(seen))))


@pytest.mark.parametrize(
    ("device", "resources", "lacking"),
    [("cpu", {}, "a CPU"), ("cuda", {"GPU": 1.0}, "a CPU and a GPU"), ("cpu", {"CPU": 1.0}, "")],
)
def test_jobs_for_which_no_machine_has_room_say_so_once(
    device: str,
    resources: dict[str, float],
    lacking: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_up = MadeUp(lambda _: [None, None, "step 1", 0], **resources)
    with on(made_up, monkeypatch, tmp_path, device) as cluster:
        run_jobs([command("a")], cluster)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "step 1"
    assert len(said) == (2 if lacking else 1)
    assert not lacking or f"has {lacking} for jobs" in said[0]


def test_jobs_get_the_variables_on_which_their_bits_depend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One of them keeps a processor from bfloat16, another from its newest instructions."""
    variables = {"AATVIZ_DATA": "here", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made_up = MadeUp(lambda _: [0])
    with on(made_up, monkeypatch, tmp_path) as cluster:
        run_jobs([command("a")], cluster)
    assert (variables | {"OMP_NUM_THREADS": "1"}).items() <= made_up.given[0][2].items()


@pytest.mark.slow
def test_a_job_on_another_machine_says_its_lines_and_its_status_and_takes_variables(tmp_path: Path) -> None:
    with present(tmp_path) as seen:
        for words, status in ((["systems"], 0), (["train", "no-such-recipe"], 1)):
            *lines, last = launch_ray._run(words, str(tmp_path), {"AATVIZ_CHECKPOINTS": "nowhere"}, str(seen))
            assert last == (status, socket.gethostname())
            assert any(("nowhere" if status == 0 else "no recipe") in str(line) for line in lines), lines


def test_without_ray_or_with_another_launcher_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match=r"needs Ray, which .* does not have: run `pip install \.\[ray\]` in"):
        launcher("ray", None, None)
    with pytest.raises(ValueError, match="--launcher is local or ray; got 'slurm'"):
        launcher("slurm", None, None)
    with pytest.raises(ValueError, match="goes with --launcher ray"):
        launcher("local", "head:6379", None)
    assert (launcher("local", None, None).most, launcher("local", None, 7).most) == (2, 7)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://head:10001", "head", "127.0.0.1:x", ""])
def test_where_nothing_answers_one_sentence_says_so_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is the variable of Ray's own that names the address."""
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    words = r"No Ray cluster answers at .*(refused|an address is HOST:PORT).*ray start --head"
    with pytest.raises(RuntimeError, match=words):
        launcher("ray", address, None)
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(RuntimeError, match=words):
            launcher("ray", None, None)


def test_a_cluster_of_another_ray_is_refused_with_all_that_ray_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(address: str, **_: object) -> None:
        assert (address, os.environ[launch_ray.TRIES]) == ("auto", "1")
        raise Exception("Version mismatch: The cluster was started with:\n    Ray: 2.61\nThis process with:\n    Ray: 2.60")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv(launch_ray.TRIES, raising=False)
    made_up: Any = ModuleType("ray")
    made_up.init = init
    monkeypatch.setitem(sys.modules, "ray", made_up)
    with pytest.raises(RuntimeError, match=r"on this machine \(Version mismatch: .* Ray: 2\.61 .* Ray: 2\.60\)\. Start"):
        launcher("ray", None, None)
    assert launch_ray.TRIES not in os.environ
