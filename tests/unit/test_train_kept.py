"""A training that goes on elsewhere: from a shortened state, and from what `tools/keep_training.py` keeps."""

import shutil
from pathlib import Path

import pytest
import torch
from tiny_runs import DATASET, JOBS, history, kill, weights

from aatviz.store.weights import read_note
from aatviz.train.learner import part
from aatviz.train.loop import train
from aatviz.train.state import full, shorten, shortened
from tools import keep_training

pytestmark = pytest.mark.slow


def test_a_shortened_state_goes_on_at_its_step_and_says_so(tmp_path: Path) -> None:
    """Its weights are those of the whole state, rounded, and it is much smaller; the bits at the end are others."""
    here, there = tmp_path / "here", tmp_path / "there"
    kill("shared", here, "between two saves")
    whole, short = full(here, "shared"), shortened(there, "shared")
    assert shorten(whole, short) == 6
    assert short.stat().st_size < 0.35 * whole.stat().st_size
    expected = part(weights(whole), "average.module.") or part(weights(whole), "network.")
    for name, value in part(weights(short), "network.").items():
        assert torch.equal(value, expected[name].half() if expected[name].is_floating_point() else expected[name]), name

    seen: list[int] = []
    final = train(JOBS["shared"], DATASET, there, report=lambda progress: seen.append(progress.step))
    assert seen == [7, 8, 9, 10, 11, 12]
    assert read_note(final)["shortened_at"] == [6]
    whole_run = train(JOBS["shared"], DATASET, tmp_path / "whole")
    assert "shortened_at" not in read_note(whole_run)
    assert [row["step"] for row in history(there, "shared")] == [row["step"] for row in history(whole_run.parent, "shared")]
    assert not short.exists()


def test_what_is_kept_of_a_training_is_enough_to_go_on_elsewhere(tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "training" / "tiny"
    kill("shared", run, "between two saves")
    done = train(JOBS["detector-3"], DATASET, run)
    kept.mkdir(parents=True)
    (kept.parent / "README.md").write_text("# Kept\n\nIn training: none.\n")
    keep_training.main(run, kept)
    assert weights(kept / "detector-3.safetensors").keys() == weights(done).keys()
    assert "In training: `shared` (at step 6)." in (kept.parent / "README.md").read_text()

    shutil.copytree(kept, tmp_path / "elsewhere")
    train(JOBS["shared"], DATASET, tmp_path / "elsewhere")
    keep_training.main(tmp_path / "elsewhere", kept)
    assert not shortened(kept, "shared").exists()
    assert (kept / "shared.safetensors").exists()
    assert "In training: none." in (kept.parent / "README.md").read_text()
