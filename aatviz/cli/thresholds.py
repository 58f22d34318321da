"""`aatviz thresholds`: the rates of the Thresholds page at one T, or one T_k a class, from the stored record; no network
runs."""

from typing import Annotated

import typer

from aatviz.metrics import Interval
from aatviz.metrics.format import interval
from aatviz.store.systems import load_system
from aatviz.thresholds import choose as operating_points
from aatviz.thresholds import curves
from aatviz.thresholds.choose import Costs
from aatviz.thresholds.curves import Decisions, Threshold


def thresholds(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    threshold: Annotated[float | None, typer.Option("--T", help="One threshold on the winning logit for all.")] = None,
    per_class: Annotated[str, typer.Option("--T-per-class", help="One T_k for each class, separated by commas.")] = "",
    clean_rejection: Annotated[
        float | None, typer.Option(help="Choose the highest T that rejects at most this share of held-out clean images.")
    ] = None,
    costs: Annotated[
        str, typer.Option(help="Choose the cheapest T: cost of a miss, cost of a false alarm, share of attacked images.")
    ] = "",
    each: Annotated[bool, typer.Option("--each", help="Choose a T_k for each class instead of one T.")] = False,
    judge: Annotated[str, typer.Option(help="The classifier to choose for: generative or integrated.")] = "generative",
) -> None:
    """Print equations 7, 8, 14 and 15 at a threshold, given or chosen. [default: the T that the app starts with]"""
    loaded = load_system(system)
    record = curves.load(loaded)
    by_name = {"generative": record.generative, "integrated": record.integrated}
    if judge not in by_name:
        raise ValueError(f"--judge is one of {', '.join(by_name)}; got {judge!r}.")
    given = [name for name, value in _options(threshold, per_class, clean_rejection, costs).items() if value]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} were given; one of them decides about the threshold. Leave the others out.")
    if each and given not in (["--clean-rejection"], ["--costs"]):
        raise ValueError("--each says how to choose; it goes with --clean-rejection or --costs.")
    decisions, classes = by_name[judge], loaded.card.classes
    if costs or clean_rejection is not None:
        by = parse_costs(costs) if costs else clean_rejection or 0.0
        chosen = operating_points.choose(decisions, by, classes if each else None)
        if isinstance(by, Costs):
            _print_cost(decisions, chosen, by)
    elif per_class:
        chosen = parse_per_class(per_class, classes)
    else:
        chosen = operating_points.default_threshold(loaded) if threshold is None else threshold
    typer.echo(f"T = {_words(chosen)}")
    for name, decisions in by_name.items():
        _print(name, curves.at(decisions, chosen))
    typer.echo(f"robust classifier, which cannot reject: accuracy {_rate(record.robust_accuracy)}")
    typer.echo(f"  error on attacked images {_rate(record.robust_error)}")


def parse_per_class(text: str, classes: int) -> tuple[float, ...]:
    """ "0.5,1,-2" -> (0.5, 1.0, -2.0). ValueError unless there is a number for each class."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != classes:
        raise ValueError(f"--T-per-class takes {classes} numbers, separated by commas; got {text!r}.")
    return values


def parse_costs(text: str) -> Costs:
    """ "10,1,0.1" -> Costs(miss=10, false_alarm=1, prior=0.1)."""
    try:
        miss, false_alarm, prior = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            "--costs takes three numbers, separated by commas: the cost of a miss, the cost of a false alarm, and the share "
            f"of attacked images; got {text!r}. Write for instance --costs 10,1,0.1"
        ) from None
    return Costs(miss=miss, false_alarm=false_alarm, prior=prior)


def _options(threshold: float | None, per_class: str, rejection: float | None, costs: str) -> dict[str, bool]:
    return {
        "--T": threshold is not None,
        "--T-per-class": bool(per_class),
        "--clean-rejection": rejection is not None,
        "--costs": bool(costs),
    }


def _print_cost(decisions: Decisions, chosen: Threshold, costs: Costs) -> None:
    choosing, reporting = operating_points.halves(decisions.perturbed)
    expected = operating_points.expected_cost(decisions.natural, reporting, chosen, costs)
    typer.echo(
        f"chosen on {len(decisions.held_out):,} held-out and {len(choosing):,} attacked images; expected cost on "
        f"{len(decisions.natural):,} test and {len(reporting):,} other attacked images: {expected:.4f} per image"
    )


def _words(threshold: Threshold) -> str:
    values = [threshold] if isinstance(threshold, int | float) else threshold
    return ", ".join(f"{value:g}" for value in values)


def _rate(share: Interval) -> str:
    return interval(share, with_n=True)


def _print(name: str, point: curves.AtThreshold) -> None:
    typer.echo(f"{name} classifier")
    typer.echo(f"  natural accepted (eq. 7)           {_rate(point.tpr)}")
    typer.echo(f"  natural accepted and right (eq. 14) {_rate(point.accuracy)}")
    typer.echo(f"  attacked, fooled and accepted (eqs. 8, 15) {_rate(point.error)}")
    typer.echo(
        f"  natural: {point.natural_right} accepted and right, {point.natural_wrong} accepted and wrong, "
        f"{point.natural_rejected} rejected"
    )
    typer.echo(f"  attacked: {point.withstood} accepted and right, {point.fooled} fooled, {point.caught} rejected")
