"""Damaged records, histories and scores: each its sentence, which names the file, and nobody else is kept from work."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aatviz.evaluate import refresh
from aatviz.recipes.paper import evaluations_of
from aatviz.report import write_report
from aatviz.runtime.files import write_json
from aatviz.store.results import read_history, read_record
from aatviz.store.systems import System
from tests.unit.test_damaged_files import GONE, SEPARATE, put

RECORDS: dict[str, Any] = {
    "a list": [],
    "a text": "record",
    "null": None,
    "an empty object": {},
    **{f"no {name}": GONE for name in ("kind", "recipe", "recipe_hash", "weights_hash", "rows")},
    **{f"{name} a list": [] for name in ("kind", "recipe", "recipe_hash", "weights_hash", "rows")},
    "recipe without count": {},
    "rows of numbers": [1, 2, 3],
    "rows of empty objects": [{}] * 10,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_record_is_one_sentence(name: str, measured_detectors: System) -> None:
    file = measured_detectors.folder / "results" / "table-11.json"
    if name in ("a list", "a text", "null", "an empty object"):
        write_json(file, RECORDS[name])
    else:
        key = "recipe" if name.startswith("recipe") else "rows" if name.startswith("rows") else name.split()[-1]
        key = name.split()[0] if name.endswith(" a list") else key
        put(RECORDS[name], key, file="results/table-11.json")(measured_detectors.folder)

    with pytest.raises(ValueError, match=r"table-11\.json") as error:
        write_report(measured_detectors)
    assert "aatviz evaluate" in str(error.value)


@pytest.mark.parametrize("data", [b"", b"[", b"{}", b'"x"', b"3", b"null", b"[3]", b"[[]]", b"[{}]", b'[{"step": "x"}]'])
def test_a_damaged_history_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "shared.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"shared\.json") as error:
        read_history(tmp_path / "shared.json")
    assert "estore it" in str(error.value)


@pytest.mark.parametrize("kind", ["cut off", "noise", "an array alone", "objects", "a bomb"])
def test_damaged_scores_are_one_sentence(kind: str, measured_detectors: System) -> None:
    file = measured_detectors.folder / "results" / "table-11.npz"
    if kind == "cut off":
        file.write_bytes(file.read_bytes()[:-30])
    elif kind == "noise":
        file.write_bytes(os.urandom(500))
    elif kind == "an array alone":
        with file.open("wb") as opened:
            np.save(opened, np.zeros(3))
    elif kind == "objects":
        np.savez(file, allow_pickle=True, a=np.array([{}], dtype=object))
    else:
        np.savez_compressed(file, **{f"a{number}": np.zeros(600_000_000, dtype=np.uint8) for number in range(1)})
        data = bytearray(file.read_bytes())
        place = data.rfind(b"PK\x01\x02")
        data[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")  # the size it claims
        file.write_bytes(data)
    recipe = evaluations_of(measured_detectors.card)["table-11"]
    with pytest.raises(ValueError, match=r"table-11\.npz"):
        refresh(measured_detectors, recipe, read_record(file.with_suffix(".json")))


def test_a_damaged_record_of_another_system_takes_no_report_away(measured_detectors: System) -> None:
    other = measured_detectors.folder.with_name(SEPARATE)
    (other / "results").mkdir()
    whole = write_report(measured_detectors).read_text()
    (other / "results" / "table-11.json").write_text("[]")
    assert write_report(measured_detectors).read_text() != ""
    (other / "detector-3.safetensors").write_bytes(b"noise")
    assert len(write_report(measured_detectors).read_text()) <= len(whole)
