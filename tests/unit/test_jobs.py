"""The seam between lists of jobs and launchers: order, failures, interruptions; and a cluster that is made up."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from aatviz import recipes
from aatviz.cli import train
from aatviz.cli.options import launcher
from aatviz.cli.train import _command
from aatviz.runtime import launch_ray
from aatviz.runtime.files import present, remove_leftovers
from aatviz.runtime.jobs import Command, JobFailed, run_jobs
from aatviz.runtime.launch_ray import MOST_LOSSES, Ray
from aatviz.runtime.locks import shared_with_others, writing


class Fake:
    """A launcher whose jobs end one by one, in the order of their start, as `wrong` says."""

    def __init__(self, most: int | None = None, wrong: dict[str, str] | None = None) -> None:
        self.most, self.room, self.wrong = most, most or 1, wrong or {}
        self.started: list[str] = []
        self.running: list[str] = []
        self.together: list[set[str]] = []
        self.stopped = False

    def device(self, name: str) -> str:
        return name

    def writing(self, held: object) -> Any:
        return nullcontext()

    def start(self, job: Command) -> None:
        self.started.append(job.name)
        self.running.append(job.name)

    def ended(self) -> dict[str, str]:
        self.together.append(set(self.running))
        name = self.running.pop(0)
        if self.wrong.get(name) == "interrupt":
            raise KeyboardInterrupt
        return {name: self.wrong.get(name, "")}

    def stop(self) -> None:
        self.stopped = True


def command(name: str, *after: str, done: Callable[[], bool] = lambda: False) -> Command:
    return Command(name=name, arguments=("train", name), after=after, done=done)


def test_jobs_begin_after_those_that_they_start_from() -> None:
    """A chain of four: N-FGSM in two rounds, PGD, and the bank; what needs nothing runs beside
    the first."""
    plan = recipes.get("cifar10-linf-8-shared")
    fake = Fake()
    run_jobs([_command(job, plan.name, [], Path("nowhere")) for job in plan.jobs], fake)
    assert fake.together[0] == {"stage/robust", "classifier", "judge"}
    chain = ["stage/robust", "stage/robust-2", "robust", "shared"]
    assert [name for name in fake.started if name in chain] == chain
    assert len(fake.started) == len(plan.jobs)
    alone = Fake()
    run_jobs([_command(plan.job("shared"), plan.name, [], Path("nowhere"))], alone)
    assert alone.started == ["shared"]


def test_no_more_jobs_run_at_once_than_the_launcher_takes_and_they_start_in_order() -> None:
    fake = Fake(most=2)
    run_jobs([command(name) for name in "abcde"], fake)
    assert fake.started == list("abcde")
    assert max(map(len, fake.together)) == 2


def test_a_job_that_was_done_before_is_said_and_not_started_and_its_followers_are() -> None:
    """It is asked only when all that it waits for is done: its answer may depend on that."""
    fake, said = Fake(), list[str]()
    asked: list[list[str]] = []
    jobs = [command("c", "b"), command("b", "a", done=lambda: asked.append(list(fake.started)) or True), command("a")]
    run_jobs(jobs, fake, said.append)
    assert fake.started == ["a", "c"]
    assert (said, asked) == (["b: done already"], [["a"]])


def test_a_failing_job_stops_those_that_wait_for_it_and_no_others() -> None:
    fake = Fake(most=1, wrong={"a": "ended with status 3"})
    words = "^a ended with status 3, b was not begun, since a failed, c was not begun, since b failed$"
    with pytest.raises(JobFailed, match=words):
        run_jobs([command("a"), command("b", "a"), command("c", "b"), command("d")], fake)
    assert fake.started == ["a", "d"]


def test_what_stands_in_the_place_of_a_job_stops_all_at_first_and_later_only_those_that_wait_for_it() -> None:
    def foreign() -> bool:
        raise ValueError("b.safetensors was made by another recipe")

    fake = Fake(most=1)
    with pytest.raises(ValueError, match="was made by another recipe"):
        run_jobs([command("a"), command("b", done=foreign)], fake)
    assert fake.started == []
    fake = Fake(most=1)
    words = r"^b was not begun: b\.safetensors was made by another recipe, c was not begun, since b failed$"
    with pytest.raises(JobFailed, match=words):
        run_jobs([command("a"), command("b", "a", done=foreign), command("c", "b"), command("d")], fake)
    assert (fake.started, fake.stopped) == (["a", "d"], False)


def test_an_interruption_ends_what_is_running_and_starts_nothing_more() -> None:
    fake = Fake(most=1, wrong={"a": "interrupt"})
    with pytest.raises(KeyboardInterrupt):
        run_jobs([command("a"), command("b")], fake)
    assert (fake.started, fake.stopped) == (["a"], True)


def test_jobs_that_wait_for_one_another_are_refused_before_any_is_started() -> None:
    fake = Fake()
    with pytest.raises(ValueError, match="start from one another: a, b"):
        run_jobs([command("c"), command("a", "b"), command("b", "a")], fake)
    assert fake.started == []


def test_no_job_is_started_twice() -> None:
    """Two processes would write the same files; and when one ended, the list would be done while the other ran."""
    fake = Fake()
    with pytest.raises(ValueError, match="a name of its own; got a, b, a"):
        run_jobs([command("a"), command("b"), command("a")], fake)
    assert fake.started == []


def test_a_network_that_is_named_twice_is_trained_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake()
    monkeypatch.setattr(train, "launcher", lambda *_: fake)
    train.train("tiny", out=tmp_path, jobs="classifier,shared,classifier", device="cpu")
    assert fake.started == ["classifier", "shared"]


# A cluster that is made up


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


# The folder


def test_a_folder_that_was_shared_is_held_alone_again_also_where_jobs_failed(tmp_path: Path) -> None:
    with writing(tmp_path) as held:
        with pytest.raises(JobFailed), shared_with_others(held):
            raise JobFailed
        with pytest.raises(RuntimeError, match="another aatviz"), writing(tmp_path, shared=True, wait=0):
            pytest.fail("it is still shared")


def test_a_folder_that_is_shared_lets_in_who_touches_files_of_its_own_and_is_held_alone_afterwards(tmp_path: Path) -> None:
    with writing(tmp_path) as held:
        with shared_with_others(held):
            with writing(tmp_path, shared=True, wait=0), writing(tmp_path, name=".a.lock", wait=0):
                pass
            with pytest.raises(RuntimeError, match="another aatviz"), writing(tmp_path, wait=0):
                pytest.fail("two have the whole folder")
        with pytest.raises(RuntimeError, match="another aatviz"), writing(tmp_path, shared=True, wait=0):
            pytest.fail("it is no longer shared")


def test_the_sign_in_a_folder_stays_while_its_process_lives(tmp_path: Path) -> None:
    with present(tmp_path) as seen:
        remove_leftovers(tmp_path)
        assert seen.exists()
    assert not seen.exists()
