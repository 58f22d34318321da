"""Files that are whole or not there; weights in float16; systems by name and by path; which records count."""

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import aatviz
from aatviz.evaluate.honest.protocol import depends_of
from aatviz.models.networks import MadryNet
from aatviz.recipes.evaluation import HonestEvaluation
from aatviz.recipes.paper import evaluations
from aatviz.report import card_readme
from aatviz.runtime.files import read_arrays, read_json, read_tensors, write_arrays, write_json, write_tensors, write_text
from aatviz.store import cards
from aatviz.store.results import valid_records
from aatviz.store.systems import System, cards_and_broken
from aatviz.store.weights import build_network, load_network, read_note, save_network, start_from
from tests.changed_systems import described_again

NOTE = {"network": "madry", "outputs": 2, "width": 4}
WRITERS: dict[str, tuple[Callable[[Path, Any], object], Callable[[Path], Any]]] = {
    "text": (lambda path, n: write_text(path, str(n)), lambda path: int(path.read_text())),
    "json": (lambda path, n: write_json(path, {"n": n}), lambda path: read_json(path)["n"]),
    "tensors": (
        lambda path, n: write_tensors(path, {"n": torch.tensor(n)}, {}),
        lambda path: int(read_tensors(path)[0]["n"]),
    ),
    "arrays": (lambda path, n: write_arrays(path, {"n": np.array(n)}), lambda path: int(read_arrays(path)["n"])),
}
WRITER = pytest.mark.parametrize(("write", "read"), WRITERS.values(), ids=list(WRITERS))


