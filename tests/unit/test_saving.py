"""Attacked images as files: exact arrays, and a picture that stays in the ball, with what the rounding changed."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import aatviz
from aatviz import cli
from aatviz.attacks import norm, pgd, project, to_levels
from aatviz.attacks.settings import AttackSettings
from aatviz.explore.attack_path import trace_attack
from aatviz.explore.saving import exact, picture_levels, rounding_words


def digits() -> torch.Tensor:
    levels = torch.randint(0, 256, (20, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    return levels.float() / 255


@pytest.mark.parametrize(
    ("p", "eps"), [("Linf", 0.3), ("Linf", 8 / 255), ("Linf", 0.0), ("Linf", 1.0), ("L2", 1.5), ("L2", 0.02)]
)
def test_levels_stay_in_ball_and_box_and_are_the_nearest_such(p: Any, eps: float) -> None:
    x, generator = digits(), torch.Generator().manual_seed(1)
    x_adv = project(x + torch.randn(x.shape, generator=generator), x, p, eps)
    levels = to_levels(x_adv, x, p, eps)
    assert levels.dtype == torch.uint8
    assert (norm(levels / 255 - x, p) <= eps + 1e-6).all()
    assert ((levels / 255 - x_adv).abs() <= 1 / 255 + 1e-6).all()
    plain = (x_adv * 255).round()
    if p == "Linf" and eps == 0.3:
        assert (norm(plain / 255 - x, p) > eps + 1e-3).all()  # as it was


def test_levels_of_one_eps_for_each_sample() -> None:
    x = digits()
    eps = torch.linspace(0, 0.4, len(x))
    x_adv = project(x + 1, x, "Linf", eps)
    together = to_levels(x_adv, x, "Linf", eps)
    for row in range(len(x)):
        assert torch.equal(together[row], to_levels(x_adv[row : row + 1], x[row : row + 1], "Linf", float(eps[row]))[0])


def test_what_is_on_levels_already_stays_as_it_is() -> None:
    x = digits()
    for p in ("Linf", "L2"):
        assert torch.equal(to_levels(x, x, p, 0.1), (x * 255).round().byte())  # type: ignore[arg-type]


def test_where_the_image_itself_is_on_no_level_the_nearest_one_is_taken() -> None:
    x = torch.full((1, 1, 2, 2), 0.501 / 255)
    assert to_levels(x, x, "Linf", 1e-5).tolist() == [[[[1, 1], [1, 1]]]]


def test_pgd_on_its_way_to_a_picture_loses_nothing_to_the_ball() -> None:
    x = digits()
    x_adv = pgd(lambda z: (z.flatten(1).sum(1), torch.ones_like(z)), x, eps=0.3, step_size=0.1, steps=5)
    assert (norm(to_levels(x_adv, x, "Linf", 0.3) / 255 - x, "Linf") <= 0.3).all()


@pytest.mark.parametrize("victim", ["generative", "integrated", "robust", "natural", "detector"])
def test_the_words_name_the_distance_and_both_decisions(tiny_system_folder: Path, victim: Any) -> None:
    system = aatviz.load_system(aatviz.systems()[0])
    x, y = aatviz.load_data("mnist", split="sample")
    detector = {"victim": victim, "detector": 3, "loss": "detector_logit"}
    given = detector if victim == "detector" else {"victim": victim, "loss": "target_logit", "target": 3}
    trace = trace_attack(system, AttackSettings(**given, steps=3, step_size=0.1), x[7:8], y[7])
    shown = picture_levels(trace) / 255 - trace.natural
    words = rounding_words(system, trace, 0.0)
    assert f"Linf {shown.abs().max():.4f}, L2 {shown.norm():.4f}" in words
    assert float(shown.abs().max()) <= 0.3 + 1e-6
    assert "the decision is" in words
    if victim in ("generative", "integrated", "detector"):
        assert "the same: rejected" in rounding_words(system, trace, 1e9)


def test_the_command_writes_the_picture_and_the_exact_numbers(
    tiny_system_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, out = aatviz.systems()[0], tmp_path / "attacked.png"
    options = ("--eps", "77/255", "--steps", "3", "--step-size", "25.5/255", "--index", "7", "--out", str(out))
    monkeypatch.setattr(sys, "argv", ["aatviz", "attack", name, *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert "As a picture of 8 bits a pixel, rounded into the ball" in capsys.readouterr().out
    x, y = aatviz.load_data("mnist", split="sample")
    settings = AttackSettings(eps=77 / 255, steps=3, step_size=0.1)
    trace = trace_attack(aatviz.load_system(name), settings, x[7:8], y[7])
    with np.load(tmp_path / "attacked.npz", allow_pickle=False) as arrays:
        assert {key: arrays[key].tolist() for key in arrays} == {key: value.tolist() for key, value in exact(trace).items()}
        assert json.loads(str(arrays["settings"]))["eps"] == 77 / 255
    levels = np.asarray(Image.open(out))
    assert np.array_equal(levels, picture_levels(trace)[0].numpy())
    assert np.abs(levels / 255 - x[7, 0].numpy()).max() <= 77 / 255 + 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--eps", "8"), "Write 8/255"),
        (("--eps", "eight"), "'eight' is no number; write it like 0.3 or 8/255."),
        (("--eps", "nan"), "'nan' is no number"),
        (("--eps", "-8/255"), "eps is a number of at least 0"),
        (("--step-size", "1/0"), "'1/0' is no number"),
        (("--steps", "-1"), "steps is a whole number of at least 0; got -1"),
        (("--restarts", "0"), "restarts is a whole number of at least 1; got 0"),
        (
            ("--seed", str(2**64)),
            "seed is a whole number of at least 0 and at most 9223372036854775807; got 18446744073709551616",
        ),
        (("--seed", "-1"), "seed is a whole number of at least 0"),
        (("--out", "no-such-folder/x.png"), "there is no folder no-such-folder"),
        (("--out", "x.gif"), "ends in .gif; expected .png"),
    ],
)
def test_a_number_that_is_none_is_one_sentence(
    tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch, options: Any, message: str
) -> None:
    for command in ("attack", "compare", "generate"):
        if command != "attack" and (options[0] in ("--restarts", "--out") or options[1] == "8"):
            continue  # an L2 ball, which generate has, may be that large
        monkeypatch.setattr(sys, "argv", ["aatviz", command, aatviz.systems()[0], *options])
        with pytest.raises(SystemExit, match="aatviz: ") as ended:
            cli.main()
        assert message in str(ended.value)
