"""`aatviz thresholds` on the shipped record: what it prints is what the library says, and mistakes are one sentence."""

import pytest
from typer.testing import CliRunner

import aatviz
from aatviz import cli
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds import curves
from aatviz.thresholds.choose import Costs

NAME = "mnist-linf-0.3-shared"
OWN = "1.5,-0.5,0,0,0,0,0,0,0,2"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli.app, ["thresholds", NAME, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def record() -> curves.CurveRecord:
    return curves.load(aatviz.load_system(NAME))


@pytest.mark.parametrize(
    ("arguments", "threshold"),
    [(("--T", "-1.5"), -1.5), (("--T-per-class", OWN), tuple(float(value) for value in OWN.split(",")))],
)
def test_given_thresholds(record: curves.CurveRecord, arguments: tuple[str, ...], threshold: curves.Threshold) -> None:
    printed = run(*arguments)
    for decisions in (record.generative, record.integrated):
        point = curves.at(decisions, threshold)
        assert f"{point.accuracy.value:.4f} ({point.accuracy.low:.4f} to {point.accuracy.high:.4f}, n = 10,000)" in printed
        assert f"attacked: {point.withstood} accepted and right, {point.fooled} fooled, {point.caught} rejected" in printed


def test_without_a_threshold_it_is_the_default_of_the_app(record: curves.CurveRecord) -> None:
    chosen = operating_points.accepting(record.generative.held_out, operating_points.REJECTION)
    assert run().startswith(f"T = {chosen:g}\n")


def test_chosen_thresholds(record: curves.CurveRecord) -> None:
    by_share = operating_points.choose(record.integrated, 0.05, classes=10)
    assert f"T = {', '.join(f'{value:g}' for value in by_share)}\n" in run(
        "--clean-rejection", "0.05", "--each", "--judge", "integrated"
    )
    printed = run("--costs", "5,1,0.2")
    assert f"T = {operating_points.choose(record.generative, Costs(miss=5.0, prior=0.2)):g}\n" in printed
    assert "chosen on 10,000 held-out and 500 attacked images" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--T-per-class", "1,2"), "takes 10 numbers"),
        (("--T-per-class", "a,b"), "takes 10 numbers"),
        (("--costs", "1,2"), "takes three numbers"),
        (("--costs", "1,1,7"), "between 0 and 1"),
        (("--T", "1", "--costs", "1,1,0.1"), "--T and --costs were given"),
        (("--each",), "goes with --clean-rejection or --costs"),
        (("--clean-rejection", "1"), "below 1"),
        (("--judge", "robust"), "generative, integrated"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[str, ...], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        run(*arguments)