def half_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written does not get to the disk, because it is full."""

    def fail(handle: int) -> None:
        os.truncate(handle, 2)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)


def no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", fail)


@WRITER
def test_what_was_written_is_read_again_and_can_be_replaced(write: Any, read: Any, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    for value in (3, 4):
        write(path, value)
        assert read(path) == value
    assert [file.name for file in path.parent.iterdir()] == ["file"]


@WRITER
@pytest.mark.parametrize("failure", [half_written, no_rename])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_failure_in_the_middle_leaves_what_was_there_before(
    write: Any, read: Any, failure: Any, earlier: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if earlier:
        write(path, 3)
    with pytest.MonkeyPatch.context() as patch:
        failure(patch)
        with pytest.raises(OSError, match="No space left"):
            write(path, 4)
    assert [file.name for file in tmp_path.iterdir()] == (["file"] if earlier else [])
    if earlier:
        assert read(path) == 3


def test_what_a_killed_process_left_beside_a_file_is_not_taken_for_it(tiny_system_folder: Path) -> None:
    left = tiny_system_folder / "unfinished" / ".card.json.4711.tmp"
    write_text(left, '{"system": "unfinished", "prominence": 9}')
    (tiny_system_folder / "mnist-linf-0.3" / ".classifier.safetensors.4711.tmp").write_bytes(b"half")
    assert "unfinished" not in aatviz.systems()
    assert aatviz.load_system("mnist-linf-0.3").name == "mnist-linf-0.3"


@pytest.mark.parametrize(
    ("write", "read"), [WRITERS[kind] for kind in ("json", "tensors", "arrays")], ids=["json", "tensors", "arrays"]
)
@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"{nonsense" + b[9:], lambda b: b""])
def test_a_damaged_file_is_named(write: Any, read: Any, spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "results"
    write(path, 12345)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match="restore it") as error:
        read(path)
    assert str(path) in str(error.value)


# Weights


def test_weights_are_rounded_to_float16_once_and_come_back_frozen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(NOTE)
    save_network(tmp_path / "once", network, NOTE | {"seconds": 1.5})
    loaded = load_network(tmp_path / "once")
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, network.state_dict()[name].half().float())
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert read_note(tmp_path / "once") == NOTE | {"seconds": 1.5}
    save_network(tmp_path / "twice", loaded, NOTE | {"seconds": 1.5})
    assert (tmp_path / "twice").read_bytes() == (tmp_path / "once").read_bytes()


@pytest.mark.parametrize(
    "note",
    [NOTE | {"width": 5}, NOTE | {"outputs": 3}, NOTE | {"network": "resnet"}, {}, {"network": "madry"}],
    ids=["width", "outputs", "network", "no note", "half a note"],
)
def test_weights_that_do_not_fit_their_header_are_named(note: dict[str, Any], tmp_path: Path) -> None:
    save_network(tmp_path / "odd.safetensors", build_network(NOTE), note)
    with pytest.raises(ValueError, match=r"odd\.safetensors"):
        load_network(tmp_path / "odd.safetensors")


def test_a_detector_that_starts_from_the_shared_bank_gives_its_column(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_network(tmp_path / "shared", build_network(NOTE | {"outputs": 10}), NOTE | {"outputs": 10})
    detector, x = MadryNet(1, width=4), torch.rand(3, 1, 28, 28)
    start_from(detector, tmp_path / "shared", 7)
    torch.testing.assert_close(detector(x)[:, 0], load_network(tmp_path / "shared")(x)[:, 7])


def test_outputs_start_as_means_of_rows_and_a_detector_less_the_mean_of_the_others(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_network(tmp_path / "many", build_network(NOTE | {"outputs": 10}), NOTE | {"outputs": 10})
    network, detector, x = MadryNet(2, width=4), MadryNet(1, width=4), torch.rand(3, 1, 28, 28)
    rows = load_network(tmp_path / "many")(x)
    start_from(network, tmp_path / "many", None, ((2, 3), (4, 9)))
    torch.testing.assert_close(network(x), torch.stack([rows[:, 2], rows[:, 4:9].mean(1)], dim=1))
    start_from(detector, tmp_path / "many", 7, contrast=True)
    torch.testing.assert_close(detector(x)[:, 0], rows[:, 7] - (rows.sum(1) - rows[:, 7]) / 9)
    start_from(detector, tmp_path / "many", 0, ((5, 7),), contrast=True)
    torch.testing.assert_close(detector(x)[:, 0], rows[:, 5:7].mean(1) - (rows[:, :5].sum(1) + rows[:, 7:].sum(1)) / 8)
    with pytest.raises(ValueError, match=r"has 10 outputs, and not the rows \[\(9, 11\)\] to start from"):
        start_from(detector, tmp_path / "many", 0, ((9, 11),))


# Systems


def test_systems_are_listed_with_the_default_first(tiny_system_folder: Path) -> None:
    assert aatviz.systems() == ["mnist-linf-0.3-shared", "mnist-linf-0.3"]


def parts(system: System) -> list[torch.nn.Module]:
    return [system.detectors, system.classifier, system.robust_classifier]


@pytest.mark.parametrize("name", ["mnist-linf-0.3-shared", "mnist-linf-0.3"])
def test_a_system_is_loaded_by_name_and_by_path_alike(
    name: str, tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = aatviz.load_system(name)
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(tmp_path / "elsewhere"))
    x = torch.rand(2, 1, 28, 28)
    for path in (tiny_system_folder / name, str(tiny_system_folder / name)):
        by_path = aatviz.load_system(path)
        assert (by_path.name, by_path.card) == (by_name.name, by_name.card)
        for one, other in zip(parts(by_name), parts(by_path), strict=True):
            assert one(x).shape == (2, 10)
            assert torch.equal(one(x), other(x))
    assert by_name.detectors.shared == (name == "mnist-linf-0.3-shared")
    for module in parts(by_name):
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize("name", ["mnist", "", "/nonexistent"])
def test_an_unknown_system_is_answered_with_those_there_are(name: str, tiny_system_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mnist-linf-0\.3-shared, mnist-linf-0\.3"):
        aatviz.load_system(name)


def test_where_there_are_no_systems_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AATVIZ_CHECKPOINTS", str(tmp_path))
    assert aatviz.systems() == []
    with pytest.raises(FileNotFoundError, match="one of none"):
        aatviz.load_system("mnist-linf-0.3")


@pytest.mark.parametrize("name", ["robust.safetensors", "detector-4.safetensors"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_damaged_or_missing_weight_file_is_named(name: str, missing: bool, tiny_system_folder: Path) -> None:
    path = tiny_system_folder / "mnist-linf-0.3" / name
    if missing:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileNotFoundError if missing else ValueError, match=name.replace(".", r"\.")):
        aatviz.load_system("mnist-linf-0.3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "card.json is not valid JSON"),
        (b"[]", "expected an object"),
        (b'{"schema": 99}', "is written in schema 99"),
        (b'{"system": "mnist-linf-0.3"}', '"about" is missing'),
        (b"\xff", "card.json is not valid JSON"),
    ],
)
def test_a_broken_card_is_told_and_takes_no_other_system_away(content: bytes, said: str, tiny_system_folder: Path) -> None:
    (tiny_system_folder / "mnist-linf-0.3" / "card.json").write_bytes(content)
    found, broken = cards_and_broken()
    assert list(found) == aatviz.systems() == ["mnist-linf-0.3-shared"]
    assert list(broken) == ["mnist-linf-0.3"]
    assert said in broken["mnist-linf-0.3"]
    assert aatviz.load_system("mnist-linf-0.3-shared").name == "mnist-linf-0.3-shared"
    with pytest.raises(ValueError, match=re.escape(said)):
        aatviz.load_system("mnist-linf-0.3")


# Records


def test_records_count_on_these_weights_and_with_todays_settings(
    measured_detectors: System, edit_recipe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[str]:
        return list(valid_records(measured_detectors.folder, measured_detectors.card))

    assert found() == ["table-11", "worst-case"]
    reworded = dataclasses.replace(evaluations("mnist", "Linf", 0.3)["worst-case"], about="Other words.", count=7)
    monkeypatch.setitem(evaluations("mnist", "Linf", 0.3), "worst-case", reworded)
    assert found() == ["table-11", "worst-case"]
    edit_recipe("table-11")
    assert found() == ["worst-case"]
    note = NOTE | {"outputs": 10}
    save_network(measured_detectors.folder / "robust.safetensors", build_network(note), note)
    again = described_again(measured_detectors.folder)
    assert valid_records(again.folder, again.card) == {}


def test_a_readme_leaves_out_a_verdict_of_other_attacks_than_todays(
    measured_detectors: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, recipe = measured_detectors.card, HonestEvaluation()
    record = {"depends": depends_of(card, recipe)}
    monkeypatch.setattr(card_readme, "valid_records", lambda *_: {recipe.name: record})
    monkeypatch.setattr(card_readme, "readme", lambda card, honest, _: str(honest is not None))
    assert card_readme.readme_of(measured_detectors.folder) == "True"
    record["depends"] |= {"transfer": ["a system that is gone", "its hash"]}
    assert card_readme.readme_of(measured_detectors.folder) == "False"


def test_a_card_forgets_what_was_measured_before_its_recipe_was_edited(
    measured_detectors: System, edit_recipe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_readme, "readme", lambda card, *_: ", ".join(card.metrics))
    cards.update_card(measured_detectors.folder)
    card_readme.write_readme(measured_detectors.folder)
    assert (measured_detectors.folder / "README.md").read_text() == "table-11, worst-case"
    edit_recipe("worst-case")
    cards.update_card(measured_detectors.folder)
    card_readme.write_readme(measured_detectors.folder)
    assert (measured_detectors.folder / "README.md").read_text() == "table-11"
    assert list(aatviz.load_system(measured_detectors.folder).card.metrics) == ["table-11"]
