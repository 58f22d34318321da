"""The command line: it does what the library does, and says clearly what is wrong."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import aatviz
from aatviz import recipes
from aatviz.attacks.settings import AttackSettings
from aatviz.cli import evaluate
from aatviz.explore.attack_path import trace_attack
from aatviz.explore.snippets import attack_command
from aatviz.recipes.evaluation import Evaluation, RealImagesEvaluation
from aatviz.runtime.jobs import JobFailed
from aatviz.train.loop import train
from tests import quick_python

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return quick_python.run("-m", "aatviz.cli", *arguments)


def test_attack_prints_the_numbers_of_the_library(tiny_system_folder: Path) -> None:
    name = aatviz.systems()[0]
    system = aatviz.load_system(name)
    x, y = aatviz.load_data("mnist", split="sample")
    settings = AttackSettings(loss="target_logit", target=3, eps=0.2, steps=4, step_size=0.05, random_start=True, seed=5)
    trace = trace_attack(system, settings, x[7:8], y[7])

    result = run(*attack_command(name, settings, 7).split()[1:])

    assert result.returncode == 0, result.stderr
    assert f"perturbation: Linf {trace.linf:.4f}, L2 {trace.l2:.4f}" in result.stdout
    for k, logit in enumerate(trace.z_h[trace.kept].tolist()):
        printed = next(line for line in result.stdout.splitlines() if line.startswith(f"{k:5}  "))
        assert float(printed.split("->")[1]) == pytest.approx(logit, abs=2e-4)


def test_systems_are_listed_and_a_broken_one_with_what_is_wrong(tiny_system_folder: Path) -> None:
    about = aatviz.load_system("mnist-linf-0.3-shared").card.about
    card = tiny_system_folder / "mnist-linf-0.3" / "card.json"
    card.write_text(card.read_text()[:-9])
    result = run("systems")
    assert result.returncode == 0, result.stderr
    whole, broken = result.stdout.splitlines()
    assert whole.split(maxsplit=1) == ["mnist-linf-0.3-shared", about]
    assert broken.startswith(f"{'mnist-linf-0.3':21} broken: {card} is not valid JSON")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("attack", "no-such-system"), "no system 'no-such-system'"),
        (("train", "no-such-recipe"), "no recipe 'no-such-recipe'"),
        (("train", "cifar10-linf-8-shared"), "aatviz data download cifar10"),
        (("train", "tiny", "--launcher", "slurm"), "--launcher is local or ray; got 'slurm'"),
        (("train", "tiny", "--jobs", "detector-4"), "it has shared, classifier, stage/robust, robust"),
        (("data", "import", "no-such-folder"), "There is no no-such-folder"),
        (("data", "download", "imagenet"), "there are mnist, fashion-mnist, cifar10"),
    ],
)
def test_a_mistake_is_one_clear_sentence_and_no_traceback(
    tiny_system_folder: Path, arguments: tuple[str, ...], expected: str
) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--recipe", "table-11", "--part", "foo"), "table-11 has no part 'foo'; it has 'detector-0', 'detector-1',"),
        (
            ("--part", "detector-7"),
            "--part needs one --recipe; 'detector-7' is a part of table-11, worst-case, real-images.",
        ),
        (("--recipe", "table-11", "--part", "detector-7", "--launcher", "ray"), "--part computes one part, here"),
        (("--recipe", "all", "--part", "foo"), "'foo' is a part of none of table-11, worst-case,"),
    ],
)
def test_a_part_that_is_none_or_whose_recipe_is_not_named_is_refused(
    tiny_system_folder: Path,
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    result = run("evaluate", "mnist-linf-0.3-shared", *arguments)
    assert result.returncode == 1
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.long
def test_training_side_by_side_makes_two_systems_that_load(tiny_system_folder: Path, tmp_path: Path) -> None:
    too_early = run("train", "tiny-separate", "--jobs", "detector-3", "--out", str(tmp_path / "tiny-separate"))
    assert too_early.returncode == 1
    assert "detector-3 starts from it. Train that first" in too_early.stderr

    for recipe, trained in (("tiny", ()), ("tiny-separate", recipes.get("tiny-separate").jobs[2:])):
        for job in trained:  # here, and not ten times in a process of its own
            train(job, "mnist-sample", tmp_path / recipe)
        result = run("train", recipe, "--out", str(tmp_path / recipe))
        assert result.returncode == 0, result.stderr
        assert "min left" in result.stdout
        system = aatviz.load_system(tmp_path / recipe)
        assert system.detectors(torch.rand(2, 1, 28, 28)).shape == (2, 10)
        assert (tmp_path / recipe / "README.md").read_text().startswith(f"# {recipe}")


def test_a_part_that_fails_does_not_keep_other_evaluations_from_being_measured(
    tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure(_: object, __: str, evaluation: Evaluation, *___: object) -> None:
        measured.append(evaluation.name)
        if evaluation.name == "table-11":
            raise JobFailed("detector-3 ended with status 1")

    monkeypatch.setattr(evaluate, "_measure", measure)
    monkeypatch.setattr(evaluate, "_tell_cost", lambda *_: None)
    with pytest.raises(JobFailed, match=r"^table-11: detector-3 ended with status 1$"):
        evaluate.evaluate("mnist-linf-0.3-shared", device="cpu")
    assert measured[0] == "table-11"
    assert len(measured) > 2
    assert (tiny_system_folder / "mnist-linf-0.3-shared" / "report.md").is_file()


def test_the_time_left_is_not_told_from_what_was_done_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ten hours' work nine were done before; then a tenth of the rest takes six minutes."""
    clock = iter([0.0, 0.0, 360.0])

    def run(*_: object, report: Callable[[str, float], None], **__: object) -> None:
        report("a part", 0.9)
        report("a part", 0.91)

    monkeypatch.setattr(evaluate, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(evaluate, "engine", SimpleNamespace(run_part=run))
    monkeypatch.setattr(evaluate, "_in_bf16", lambda _: False)
    evaluate._run_part(SimpleNamespace(), RealImagesEvaluation(), "a part")  # type: ignore[arg-type]
    assert "91%, 54.0 min left" in capsys.readouterr().out
