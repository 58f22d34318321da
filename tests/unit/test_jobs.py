"""The seam between lists of jobs and launchers: order, failures, interruptions, and the folder."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from aatviz import recipes
from aatviz.cli import train
from aatviz.cli.train import _command
from aatviz.runtime.files import present, remove_leftovers
from aatviz.runtime.jobs import Command, JobFailed, run_jobs
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
