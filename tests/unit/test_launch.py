"""Jobs side by side: processes of their own, that the script which starts them is not run in again."""

import subprocess
import sys
from pathlib import Path

import pytest

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
