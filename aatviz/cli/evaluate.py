"""`aatviz evaluate` and `aatviz report`: measure a system by evaluation recipes, and compare it with the paper."""

import dataclasses
import time
from typing import Annotated

import typer

from aatviz import evaluate as engine
from aatviz.cli.options import USUAL_WORKERS, Address, Device, LauncherName, launcher
from aatviz.data.spec import written
from aatviz.evaluate.speed import seconds_per_pass
from aatviz.models.networks import NETWORKS
from aatviz.recipes.evaluation import Evaluation
from aatviz.recipes.paper import evaluations_of
from aatviz.report import write_report
from aatviz.report.card_readme import write_readme
from aatviz.runtime.files import remove_leftovers
from aatviz.runtime.hardware import fast_bf16, one_thread
from aatviz.runtime.jobs import Command, JobFailed, Launcher, run_jobs
from aatviz.runtime.locks import Held, writing
from aatviz.store.cards import update_card
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system

LINE_SECONDS = 15.0


def evaluate(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    recipe: Annotated[str, typer.Option(help="table-2, table-11, figure-2, worst-case, honest ...; or all.")] = "all",
    n: Annotated[int | None, typer.Option(min=1, help="Attacked images. [default: the recipe's own number]")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help=f"Parts computed at the same time, each by one thread. {USUAL_WORKERS}"),
    ] = None,
    part: Annotated[
        str, typer.Option(help="Compute only this part (a detector or a scenario) of one recipe; no record is written.")
    ] = "",
    cost: Annotated[bool, typer.Option("--cost", help="Only say what it would cost.")] = False,
    device: Device = "auto",
    launcher_name: LauncherName = "local",
    address: Address = None,
) -> None:
    """Write one record for each recipe into SYSTEM's results folder. What is done is not computed again, and after an
    interruption the same command goes on. Where a part fails, the other records are still written."""
    if part and launcher_name != "local":
        raise ValueError("--part computes one part, here: leave --launcher away.")
    where = launcher(launcher_name, address, workers)
    device = where.device(device)
    loaded = load_system(system, device if launcher_name == "local" else "cpu")
    chosen = _choose(loaded, recipe, n)
    if part:
        evaluation = _recipe_of(part, loaded, chosen)
        with writing(loaded.folder, shared=True), one_thread():  # as a launcher's jobs have: the same bits
            _run_part(loaded, evaluation, part)
        return
    if cost:
        _tell_cost(loaded, chosen, where.room, device)
        return
    with writing(loaded.folder) as held:
        remove_leftovers(loaded.folder)
        _tell_cost(loaded, chosen, where.room, device)
        failed = list[str]()
        for evaluation in chosen:
            try:
                _measure(loaded, system, evaluation, where, device, held)
            except JobFailed as error:
                failed.append(f"{evaluation.name}: {error}")
        update_card(loaded.folder)
        write_readme(loaded.folder)
        write_report(load_system(system))
        if failed:
            raise JobFailed("; ".join(failed))


def _measure(system: System, name: str, evaluation: Evaluation, where: Launcher, device: str, held: Held) -> None:
    """One evaluation, unless it is there already; `name` is the system's name or path, as given to the command."""
    file = result_file(system, evaluation.name, "json")
    record = engine.stored(system, evaluation)
    if record is not None:
        engine.tidy(system, evaluation)
        n, asked = record["recipe"]["count"], evaluation.count
        more = f": {n:,} images, more than the {asked:,} asked for" if n > asked else ""
        typer.echo(f"{name}: {evaluation.name} is in {file} already{more}")
        return
    typer.echo(f"{name}: {evaluation.about}")
    base = ("evaluate", name, "--recipe", evaluation.name, "--n", str(evaluation.count), "--device", device, "--part")
    with where.writing(held):
        run_jobs([Command(name=unit, arguments=(*base, unit)) for unit in engine.parts(system, evaluation)], where)
    engine.finish(system, evaluation)
    typer.echo(f"{name}: {evaluation.name} is in {file}")


