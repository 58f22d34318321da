"""Damaged and hostile cards, notes, weights and Gaussians: each its sentence, which names the file; no traceback, nothing
accepted in silence, and nobody else is kept from work."""

import hashlib
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from aatviz.cli import app
from aatviz.runtime.files import read_json, read_tensors, write_json, write_tensors
from aatviz.store.card import CARD
from aatviz.store.systems import load_system
from aatviz.store.weights import build_network, save_network

pytestmark = pytest.mark.slow

SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
Damage = Callable[[Path], object]
GONE = object()


def put(value: Any, *keys: str, file: str = CARD) -> Damage:
    """A JSON file with another value there; GONE: without it."""

    def damage(folder: Path) -> None:
        whole = part = read_json(folder / file)
        for key in keys[:-1]:
            part = part[key]
        if value is GONE:
            del part[keys[-1]]
        else:
            part[keys[-1]] = value
        write_json(folder / file, whole)

    return damage


def content(data: bytes, file: str = CARD) -> Damage:
    return lambda folder: (folder / file).write_bytes(data)


def pipe(file: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / file).unlink()
        os.mkfifo(folder / file)

    return damage


def directory(file: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).mkdir()

    return damage


def rewritten(file: str, change: Callable[[dict[str, Tensor], dict[str, Any]], Any]) -> Damage:
    """A safetensors file with other tensors or another note, and its hash in the card: damaged before it was measured."""

    def damage(folder: Path) -> None:
        tensors, note = read_tensors(folder / file)
        given = change(tensors, note)
        write_tensors(folder / file, tensors, note if given is None else given)
        known(folder, file)

    return damage


def known(folder: Path, file: str) -> None:
    card, data = read_json(folder / CARD), (folder / file).read_bytes()
    of = card["gaussians"] if file == "gaussians.safetensors" else card["weights"][file]
    of |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_json(folder / CARD, card)


def noted(**fields: Any) -> Damage:
    return rewritten(WEIGHTS, lambda tensors, note: note | fields)


def one(value: float, tensor: str = "", file: str = "robust.safetensors") -> Damage:
    def change(tensors: dict[str, Tensor], note: dict[str, Any]) -> None:
        tensors[tensor or next(name for name, found in tensors.items() if found.is_floating_point())].view(-1)[0] = value

    return rewritten(file, change)


def tensor(name: str, value: Tensor | None, file: str) -> Damage:
    def change(tensors: dict[str, Tensor], note: dict[str, Any]) -> None:
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value

    return rewritten(file, change)


def flipped(folder: Path) -> None:
    """The highest bit of the exponent of the last weight."""
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 0x40
    (folder / WEIGHTS).write_bytes(data)


