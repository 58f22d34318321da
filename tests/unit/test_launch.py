"""Jobs side by side: processes of their own, that the script which starts them is not run in again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.slow

SCRIPT = """
import os
from pathlib import Path
from aatviz.runtime.jobs import Command, JobFailed, run_jobs
from aatviz.runtime.launch_local import Local
from aatviz.runtime.locks import writing

print("started", flush=True)
commands = {"none": ["no-such-command"], "bad": ["train", "tiny", "--jobs", "no-such-job"]}
os.environ["AATVIZ_CHECKPOINTS"] = "nowhere"  # set by Python, and after the start
two = Local(2)
with writing(Path("folder")) as held, two.writing(held):
    run_jobs([Command(name="listed", arguments=("systems",))], two)
    try:
        run_jobs([Command(name=name, arguments=tuple(words)) for name, words in commands.items()], two)
    except JobFailed as error:
        print(error)
"""


KILLED = """
import os, signal
from pathlib import Path
from aatviz.runtime.jobs import Command, JobFailed, run_jobs
from aatviz.runtime.launch_local import Local
from aatviz.runtime.locks import writing

class Killing(Local):
    def ended(self):
        for _, process in self._running.values():
            os.kill(process.pid, signal.SIGKILL)
        return super().ended()

one = Killing(1)
with writing(Path("folder")) as held, one.writing(held):
    try:
        run_jobs([Command(name="a", arguments=("systems",))], one)
    except JobFailed as error:
        print(error)
"""


def test_a_job_that_is_killed_says_by_what(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(KILLED)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["a was ended by signal 9, perhaps for want of memory"], done.stderr


@pytest.mark.long
def test_a_network_has_the_same_bits_by_itself_and_beside_others_whatever_threads_there_are(tmp_path: Path) -> None:
    found = []
    for jobs, threads in (("shared,classifier", "2"), ("shared", "2"), ("shared", "1")):
        command = [sys.executable, "-m", "aatviz.cli", "train", "tiny", "--jobs", jobs, "--device", "cpu", "--out", "out"]
        place = tmp_path / f"{jobs}-{threads}"
        place.mkdir()
        subprocess.run(
            command, cwd=place, env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}, check=True
        )
        found.append({name: value.tobytes() for name, value in load_file(place / "out" / "shared.safetensors").items()})
    assert found[0] == found[1] == found[2]


def test_every_job_runs_in_a_process_of_its_own_and_those_that_fail_are_named(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("started") == 1
    assert done.stdout.splitlines()[-1] in (
        "none ended with status 2, bad ended with status 1",
        "bad ended with status 1, none ended with status 2",
    )
    assert "No such command 'no-such-command'" in done.stderr
    assert "it has shared, classifier, stage/robust, robust" in done.stderr
    assert "nowhere" in done.stdout + done.stderr
