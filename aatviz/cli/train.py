"""`aatviz train`: every network of a recipe, side by side, resumable."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from aatviz import recipes
from aatviz.cli.options import USUAL_WORKERS, Address, Device, LauncherName, launcher
from aatviz.data import Dataset, open_split
from aatviz.data import dataset as known_dataset
from aatviz.recipes import Job, Recipe, budget
from aatviz.report.complete import complete
from aatviz.runtime.files import remove_leftovers
from aatviz.runtime.hardware import one_thread
from aatviz.runtime.jobs import Command, in_order, run_jobs
from aatviz.runtime.locks import writing
from aatviz.store.cards import detector_classes
from aatviz.train import loop, team
from aatviz.train.budget import fit

LINE_SECONDS = 15.0


def train(
    recipe: Annotated[
        str,
        typer.Argument(help=f"One of: {', '.join(recipes.names())}; with --dataset {', '.join(recipes.ANY)}."),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Any data set that is here, such as one of your own (`aatviz data import`).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The checkpoint folder to fill. [default: runs/RECIPE]")] = None,
    jobs: Annotated[str, typer.Option(help="Only these networks, separated by commas.")] = "",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Networks trained at the same time, each by one thread on a CPU. {USUAL_WORKERS}",
        ),
    ] = None,
    device: Device = "auto",
    launcher_name: LauncherName = "local",
    address: Address = None,
) -> None:
    """Train the networks of RECIPE. After an interruption the same command goes on; finished networks are kept."""
    plan = recipes.get(recipe) if dataset is None else recipes.for_dataset(recipe, known_dataset(dataset))
    open_split(plan.dataset, "train")  # raises now, before anything starts, where the data set is missing
    if dataset is not None and recipe.partition(":")[0] == budget.WORD and not budget.read(recipe).steps:
        if team.invited():  # each process would time its own
            raise ValueError(
                f"With torchrun a budget has steps, not minutes, such as {budget.WORD}:steps=900; got {recipe!r}."
            )
        recipe = _with_steps(recipe, known_dataset(dataset))
        plan = recipes.for_dataset(recipe, known_dataset(dataset))
    detector_classes(plan)  # and where the recipe's bank is impossible
    folder = out or Path("runs") / (plan.name if dataset is None else plan.system)
    chosen = list(dict.fromkeys(plan.job(name) for name in jobs.split(",") if name)) or list(plan.jobs)
    if team.invited():
        if launcher_name != "local" or workers or address is not None:
            raise ValueError(
                "With torchrun all processes train one network at a time: leave --launcher, --address and --workers away."
            )
        _train_together(plan, chosen, recipe, folder, device, own_data=dataset is not None)
        return
    where = launcher(launcher_name, address, workers)
    device = where.device(device)
    if len(chosen) == 1 and launcher_name == "local":  # others may train the other networks meanwhile
        own = f".{chosen[0].name.replace('/', '-')}.lock"
        with writing(folder, shared=True), writing(folder, name=own):
            remove_leftovers(folder)
            with one_thread():  # as a launcher's jobs have: the same bits
                _train_one(plan, chosen[0], folder, device)
            _complete(plan, folder, own_data=dataset is not None)
        return
    with writing(folder) as held:
        remove_leftovers(folder)
        typer.echo(f"{plan.name}: {len(chosen)} networks into {folder}, {where.room} at a time on {device}")
        settings = ["--out", str(folder), "--device", device]
        settings += [] if dataset is None else ["--dataset", dataset]
        with where.writing(held):
            run_jobs([_command(job, recipe, settings, folder) for job in chosen], where, typer.echo)
        _complete(plan, folder, own_data=dataset is not None)


def _train_together(plan: Recipe, chosen: list[Job], recipe: str, folder: Path, device: str, own_data: bool) -> None:
    """Train the networks one after the other, each with all the processes that torchrun started."""
    with team.joined(device) as own, writing(folder) if team.first() else nullcontext():
        if team.first():
            remove_leftovers(folder)
            typer.echo(f"{plan.name}: {len(chosen)} networks into {folder}, by {team.size()} processes together")
        for command in in_order([_command(job, recipe, [], folder) for job in chosen]):
            team.wait()
            _train_one(plan, plan.job(command.name), folder, own)
        if team.first():
            _complete(plan, folder, own_data)


def _command(job: Job, recipe: str, settings: list[str], folder: Path) -> Command:
    """The training of one network as a job of its own, after that of the network that it starts from."""
    return Command(
        name=job.name,
        arguments=("train", recipe, "--jobs", job.name, *settings),
        after=(job.start_from.removesuffix(".safetensors"),) if job.start_from else (),
        done=lambda: loop.finished(job, folder),
    )


def _with_steps(recipe: str, of: Dataset) -> str:
    """The name of a budget with the steps that its minutes hold on this machine."""
    fitted = budget.write(fit(budget.read(recipe), of)[0])
    typer.echo(f"These minutes hold {fitted}; this name trains the same networks again.")
    return fitted


def _complete(plan: Recipe, folder: Path, own_data: bool) -> None:
    """Write what makes a system of the networks, once all are there."""
    if complete(plan, folder, own_data, typer.echo):
        typer.echo(f"{folder} is a complete system: {folder / 'card.json'}")


def _train_one(plan: Recipe, job: Job, folder: Path, device: str) -> None:
    last_line = time.monotonic() - LINE_SECONDS

    def report(progress: loop.Progress) -> None:
        nonlocal last_line
        if progress.score is None and time.monotonic() - last_line < LINE_SECONDS:
            return
        last_line = time.monotonic()
        loss = "" if progress.loss is None else f"  loss {progress.loss:.4f}"
        scores = "".join(
            f"  {name.replace('_', ' ')} {value:.4f}"
            for name, value in (progress.score or {}).items()
            if name not in ("step", "seconds")
        )
        left = f"{progress.seconds_left / 60:.0f} min left"
        typer.echo(f"{progress.job}: step {progress.step} of {progress.steps}, {left}{loss}{scores}")

    file = loop.train(job, plan.dataset, folder, device, report if team.first() else lambda _: None)
    if team.first():
        typer.echo(f"{job.name}: done, {file}")
