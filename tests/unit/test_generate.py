"""Generation: the class Gaussian, what generate() promises about noise, ball and numbers, its command line, the records."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import aatviz
from aatviz.attacks import Iterate, norm
from aatviz.data import DataNotFound
from aatviz.explore.attack_grid.result import MODELS
from aatviz.explore.attack_grid.run import network
from aatviz.explore.generation import run as module
from aatviz.explore.generation.result import LOW_MARK, MOST_FRAMES, STARTS, Generated, GenerateSettings
from aatviz.explore.generation.run import (
    build_generated,
    generate,
    generated_image,
    load_generated,
    start_images,
    step_count,
)
from aatviz.explore.snippets import generation_code, generation_command
from aatviz.runtime.files import read_json, write_json
from aatviz.store.systems import Lacking, System
from tests import quick_python
from tests.changed_systems import described_again

pytestmark = pytest.mark.slow

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
QUICK = GenerateSettings(steps=3, count=2, eps=1.0, step_size=0.5, seed=7)


@pytest.fixture
def system(tiny_system_folder: Path) -> System:
    return aatviz.load_system(SHARED)


@pytest.fixture(scope="module")
def made(tiny_systems: Path) -> Generated:
    """What the tiny shared system makes of the quick settings."""
    return generate(aatviz.load_system(tiny_systems / SHARED), QUICK)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": "fog"}, "gaussian, uniform, constant, other"),
        ({"norm": "L1"}, "Linf, L2"),
        ({"norm": "Linf", "eps": 5.0}, r"\[0,1\] scale"),
        ({"eps": -1.0}, "at least 0"),
        ({"steps": 0}, "at least 1"),
        ({"count": 0}, "at least 1"),
        ({"count": 1001}, "at most 1000"),
        ({"seed": -1}, "at least 0"),
        ({"optimizer": "magic"}, "adam"),
    ],
)
def test_impossible_settings_are_explained(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GenerateSettings(**wrong)


@pytest.mark.parametrize("steps", [1, 2, 10, 11, 60, 500])
def test_the_frames_lead_from_the_noise_to_the_result(steps: int) -> None:
    frames = GenerateSettings(steps=steps).frames
    assert (frames[0], frames[-1]) == (0, steps)
    assert len(frames) == min(steps + 1, MOST_FRAMES)
    assert list(frames) == sorted(set(frames))


@pytest.mark.parametrize("start", STARTS)
def test_a_start_depends_on_seed_class_and_sample_alone(system: System, start: Any) -> None:
    settings = dataclasses.replace(QUICK, start=start, count=3)
    noise = start_images(system, settings, 4)
    assert noise.shape == (3, 1, 28, 28)
    assert torch.equal(noise * 255, (noise * 255).round())
    more = start_images(system, dataclasses.replace(settings, count=5, eps=0.1), 4)
    assert torch.equal(more[:3], noise)
    for other in (start_images(system, dataclasses.replace(settings, seed=8), 4), start_images(system, settings, 5)):
        assert not torch.equal(other, noise)
    if start == "constant":
        assert torch.equal(noise.amin((1, 2, 3)), noise.amax((1, 2, 3)))


def test_another_digit_is_never_one_of_the_target(system: System) -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    for image in start_images(system, GenerateSettings(start="other", count=30), 3):
        same = (x == image).flatten(1).all(1).nonzero().squeeze(1)
        assert len(same)
        assert 3 not in y[same]


@pytest.mark.parametrize("name", [SHARED, SEPARATE])
def test_every_number_is_that_of_the_rounded_images(
    tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(module, "NATURAL", 5)
    system, calls = aatviz.load_system(name), 0

    def count(_: Iterate | None) -> None:
        nonlocal calls
        calls += 1

    made = generate(system, QUICK, count)
    assert calls == step_count(system, QUICK)
    labels = torch.arange(10)
    for model in MODELS:
        assert made.paths[model].shape == (4, 10, 2, 1, 28, 28)
        assert torch.equal(made.paths[model][0], made.noise)
        x = made.results(model).flatten(0, 1) / 255
        start = made.noise.flatten(0, 1) / 255
        assert norm(x - start, "L2").max() <= QUICK.eps + 28 * 0.5 / 255  # rounding may leave the ball by as much
        with torch.no_grad():
            z, z_start = (network(system, model)(images).view(10, 2, 10) for images in (x, start))
            judged = system.judge(x).argmax(1).view(10, 2)
        torch.testing.assert_close(made.logits[model], z[labels, :, labels], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(made.noise_logits[model], z_start[labels, :, labels], atol=1e-4, rtol=1e-4)
        assert (made.logits[model] > made.noise_logits[model]).float().mean() > 0.9
        assert torch.equal(made.judged[model], judged)
        assert made.judged_as_target(model).value == pytest.approx(float((judged == labels[:, None]).float().mean()))
        low = made.natural_logits[model].quantile(LOW_MARK, dim=1)
        assert made.sure(model).value == pytest.approx(float((made.logits[model] > low[:, None]).float().mean()))


def test_natural_logits_are_those_of_digits_of_the_class(system: System, made: Generated) -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    with torch.no_grad():
        wanted = system.robust_classifier(x[y == 6][:100])[:, 6]
    torch.testing.assert_close(made.natural_logits["robust"][6], wanted, atol=1e-4, rtol=1e-4)
    again = generate(system, dataclasses.replace(QUICK, steps=1, count=1), natural_logits=made.natural_logits)
    assert torch.equal(again.natural_logits["robust"], made.natural_logits["robust"])


def test_natural_logits_come_from_a_stored_run_where_no_natural_image_is_at_hand(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "stored_settings", lambda _: {"generated": QUICK})
    monkeypatch.setattr(module, "NATURAL", 5)
    build_generated(system)
    kept = load_generated(system)
    assert kept

    def nowhere(*_: object, **__: object) -> None:
        raise DataNotFound("the sample is not here")

    monkeypatch.setattr(module, "load_data", nowhere)
    other = dataclasses.replace(QUICK, steps=1, count=1)
    assert torch.equal(generate(system, other).natural_logits["robust"], kept.natural_logits["robust"])
    (system.folder / "results" / "generated.npz").unlink()
    calls: list[Iterate | None] = []
    with pytest.raises(DataNotFound, match="not here"):
        generate(system, other, calls.append)
    assert not calls


def test_one_image_is_the_one_of_the_grid(system: System, made: Generated) -> None:
    image = generated_image(system, QUICK, 3, 1, "robust")
    assert image.shape == (1, 1, 28, 28)
    assert torch.equal((image[0] * 255).byte(), made.results("robust")[3, 1])
    with pytest.raises(ValueError, match=r"sample lies in 0\.\.1"):
        generated_image(system, QUICK, 3, 2, "robust")
    with pytest.raises(ValueError, match=r"target lies in 0\.\.9"):
        generated_image(system, QUICK, 10, 0, "robust")
    with pytest.raises(ValueError, match="model is one of"):
        generated_image(system, QUICK, 3, 0, "judge")  # type: ignore[arg-type]


def test_what_the_callback_raises_ends_the_work_at_once(system: System) -> None:
    seen = []

    def stop(iterate: Iterate | None) -> None:
        seen.append(iterate)
        if len(seen) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        generate(system, QUICK, stop)
    assert len(seen) == 3


def test_a_system_without_gaussians_says_what_is_missing(system: System) -> None:
    card = read_json(system.folder / "card.json")
    del card["files"]["gaussians"], card["files"]["judge"]
    write_json(system.folder / "card.json", card)
    bare = aatviz.load_system(SHARED)
    with pytest.raises(Lacking, match="has no judge"):
        generate(bare, QUICK)
    with pytest.raises(Lacking, match="has no class Gaussians"):
        start_images(bare, QUICK, 0)
    assert start_images(bare, dataclasses.replace(QUICK, start="uniform"), 0).shape == (2, 1, 28, 28)


def test_a_stored_run_comes_back_whole_and_only_for_these_very_models(
    system: System, made: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NATURAL", 5)
    monkeypatch.setattr(module, "stored_settings", lambda _: {"generated": QUICK})
    assert load_generated(system) is None
    build_generated(system)
    again = load_generated(system)
    assert isinstance(again, Generated)
    assert again.rows() == made.rows()
    for model in MODELS:
        assert torch.equal(again.paths[model], made.paths[model])
        assert torch.allclose(again.natural_logits[model], made.natural_logits[model][:, :5], atol=1e-4)
    monkeypatch.setattr(module, "stored_settings", lambda _: {"generated": dataclasses.replace(QUICK, steps=4)})
    assert load_generated(system) is None
    monkeypatch.setattr(module, "stored_settings", lambda _: {"generated": QUICK})
    (system.folder / "judge.safetensors").write_bytes((system.folder / "classifier.safetensors").read_bytes())
    assert load_generated(described_again(system.folder)) is None


@pytest.mark.usefixtures("system")
def test_the_printed_command_and_python_give_the_same_numbers(made: Generated, tmp_path: Path) -> None:
    command = [*generation_command(SHARED, QUICK).split()[1:], "--out", str(tmp_path / "grids.png")]
    shell = quick_python.run("-m", "aatviz.cli", *command)
    assert shell.returncode == 0, shell.stderr
    rates = {("judged", "the noise itself"): made.judged_as_target(None)}
    rates |= {("judged", model): made.judged_as_target(model) for model in MODELS}
    rates |= {("as sure", model): made.sure(model) for model in MODELS}
    for (start, end), rate in rates.items():
        line = next(line for line in shell.stdout.splitlines() if line.startswith(start) and line.endswith(end))
        assert f"{rate.value:.4f} ({rate.low:.4f} to {rate.high:.4f}), n = {rate.n}" in line
    with Image.open(tmp_path / "grids.png") as picture:
        assert picture.width > picture.height > 500
    rows = list(csv.DictReader((tmp_path / "grids.csv").read_text().splitlines()))
    assert len(rows) == 10 * QUICK.count * len(MODELS)
    for row, (k, i, model, _, logit, _, judged) in zip(rows, made.rows(), strict=True):
        assert (row["target"], row["sample"], row["model"], row["judge"]) == (str(k), str(i), model, str(judged))
        assert float(row["target_logit"]) == pytest.approx(logit, abs=2e-4)

    python = quick_python.run("-c", generation_code(SHARED, QUICK))
    assert python.returncode == 0, python.stderr
    for model in MODELS:
        assert f"{model} {made.judged_as_target(model)} {made.sure(model)}" in python.stdout


@pytest.mark.parametrize("name", [SHARED, SEPARATE])
def test_the_shipped_runs_fit_their_models_and_show_the_point(name: str) -> None:
    system = aatviz.load_system(name)
    made, rubbish = load_generated(system, "generated"), load_generated(system, "generated-uniform")
    assert made is not None
    assert rubbish is not None
    assert made.judged_as_target("generative").n == 100
    assert made.judged_as_target("generative").value >= 0.90
    # of what it makes of uniform noise, the robust classifier is sure, and the judge does not see it; the detectors are not
    assert rubbish.sure("generative").high < rubbish.judged_as_target("robust").low < rubbish.sure("robust").low


def test_the_shipped_judge_reads_digits_and_is_no_other_network() -> None:
    system = aatviz.load_system(SHARED)
    x, y = aatviz.load_data("mnist", split="sample")
    with torch.no_grad():
        labels = system.judge(x[:1000]).argmax(1)
    assert (labels == y[:1000]).float().mean() >= 0.98
    judge, classifier = (dict(net.state_dict())["conv1.weight"].numpy() for net in (system.judge, system.classifier))
    assert not np.allclose(judge, classifier, atol=0.01)
