"""Two processes that train one network together, with gloo on the CPU, beside one process that trains it alone."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from aatviz import recipes
from aatviz.cli import app
from aatviz.runtime.files import read_tensors
from aatviz.train import team
from aatviz.train.loop import train
from tests.followed import ROOT

TINY = recipes.get("tiny")
NORMED: dict[str, Any] = {
    "network": "preact",
    "arch": (("widths", (4, 8)), ("blocks", (1, 1))),
    "start_from": None,
    "steps": 6,
}
"""A small network with batch norm."""
JOBS = [
    *(dataclasses.replace(TINY.job(name), **NORMED) for name in ("classifier", "robust", "shared")),
    dataclasses.replace(
        recipes.get("tiny-separate").job("detector-3"),
        **NORMED | {"network": "mlp", "arch": (("widths", (32,)),)},
        batch=65,
        average=0.9,
    ),
]
"""Every method; batch norm in training mode and, in AAT, in evaluation mode; a share that is not half; an average."""
SCRIPT = """
import sys
from pathlib import Path
import torch
from aatviz.train import team
from aatviz.train.loop import train
from tests.unit.test_team import JOBS, TINY

torch.set_num_threads(1)
with team.joined("cpu") as device:
    seen = []
    for job in JOBS:
        team.wait()
        train(job, TINY.dataset, Path(sys.argv[1]), device, watch=lambda _, network: seen.append(network.state_dict()))
    mine = torch.cat([value.double().flatten() for state in seen for value in state.values()])
    first = mine.clone()
    team.agree([first])
    assert first.equal(mine), "the processes' networks differ"
"""
CLOSE = 1e-4
"""How far weights may be apart: a share of a batch goes through other kernels than the whole, which round otherwise."""


def together(arguments: list[str], folder: Path) -> str:
    """What two processes say that torchrun starts."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def apart(one: Path, other: Path) -> float:
    """The largest difference of two files of weights."""
    tensors: list[dict[str, Tensor]] = [read_tensors(path)[0] for path in (one, other)]
    assert tensors[0].keys() == tensors[1].keys()
    return max(float((tensors[0][key].double() - tensors[1][key].double()).abs().max()) for key in tensors[0])


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_train_the_network_that_one_trains(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    together(["script.py", "pair"], tmp_path)
    for job in JOBS:
        alone = train(job, TINY.dataset, tmp_path / "alone")
        assert apart(alone, tmp_path / "pair" / f"{job.name}.safetensors") < CLOSE, job.name
        rows = [json.loads((tmp_path / run / "history" / f"{job.name}.json").read_text()) for run in ("alone", "pair")]
        assert [row["step"] for row in rows[0]] == [row["step"] for row in rows[1]]
        assert rows[0][-1]["validation_natural"] == pytest.approx(rows[1][-1]["validation_natural"], abs=0.01)


@pytest.mark.slow
@pytest.mark.long
def test_torchrun_trains_a_recipe_with_the_same_module_and_its_first_process_writes(tmp_path: Path) -> None:
    said = together(["-m", "aatviz.train", "tiny", "--out", "pair", "--device", "cpu"], tmp_path)
    assert said.count("tiny: 4 networks into pair, by 2 processes together") == 1
    for name in ("shared", "classifier", "stage/robust", "robust"):
        assert said.count(f"\n{name}: done, ") == 1
    assert said.count("is a complete system") == 1
    assert apart(train(TINY.job("shared"), TINY.dataset, tmp_path), tmp_path / "pair" / "shared.safetensors") < CLOSE
    again = together(["-m", "aatviz.train", "tiny", "--out", "pair", "--device", "cpu"], tmp_path)
    assert "step" not in again  # all is done


def test_the_shares_of_a_team_make_up_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are fewer images than processes; each attacks its own images alone."""
    for every, count in ((2, 5), (3, 9), (4, 2)):
        monkeypatch.setattr(team, "size", lambda every=every: every)
        rows: list[int] = []
        for rank in range(every):
            monkeypatch.setattr(team.dist, "get_rank", lambda rank=rank: rank)
            goal = team.divided(lambda share: lambda x: (x.flatten(1).sum(1), torch.ones_like(x)), count)
            loss, grad = goal(torch.ones(count, 1, 2, 2))
            assert torch.equal(loss / 4, grad.mean((1, 2, 3)))
            rows += loss.nonzero().flatten().tolist()
        assert rows == list(range(count))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("tiny", "--workers", "2"), "leave --launcher, --address and --workers away"),
        (("tiny", "--address", "head:6379"), "leave --launcher, --address and --workers away"),
        (("budget:minutes=1", "--dataset", "mnist@sample"), "a budget has steps, not minutes"),
    ],
)
def test_what_processes_cannot_do_together_is_one_sentence(
    arguments: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    done = CliRunner().invoke(app, ["train", *arguments, "--out", str(tmp_path / "out")])
    assert expected in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_process_without_torchrun_is_a_team_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (team.size(), team.first(), team.invited()) == (1, True, False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert team.invited()
    with pytest.raises(ValueError, match=r"a GPU of its own; got 'cpu:0'|A device is"), team.joined("cpu:0"):
        pytest.fail("a team on a device that is none")