WEIGHTS, GAUSSIANS = "shared.safetensors", "gaussians.safetensors"
FIELDS = ("about", "classes", "dataset", "eps", "files", "kind", "norm", "priors", "recipe", "seconds", "system", "versions")
CARDS: dict[str, Damage] = {
    **{f"no {name}": put(GONE, name) for name in (*FIELDS, "weights")},
    **{f"{name} a list": put([], name) for name in (*FIELDS, "weights", "gaussians") if name != "priors"},
    "empty": content(b""),
    "an empty object": content(b"{}"),
    "a list": content(b"[]"),
    "a text": content(b'"card"'),
    "a number": content(b"3"),
    "null": content(b"null"),
    "cut off": content(b'{"system": "mnist'),
    "no text": content(b"\xff\xfe\x00"),
    "deep": content(b"[" * 200_000),
    "a pipe": pipe(CARD),
    "of another schema": put("new", "schema"),
    "classes 1e9": put(10**9, "classes"),
    "classes 0": put(0, "classes"),
    "classes below 0": put(-10, "classes"),
    "classes 1e400": content(b'{"classes": 1e400}'),
    "eps 0": put(0.0, "eps"),
    "eps below 0": put(-0.3, "eps"),
    "eps infinite": put(math.inf, "eps"),
    "another norm": put("L1", "norm"),
    "NaN priors": put([math.nan] * 10, "priors"),
    "a negative prior": put([-0.1, 0.3, *[0.1] * 8], "priors"),
    "priors that make 10": put([1.0] * 10, "priors"),
    "priors a text": put("0.1", "priors"),
    "no prior": put([], "priors"),
    "detectors a text": put("shared.safetensors", "files", "detectors"),
    "no detectors": put([], "files", "detectors"),
    "no classifier": put(GONE, "files", "classifier"),
    "an absolute file": put("/etc/passwd", "files", "classifier"),
    "a device": put("/dev/zero", "files", "robust"),
    "a file above": put("../../secret", "files", "robust"),
    "a file around": put("a/../../../secret", "files", "judge"),
    "a file with a zero": put("a\0b", "files", "judge"),
    "an empty file name": put("", "files", "judge"),
    "no sha256": put(GONE, "weights", WEIGHTS, "sha256"),
    "sha256 a number": put(7, "weights", WEIGHTS, "sha256"),
    "no weights of a file": put(GONE, "weights", WEIGHTS),
    "another sha256": put("0" * 64, "weights", WEIGHTS, "sha256"),
    "Gaussians of few classes": put([3, 3], "gaussians", "n"),
    "no seconds of detectors": put({}, "seconds"),
    "metrics a list": put([], "metrics"),
    "metrics of numbers": put({"table-11": 3}, "metrics"),
}
OTHERS: dict[str, tuple[str, Damage]] = {
    "weights flipped": (WEIGHTS, flipped),
    "weights a pipe": (WEIGHTS, pipe(WEIGHTS)),
    "weights a folder": (WEIGHTS, directory(WEIGHTS)),
    "weights missing": (WEIGHTS, lambda folder: (folder / WEIGHTS).unlink()),
    "weights of noise": (WEIGHTS, lambda f: (content(os.urandom(999), WEIGHTS)(f), known(f, WEIGHTS))),
    "weights empty": (WEIGHTS, lambda f: (content(b"", WEIGHTS)(f), known(f, WEIGHTS))),
    "a header without end": (WEIGHTS, lambda f: (content(b"\xff" * 8 + b"{}", WEIGHTS)(f), known(f, WEIGHTS))),
    "NaN weights": ("robust.safetensors", one(math.nan)),
    "infinite weights": ("robust.safetensors", one(math.inf)),
    "NaN in the classifier": ("classifier.safetensors", one(math.nan, file="classifier.safetensors")),
    "NaN in the judge": ("judge.safetensors", one(math.nan, file="judge.safetensors")),
    "no note": (WEIGHTS, rewritten(WEIGHTS, lambda t, n: {})),
    "no network": (WEIGHTS, noted(network=None)),
    "another network": (WEIGHTS, noted(network="resnet")),
    "network a list": (WEIGHTS, noted(network=["madry"])),
    "outputs 1e9": (WEIGHTS, noted(outputs=10**9)),
    "outputs a text": (WEIGHTS, noted(outputs="10")),
    "outputs 0": (WEIGHTS, noted(outputs=0)),
    "width 1e12": (WEIGHTS, noted(width=10**12)),
    "width below 0": (WEIGHTS, noted(width=-16)),
    "width a list": (WEIGHTS, noted(width=[16])),
    "width another": (WEIGHTS, noted(width=17)),
    "width the largest": (WEIGHTS, noted(width=8192)),
    "shape 1e9": (WEIGHTS, noted(shape=[1, 10**9, 10**9])),
    "shape of two": (WEIGHTS, noted(shape=[28, 28])),
    "shape a text": (WEIGHTS, noted(shape="28x28")),
    "shape null": (WEIGHTS, noted(shape=None)),
    "arch a list": (WEIGHTS, noted(arch=[])),
    "arch null": (WEIGHTS, noted(arch=None)),
    "arch unknown": (WEIGHTS, noted(arch={"depth": 3})),
    "units without end": (WEIGHTS, noted(network="wide", arch={"units": 10**9})),
    "blocks without end": (WEIGHTS, noted(network="preact", arch={"widths": [4, 4], "blocks": [10**9, 0]})),
    "widths without end": (WEIGHTS, noted(network="mlp", arch={"widths": [4] * 10_000})),
    "a list as note": (WEIGHTS, rewritten(WEIGHTS, lambda t, n: [])),
    "a tensor missing": (WEIGHTS, tensor("out.bias", None, WEIGHTS)),
    "a tensor beside": (WEIGHTS, tensor("more", torch.zeros(2), WEIGHTS)),
    "a classifier of three": ("classifier.safetensors", lambda f: of_three(f, "classifier.safetensors")),
    "a bank of three": (WEIGHTS, lambda f: of_three(f, WEIGHTS)),
    "no mean": (GAUSSIANS, tensor("mean", None, GAUSSIANS)),
    "mean of a row": (GAUSSIANS, tensor("mean", torch.zeros(10, 784), GAUSSIANS)),
    "mean of one number": (GAUSSIANS, tensor("mean", torch.tensor(0.5), GAUSSIANS)),
    "factors of others": (GAUSSIANS, tensor("factors", torch.zeros(10, 2, 783), GAUSSIANS)),
    "sigma of three": (GAUSSIANS, tensor("sigma", torch.zeros(3), GAUSSIANS)),
    "sigma below 0": (GAUSSIANS, tensor("sigma", -torch.ones(10), GAUSSIANS)),
    "NaN mean": (GAUSSIANS, one(math.nan, "mean", GAUSSIANS)),
    **{
        f"a grain of {grain!r}": (GAUSSIANS, rewritten(GAUSSIANS, lambda t, n, grain=grain: n.update(grain=grain)))
        for grain in (0, 10**9, "4", True, 1.5)
    },
    "Gaussians of three": (
        GAUSSIANS,
        rewritten(GAUSSIANS, lambda t, n: t.update({name: value[:3].clone() for name, value in t.items()})),
    ),
}


