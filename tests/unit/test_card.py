"""Cards: typed, of a known schema, with the hashes that files must have; and what a system lacks, as a sentence."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aatviz
from aatviz.explore.generation.run import models_hash
from aatviz.report.card_readme import readme
from aatviz.runtime.files import read_json, write_json
from aatviz.store.card import CARD, SCHEMA, Card, parse_card, read_card
from aatviz.store.cards import update_card
from aatviz.store.results import weights_hash
from aatviz.store.systems import Lacking, load_system
from tests.changed_systems import edited_card

SHIPPED = Path(__file__).parents[2] / "checkpoints"
NAMES = sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))
SHARED, SEPARATE = "mnist-linf-0.3-shared", "mnist-linf-0.3"
HASHES = {
    "mnist-linf-0.3": "9957ffc4ca258848",
    "mnist-linf-0.3-shared": "1ed68169955b04d3",
    "mnist-linf-0.5-shared": "506ad0c20aadb6e9",
    "mnist-l2-2.5-shared": "9cb468463e3a445a",
    "mnist-l2-5.0-shared": "eda7b1a148f0e257",
}
"""What the stored records of the shipped systems bear."""


# Reading


@pytest.mark.parametrize("name", HASHES)
def test_the_shipped_cards_are_of_schema_1_and_keep_their_hash(name: str) -> None:
    card = read_card(SHIPPED / name)
    assert (card.schema, card.bank, card.system) == (1, tuple(range(10)), name)
    assert card.weights_hash == HASHES[name]
    assert not card.lacks("full_bank", "robust_classifier", "judge", "gaussians")


@pytest.mark.parametrize("name", HASHES)
def test_a_shipped_card_that_is_brought_up_to_date_stays_byte_for_byte(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / CARD).write_bytes((SHIPPED / name / CARD).read_bytes())
    (tmp_path / name / "results").symlink_to(SHIPPED / name / "results")
    update_card(tmp_path / name)
    assert (tmp_path / name / CARD).read_bytes() == (SHIPPED / name / CARD).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_the_licence_of_the_weights_that_were_finetuned(name: str) -> None:
    said = readme(read_card(SHIPPED / name)).partition("## Licence and data\n\n")[2].partition("Data: ")[0]
    if name == "restricted-tiny-imagenet-dog-linf-0.02":
        assert said == (
            "Finetuned from efficientnet-lite0-57934424.pth (Apache-2.0); what was added is under the licence of the code. "
        )
    else:
        assert said == "The weights are under the licence of the code. "


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        for key in path[:-1]:
            card = card[key]
        del card[path[-1]]

    return change


def with_value(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        for key in path[:-1]:
            card = card[key]
        card[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("eps"), 'the field "eps" is missing; expected a finite number.'),
        (without("files", "classifier"), 'the field "files.classifier" is missing; expected a text.'),
        (with_value("0.3", "eps"), """the field "eps" is '0.3'; expected a finite number."""),
        (with_value(math.nan, "eps"), 'the field "eps" is nan; expected a finite number.'),
        (with_value(True, "classes"), 'the field "classes" is True; expected a whole number.'),
        (with_value("L1", "norm"), """the field "norm" is 'L1'; expected one of 'Linf', 'L2'."""),
        (with_value("all", "files", "detectors"), """"files.detectors" is 'all'; expected a list, each a text."""),
        (with_value([0.1, None], "priors"), 'the field "priors[1]" is None; expected a finite number.'),
        (with_value(3, "files", "robust"), 'the field "files.robust" is 3; expected a text, or null.'),
        (with_value([], "weights"), 'the field "weights" is []; expected an object.'),
        (with_value(7, "weights", "shared.safetensors"), 'the field "weights.shared.safetensors" is 7; expected an object.'),
        (without("weights", "shared.safetensors", "sha256"), '"weights.shared.safetensors.sha256" is missing'),
        (with_value([0.5, 0.5], "priors"), '"priors" holds 2 numbers; expected one for each of 10 classes.'),
        (with_value([0, 10], "detector_classes"), '"detector_classes" is [0, 10]; expected growing classes among 0 to 9.'),
        (with_value([3, 3], "detector_classes"), '"detector_classes" is [3, 3]; expected growing classes among 0 to 9.'),
        (with_value(["a", "b"], "files", "detectors"), '"files.detectors" names 2 files; expected 1 or 10.'),
    ],
)
def test_a_missing_or_mistyped_field_is_named(
    change: Callable[[dict[str, Any]], None], words: str, tiny_system_folder: Path
) -> None:
    path = tiny_system_folder / SHARED / CARD
    card = read_json(path)
    change(card)
    write_json(path, card)
    with pytest.raises(ValueError, match="write it again with `aatviz train`") as error:
        load_system(SHARED)
    assert words in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("card", [[], 3, None])
def test_what_is_no_card_is_named(card: Any) -> None:
    with pytest.raises(ValueError, match=r"the file is .*; expected an object"):
        parse_card(card)


def test_a_card_of_a_newer_schema_asks_for_a_newer_version(tiny_system_folder: Path) -> None:
    write_json(tiny_system_folder / SHARED / CARD, {"schema": SCHEMA + 1, "networks": "described otherwise"})
    with pytest.raises(ValueError, match=rf"schema {SCHEMA + 1}; .* schemas up to {SCHEMA}\. Update aatviz\."):
        load_system(SHARED)


def test_fields_that_are_not_known_stay_in_the_file(tiny_system_folder: Path) -> None:
    edited_card(tiny_system_folder / SHARED, licence="CC0")
    update_card(tiny_system_folder / SHARED)
    assert read_json(tiny_system_folder / SHARED / CARD)["licence"] == "CC0"


# Hashes

KINDS = ("shared", "classifier", "robust", "judge", "gaussians")


def use_all(name: str) -> None:
    """Read every file of the system."""
    system = load_system(name)
    _ = system.judge, system.gaussians


@pytest.mark.parametrize("kind", [*KINDS, "detector-7"])
def test_one_flipped_bit_is_never_loaded(kind: str, tiny_system_folder: Path) -> None:
    name = SEPARATE if kind.startswith("detector") else SHARED
    use_all(name)
    path = tiny_system_folder / name / f"{kind}.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1  # in the last tensor: what the file says of itself stays whole
    path.write_bytes(content)
    expected = read_json(tiny_system_folder / name / CARD)
    known = (expected["weights"] | {"gaussians.safetensors": expected["gaussians"]})[path.name]["sha256"]
    with pytest.raises(ValueError, match="is not the file that was measured") as error:
        use_all(name)
    assert str(path) in str(error.value)
    assert f"expected the sha256 {known}, found " in str(error.value)
    assert "restore it or train it again" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_another_file_in_its_place_is_never_loaded(kind: str, tiny_system_folder: Path) -> None:
    source = tiny_system_folder / (SHARED if kind == "classifier" else SEPARATE)
    other = "judge" if kind == "classifier" else "detector-3" if kind == "shared" else kind
    (tiny_system_folder / SHARED / f"{kind}.safetensors").write_bytes((source / f"{other}.safetensors").read_bytes())
    with pytest.raises(ValueError, match=rf"{kind}\.safetensors is not the file that was measured"):
        use_all(SHARED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named_with_its_hash(kind: str, tiny_system_folder: Path) -> None:
    (tiny_system_folder / SHARED / f"{kind}.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=rf"{kind}\.safetensors is missing: a file of sha256 \w{{64}} belongs there"):
        use_all(SHARED)


def test_a_stored_generation_asks_for_the_very_judge(tiny_system_folder: Path) -> None:
    system = load_system(SHARED)
    path = tiny_system_folder / SHARED / "judge.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="judge"):
        models_hash(system)


def test_a_card_without_the_hash_of_a_file_does_not_let_it_in(tiny_system_folder: Path) -> None:
    card = read_json(tiny_system_folder / SHARED / CARD)
    del card["weights"]["robust.safetensors"]
    write_json(tiny_system_folder / SHARED / CARD, card)
    with pytest.raises(ValueError, match=r"names the file robust\.safetensors and does not say its sha256"):
        load_system(SHARED)


def test_the_hash_of_the_weights_is_taken_from_the_card(tiny_system_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load_system(SHARED)

    def no_file(path: Path) -> bytes:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(Path, "read_bytes", no_file)
    assert weights_hash(system) == system.card.weights_hash


# What a system lacks


def bare(folder: Path) -> aatviz.System:
    """A system without robust classifier, judge and Gaussians."""
    card = read_json(folder / CARD)
    files = {kind: path for kind, path in card["files"].items() if kind in ("detectors", "classifier")}
    for kind in ("robust", "judge", "gaussians"):
        (folder / f"{kind}.safetensors").unlink()
    return edited_card(folder, files=files, schema=SCHEMA)


def test_a_system_without_a_robust_classifier_is_loaded_and_says_what_it_lacks(tiny_system_folder: Path) -> None:
    whole = load_system(SHARED)
    system = bare(tiny_system_folder / SHARED)
    assert system.lacks("full_bank") == ""
    assert (
        system.lacks("robust_classifier", what="Figure 2")
        == f"Figure 2 needs a robust classifier; the system {SHARED} has no robust classifier."
    )
    for ask in (lambda: system.robust_classifier, lambda: system.judge, lambda: system.gaussians):
        with pytest.raises(Lacking, match=f"the system {SHARED} has no "):
            ask()
    assert system.card.weights_hash != whole.card.weights_hash
    x, _ = aatviz.load_data("mnist", split="sample")
    assert (system.generative.predict(x[:20]) == whole.generative.predict(x[:20])).all()
    assert SHARED in readme(system.card)


def test_everything_that_is_lacking_stands_in_one_sentence() -> None:
    card = read_card(SHIPPED / SHARED)
    files = dataclasses.replace(card.files, robust=None, judge=None, gaussians=None)
    card = dataclasses.replace(card, files=files, detector_classes=(3,))
    assert card.lacks("robust_classifier", "full_bank", "judge") == (
        "This needs a detector of every class, a robust classifier and a judge; the system mnist-linf-0.3-shared has a "
        "detector of 3 alone, no robust classifier and no judge."
    )
    imported = dataclasses.replace(card, dataset="imported elsewhere")
    assert "has a detector of class 3 alone." in imported.lacks("full_bank")


def test_an_unknown_need_is_refused() -> None:
    card: Card = read_card(SHIPPED / SHARED)
    with pytest.raises(ValueError, match="A need is one of full_bank, robust_classifier, judge, gaussians; got 'f'"):
        card.lacks("f")  # type: ignore[arg-type]
