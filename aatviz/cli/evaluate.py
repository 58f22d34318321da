"""`aatviz evaluate`: measure a system by an evaluation recipe, and bring its card up to date."""

import time
from typing import Annotated

import typer

from aatviz import evaluate as engine
from aatviz.hardware import fast_bf16
from aatviz.launch import run_side_by_side
from aatviz.recipes.evaluation import EVALUATIONS, Evaluation
from aatviz.store.cards import update_card
from aatviz.store.systems import System, load_system

LINE_SECONDS = 15.0


def evaluate(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    recipe: Annotated[str, typer.Option(help=f"One of: {', '.join(EVALUATIONS)}; or all.")] = "all",
    workers: Annotated[int, typer.Option(min=1, help="Parts computed at the same time, each by one thread.")] = 2,
    part: Annotated[str, typer.Option(help="Only this part (a detector or a scenario), without finishing.")] = "",
) -> None:
    """Write one record for each recipe into SYSTEM's results folder. What is done is not computed again."""
    if recipe != "all" and recipe not in EVALUATIONS:
        raise ValueError(f"There is no evaluation recipe {recipe!r}; there are {', '.join(EVALUATIONS)}.")
    loaded = load_system(system)
    for name in EVALUATIONS if recipe == "all" else [recipe]:
        evaluation = EVALUATIONS[name]
        if part:
            _run_part(loaded, evaluation, part)
            continue
        if engine.stored(loaded, evaluation) is None:
            typer.echo(f"{system}: {evaluation.about}")
            base = ["evaluate", system, "--recipe", name, "--part"]
            run_side_by_side({unit: [*base, unit] for unit in engine.parts(loaded, evaluation)}, workers)
            engine.finish(loaded, evaluation)
        typer.echo(f"{system}: {name} is in {engine.result_file(loaded, name, 'json')}")
    if not part:
        update_card(loaded.folder)


def _run_part(system: System, evaluation: Evaluation, part: str) -> None:
    started = last_line = time.monotonic()

    def report(unit: str, share: float) -> None:
        nonlocal last_line
        now = time.monotonic()
        if now - last_line > LINE_SECONDS:
            last_line = now
            left = (now - started) * (1 - share) / share
            typer.echo(f"{evaluation.name}, {unit}: {share:.0%}, {left / 60:.1f} min left")

    engine.run_part(system, evaluation, part, bf16=fast_bf16("cpu"), report=report)
    typer.echo(f"{evaluation.name}, {part}: done")
