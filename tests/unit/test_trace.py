"""Traces: inside ball and box, the kept iterate is pgd's own, and what was stored comes back."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

import aatviz
from aatviz.attacks import Iterate, norm, pgd
from aatviz.attacks.settings import LOSSES_OF, AttackSettings
from aatviz.explore import attack_path
from aatviz.explore.attack_path import Trace, make_objective, trace_attack
from aatviz.explore.snippets import attack_code, attack_command
from aatviz.runtime.files import read_arrays, write_arrays
from aatviz.store.systems import System

pytestmark = pytest.mark.slow

QUICK = {"steps": 4, "step_size": 0.05}
EVERY_ATTACK = [
    AttackSettings(
        victim=victim,
        loss=loss,
        target=2 if loss == "target_logit" else None,
        detector=2 if victim == "detector" else None,
        **QUICK,
    )
    for victim, losses in LOSSES_OF.items()
    for loss in losses
]


@pytest.fixture(scope="module", params=["mnist-linf-0.3-shared", "mnist-linf-0.3"])
def system(tiny_systems: Path, request: pytest.FixtureRequest) -> System:
    return aatviz.load_system(tiny_systems / request.param)


@pytest.fixture(scope="module")
def image() -> tuple[torch.Tensor, int]:
    x, y = aatviz.load_data("mnist", split="sample")
    return x[14:15], int(y[14])


def arguments(settings: AttackSettings) -> dict[str, Any]:
    """The part of the settings that pgd takes."""
    names = ("norm", "eps", "steps", "step_size", "optimizer", "random_start", "restarts", "seed")
    return {name: getattr(settings, name) for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("settings", EVERY_ATTACK, ids=lambda s: f"{s.victim}-{s.loss}")
def test_the_kept_iterate_is_what_pgd_returns(
    system: System, image: tuple[torch.Tensor, int], settings: AttackSettings
) -> None:
    x, y = image
    trace = trace_attack(system, settings, x, y)
    expected = pgd(make_objective(system, settings, torch.tensor([y])), x, **arguments(settings))
    assert torch.equal(trace.perturbed, expected[0])
    assert trace.kept == int(trace.loss.argmin())


@pytest.mark.parametrize("p", ["Linf", "L2"])
@pytest.mark.parametrize("optimizer", ["adam", "steepest", "momentum"])
def test_every_iterate_is_in_ball_and_box(system: System, image: tuple[torch.Tensor, int], p: Any, optimizer: Any) -> None:
    settings = AttackSettings(norm=p, eps=0.2, steps=5, step_size=0.15, optimizer=optimizer, random_start=True)
    trace = trace_attack(system, settings, *image)
    assert trace.images.shape == (6, 1, 28, 28)
    assert norm(trace.images - trace.natural, p).max() <= 0.2 + 1e-5
    assert trace.images.min() >= 0
    assert trace.images.max() <= 1
    assert torch.equal(trace.natural, image[0][0])


def test_logits_are_those_of_the_images(system: System, image: tuple[torch.Tensor, int]) -> None:
    trace = trace_attack(system, AttackSettings(**QUICK), *image)
    path = trace.images
    for logits, network in (
        (trace.z_h, system.detectors),
        (trace.z_f, system.classifier),
        (trace.z_r, system.robust_classifier),
    ):
        torch.testing.assert_close(logits, network(path))
    others = trace.z_h.clone()
    others[:, trace.y] = -torch.inf
    torch.testing.assert_close(trace.loss, -others.amax(1))  # loss 10


def test_a_long_path_goes_through_the_networks_in_bounded_batches(
    system: System, image: tuple[torch.Tensor, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, sizes = AttackSettings(**QUICK | {"steps": 20}), list[int]()
    whole = trace_attack(system, settings, *image)
    monkeypatch.setattr(attack_path, "VALUES_AT_ONCE", 8 * 784 + 783)
    networks = (*system.detectors.networks, system.classifier, system.robust_classifier)
    hooks = [one.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0]))) for one in networks]
    trace = trace_attack(system, settings, *image)
    for hook in hooks:
        hook.remove()
    assert sorted(size for size in sizes if size > 1) == sorted([8, 8, 5] * len(networks))
    assert torch.equal(trace.images, whole.images)
    for name in ("z_h", "z_f", "z_r"):
        torch.testing.assert_close(getattr(trace, name), getattr(whole, name))


def test_of_several_restarts_the_winner_is_shown(system: System, image: tuple[torch.Tensor, int]) -> None:
    settings = AttackSettings(restarts=4, random_start=True, seed=3, **QUICK)
    losses: dict[int, list[float]] = {}
    trace = trace_attack(
        system, settings, *image, callback=lambda it: losses.setdefault(it.restart, []).append(float(it.loss))
    )
    assert trace.restart == min(losses, key=lambda restart: min(losses[restart]))
    assert trace.loss.tolist() == losses[trace.restart]
    assert trace.kept == losses[trace.restart].index(min(losses[trace.restart]))


def test_a_callback_ends_the_attack(system: System, image: tuple[torch.Tensor, int]) -> None:
    def stop(iterate: Iterate) -> bool:
        return iterate.step == 2

    trace = trace_attack(system, AttackSettings(**QUICK), *image, callback=stop)
    assert len(trace.images) == len(trace.z_h) == len(trace.loss) == 3


def test_what_was_stored_comes_back(system: System, image: tuple[torch.Tensor, int], tmp_path: Path) -> None:
    trace = trace_attack(system, AttackSettings(loss="target_logit", target=7, restarts=2, **QUICK), *image)
    write_arrays(tmp_path / "trace.npz", trace.to_arrays())
    again = Trace.from_arrays(read_arrays(tmp_path / "trace.npz"))
    for field in dataclasses.fields(Trace):
        before, after = getattr(trace, field.name), getattr(again, field.name)
        assert torch.equal(before, after) if isinstance(before, torch.Tensor) else before == after


def test_a_stored_trace_with_a_part_missing_says_which(system: System, image: tuple[torch.Tensor, int]) -> None:
    arrays = trace_attack(system, AttackSettings(**QUICK), *image).to_arrays()
    del arrays["z_r"]
    with pytest.raises(ValueError, match="z_r missing"):
        Trace.from_arrays(arrays)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"victim": "nobody"}, "victim is one of"),
        ({"loss": "combined"}, "loss against the victim generative is one of"),
        ({"loss": "target_logit"}, "target= is missing"),
        ({"target": 3}, "target= goes with"),
        ({"detector": 3}, "detector= goes with"),
        ({"victim": "detector", "loss": "detector_logit"}, "detector= is missing"),
        ({"eps": 8.0}, r"\[0,1\] scale"),
        ({"eps": -0.1}, "eps is a number of at least 0"),
        ({"norm": "L1"}, "norm is one of"),
        ({"optimizer": "sgd"}, "optimizer is one of"),
        ({"steps": 2.5}, "steps is a whole number"),
        ({"restarts": 0}, "restarts is a whole number of at least 1"),
        ({"step_size": float("nan")}, "step_size is a number"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AttackSettings(**wrong)


def test_a_class_that_the_system_does_not_have(system: System, image: tuple[torch.Tensor, int]) -> None:
    x, _ = image
    with pytest.raises(ValueError, match=r"y lies in 0\.\.9"):
        trace_attack(system, AttackSettings(), x, 10)
    with pytest.raises(ValueError, match=r"target lies in 0\.\.9"):
        trace_attack(system, AttackSettings(loss="target_logit", target=10), x, 3)
    with pytest.raises(ValueError, match="one image"):
        trace_attack(system, AttackSettings(), x.repeat(2, 1, 1, 1), 3)


def test_the_same_attack_on_the_robust_classifier() -> None:
    assert AttackSettings().against("robust").loss == "classifier_margin"
    assert AttackSettings(loss="cw").against("robust").loss == "cw"
    assert AttackSettings(loss="target_logit", target=4).against("robust").target == 4
    one = AttackSettings(victim="detector", detector=6, loss="detector_logit", eps=0.1).against("robust")
    assert (one.loss, one.target, one.detector, one.eps) == ("target_logit", 6, None, 0.1)


def test_the_command_and_the_code_say_the_settings(tiny_systems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = AttackSettings(loss="target_logit", target=5, random_start=True, restarts=2, seed=9, **QUICK)
    words = shlex.split(attack_command("mnist-linf-0.3", settings, 14))
    assert words[:3] == ["aatviz", "attack", "mnist-linf-0.3"]
    for flag, value in {"--index": "14", "--target": "5", "--step-size": "0.05", "--restarts": "2", "--seed": "9"}.items():
        assert words[words.index(flag) + 1] == value
    assert "--random-start" in words
    assert "--detector" not in words
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(tiny_systems))
    names: dict[str, Any] = {}
    exec(attack_code("mnist-linf-0.3", settings, 14), names)
    assert names["trace"].settings == settings
