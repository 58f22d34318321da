"""`aatviz attack`: the attack of the app's Attack page on one image, a bundled one or one from a file."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from aatviz.attacks import NORMS, OPTIMIZERS
from aatviz.attacks.settings import LOSSES_OF, AttackSettings
from aatviz.cli.options import Device, Eps, StepSize
from aatviz.cli.output import check_out
from aatviz.data import dataset, load_data
from aatviz.data.own_image import read_picture
from aatviz.data.spec import number
from aatviz.explore import saving
from aatviz.explore.attack_path import Trace, trace_attack
from aatviz.models.decisions import VICTIMS
from aatviz.models.detectors import REJECTED
from aatviz.runtime.files import beside, write_arrays
from aatviz.runtime.hardware import resolve
from aatviz.store.systems import System, load_system


def attack(
    system: Annotated[str, typer.Argument(help="A system's name, or the path of a checkpoint folder.")],
    index: Annotated[int | None, typer.Option(help="The image's place in the bundled sample. [default: 0]")] = None,
    image: Annotated[
        Path | None, typer.Option(help="A picture of your own, made ready as the data set's images were.")
    ] = None,
    label: Annotated[
        int | None, typer.Option(help="The class of --image. [default: as the natural classifier says]")
    ] = None,
    victim: Annotated[str, typer.Option(help=f"{', '.join(VICTIMS)}.")] = "generative",
    detector: Annotated[int | None, typer.Option(help="Which detector, for the victim detector.")] = None,
    loss: Annotated[str | None, typer.Option(help="[default: target_logit with --target, else the paper's own]")] = None,
    target: Annotated[int | None, typer.Option(help="The class to reach; leave it out for an untargeted attack.")] = None,
    norm: Annotated[str, typer.Option(help=f"{' or '.join(NORMS)}.")] = "Linf",
    eps: Eps = "0.3",
    steps: int = 100,
    step_size: StepSize = "0.01",
    optimizer: Annotated[str, typer.Option(help=f"{', '.join(OPTIMIZERS)}.")] = "adam",
    random_start: Annotated[bool, typer.Option("--random-start", help="Begin at a random point of the ball.")] = False,
    restarts: int = 1,
    seed: int = 0,
    threshold: Annotated[float, typer.Option(help="The rejection threshold T on the logit.")] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Write the result as a PNG file, and its exact numbers as an .npz file beside it.")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Attack one image and print the verdicts and all logits before and after."""
    if out is not None:
        check_out(out, (".png",))
    untargeted = LOSSES_OF[victim][0] if victim in VICTIMS else ""
    settings = AttackSettings(
        victim=victim,  # type: ignore[arg-type]
        detector=detector,
        loss=loss or ("target_logit" if target is not None else untargeted),  # type: ignore[arg-type]
        target=target,
        norm=norm,  # type: ignore[arg-type]
        eps=number(eps),
        steps=steps,
        step_size=number(step_size),
        optimizer=optimizer,  # type: ignore[arg-type]
        random_start=random_start,
        restarts=restarts,
        seed=seed,
    )
    loaded = load_system(system, resolve(device))
    if image is not None:
        if index is not None:
            raise ValueError("--index is for the bundled sample, --image for a picture of your own; give one of them.")
        x, y = _own(loaded, image, label)
        source = f"image {image}"
    else:
        if label is not None:
            raise ValueError("--label goes with --image; the classes of the bundled images are known. Leave it out.")
        x, y = _bundled(loaded, index or 0)
        source = f"index {index or 0}"
    trace = trace_attack(loaded, settings, x, y)
    known = dataset(loaded.card.dataset)
    kept = f"iterate {trace.kept} of {settings.steps} kept (restart {trace.restart})"
    typer.echo(f"{known.noun} {known.classes[trace.y]}, {source}; {kept}")
    _report(loaded, trace, threshold)
    if out is not None:
        _save(loaded, trace, threshold, out)


def _save(system: System, trace: Trace, threshold: float, out: Path) -> None:
    arrays = out.with_suffix(".npz")
    write_arrays(arrays, saving.exact(trace))
    with beside(out) as file:
        file.write(saving.picture_png(trace))
    typer.echo(
        f"{out} shows the result, {arrays} holds its exact numbers. {saving.rounding_words(system, trace, threshold)}"
    )


def _bundled(system: System, index: int) -> tuple[Tensor, int]:
    x, y = load_data(system.card.dataset, split="sample")
    if not 0 <= index < len(x):
        raise ValueError(f"--index lies in 0..{len(x) - 1}; got {index}.")
    return x[index : index + 1], int(y[index])


def _own(system: System, path: Path, label: int | None) -> tuple[Tensor, int]:
    prepared = read_picture(path, system.card.dataset)
    for note in prepared.notes:
        typer.echo(f"{path}: {note}")
    if label is None:
        label = int(system.classifier(prepared.image.to(system.device)).argmax())
        name = dataset(system.card.dataset).classes[label]
        typer.echo(f"The natural classifier says that it is a {name}. If that is wrong, give --label.")
    return prepared.image, label


def _report(system: System, trace: Trace, threshold: float) -> None:
    typer.echo(f"perturbation: Linf {trace.linf:.4f}, L2 {trace.l2:.4f}")
    path = torch.stack([trace.natural, trace.perturbed]).to(system.device)
    verdicts = {"natural classifier": system.classifier(path).argmax(1)}
    if why := system.lacks("full_bank", what="A generative or integrated classifier"):
        typer.echo(why)
    else:
        generative, integrated = system.generative.predict(path, threshold), system.integrated.predict(path, threshold)
        verdicts = {"generative classifier": generative, "integrated classifier": integrated} | verdicts
    if system.robust is not None:
        verdicts["robust classifier"] = system.robust(path).argmax(1)
    for name, labels in verdicts.items():
        before, after = ("rejected" if label == REJECTED else str(int(label)) for label in labels)
        typer.echo(f"{name}: {before} -> {after}")
    typer.echo("class  detectors' logits, natural -> perturbed")
    logits = system.detectors(path).detach().T.tolist()
    for k, (before_z, after_z) in zip(system.detectors.classes, logits, strict=True):
        typer.echo(f"{k:5}  {before_z:9.4f} -> {after_z:9.4f}")