def report(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    recompute: Annotated[
        bool, typer.Option("--recompute", help="First compute every record's numbers again, from its stored scores.")
    ] = False,
) -> None:
    """Print the paper's numbers beside those that were measured here, and write them to SYSTEM's report.md."""
    loaded = load_system(system)
    with writing(loaded.folder):
        remove_leftovers(loaded.folder)
        if recompute:
            for evaluation in evaluations_of(loaded.card).values():
                if record := engine.stored(loaded, evaluation, least=1):
                    engine.refresh(loaded, evaluation, record)
            update_card(loaded.folder)
            write_readme(loaded.folder)
            loaded = load_system(system)
        path = write_report(loaded)
    typer.echo(path.read_text(encoding="utf-8"))
    typer.echo(f"Written to {path}")


def _choose(system: System, recipe: str, n: int | None) -> list[Evaluation]:
    found = evaluations_of(system.card)
    if recipe != "all" and recipe not in found:
        trained = f"{system.card.norm} eps {written(system.card.eps)}"
        raise ValueError(f"{system.name}, trained for {trained}, has no recipe {recipe!r}; it has {', '.join(found)}.")
    chosen = list(found.values()) if recipe == "all" else [found[recipe]]
    left_out = {evaluation.name: why for evaluation in chosen if (why := engine.lacks(system, evaluation))}
    if recipe in left_out:
        raise ValueError(left_out[recipe])
    for why in left_out.values():
        typer.echo(f"Left out: {why}")
    chosen = [evaluation for evaluation in chosen if evaluation.name not in left_out]
    return [dataclasses.replace(evaluation, count=n) for evaluation in chosen] if n else chosen


def _recipe_of(part: str, system: System, chosen: list[Evaluation]) -> Evaluation:
    """The one recipe that is chosen. ValueError where there are several, with those that have the part."""
    if len(chosen) == 1:
        return chosen[0]
    owners = [evaluation.name for evaluation in chosen if part in engine.parts(system, evaluation)]
    where = ", ".join(owners) or f"none of {', '.join(evaluation.name for evaluation in chosen)}"
    raise ValueError(f"--part needs one --recipe; {part!r} is a part of {where}.")


def _tell_cost(system: System, chosen: list[Evaluation], room: int, device: str) -> None:
    """Print an estimate of the duration, from a few passes that are timed first; without times where jobs compute on another
    device than the system is on here. An evaluation has no use for more workers than it has parts."""
    todo = [(evaluation, passes) for evaluation in chosen if (passes := engine.cost(system, evaluation))]
    if not todo:
        return
    same = device.partition(":")[0] == system.device.type
    each, seconds = seconds_per_pass(system, _in_bf16(system)) if same else 0.0, 0.0
    for evaluation, passes in todo:
        lasts = passes * each / min(room, len(engine.parts(system, evaluation)))
        seconds += lasts
        minutes = f", about {lasts / 60:.0f} minutes" if same else ""
        typer.echo(f"{evaluation.name}: {passes / 1e6:.2f} million passes through a network{minutes}")
    hours = f"{seconds / 3600:.1f} hours in all, " if same else ""
    typer.echo(f"{system.name}: {hours}{room} workers")


def _run_part(system: System, evaluation: Evaluation, part: str) -> None:
    started = last_line = time.monotonic()
    found: float | None = None

    def report(unit: str, share: float) -> None:
        nonlocal last_line, found
        now = time.monotonic()
        if found is None:
            found = share  # what was done before does not tell how long the rest takes
        elif share > found and now - last_line > LINE_SECONDS:
            last_line = now
            left = (now - started) * (1 - share) / (share - found)
            typer.echo(f"{evaluation.name}, {unit}: {share:.0%}, {left / 60:.1f} min left")

    engine.run_part(system, evaluation, part, bf16=_in_bf16(system), report=report)
    typer.echo(f"{evaluation.name}, {part}: done")


def _in_bf16(system: System) -> bool:
    """Whether attacks run in bfloat16: where that is faster."""
    device, attacked = str(system.device), [*system.detectors.networks, system.classifier, system.robust]
    pays = device != "cpu" or NETWORKS.bf16_pays(*(network for network in attacked if network is not None))
    return fast_bf16(device) and pays