def of_three(folder: Path, file: str) -> None:
    note = read_tensors(folder / file)[1] | {"outputs": 3}
    save_network(folder / file, build_network(note), note)
    known(folder, file)


def use_all(folder: Path) -> None:
    """Read every file of a system."""
    system = load_system(folder)
    _ = system.judge, system.gaussians, system.generative


@pytest.mark.parametrize(
    ("file", "damage"),
    [*((CARD, damage) for damage in CARDS.values()), *OTHERS.values()],
    ids=[*(f"card, {name}" for name in CARDS), *OTHERS],
)
def test_a_damaged_system_is_one_sentence_and_stops_nobody_else(file: str, damage: Damage, tiny_system_folder: Path) -> None:
    folder = tiny_system_folder / SHARED
    use_all(folder)
    damage(folder)
    with pytest.raises((ValueError, OSError)) as error:
        use_all(folder)
    said = str(error.value)
    assert str(folder / file) in said or f"card.json of {SHARED}" in said or (file == CARD and str(folder) in said)
    assert "\n" not in said.strip()
    assert len(said) < 1000
    listed = CliRunner().invoke(app, ["systems"])
    assert listed.exit_code == 0
    assert re.search(rf"^{re.escape(SEPARATE)} +Untrained", listed.output, re.MULTILINE)
    assert load_system(SEPARATE).name == SEPARATE


@pytest.mark.parametrize("name", ["weights flipped", "weights missing", "another sha256", "an empty object", "eps 0"])
def test_a_broken_folder_is_listed_as_broken(name: str, tiny_system_folder: Path) -> None:
    (CARDS[name] if name in CARDS else OTHERS[name][1])(tiny_system_folder / SHARED)
    output = CliRunner().invoke(app, ["systems"]).output
    assert re.search(rf"^{re.escape(SHARED)} +broken: ", output, re.MULTILINE)
    assert re.search(rf"^{re.escape(SEPARATE)} +Untrained", output, re.MULTILINE)


def test_where_there_are_no_systems_it_is_said_where_they_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(folder))
        output = CliRunner().invoke(app, ["systems"]).output
        assert "They come with the repository" in output
        assert "AATVIZ_CHECKPOINTS" in output
