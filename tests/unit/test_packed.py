"""A system as a zip: what is packed comes back with the same logits, and what is not whole or not honest is refused."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aatviz.store import packed
from aatviz.store.packed import pack, unpack
from aatviz.store.systems import load_system
from tests.conftest import SHARED

Change = Callable[[dict[str, bytes]], None]


def bring(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "sent").mkdir(exist_ok=True)
    (tmp_path / "sent" / "x.zip").write_bytes(content)
    return unpack(tmp_path / "sent" / "x.zip", tmp_path / "systems", tmp_path / "data", lambda name: f"{name}-new")[0]


def changed(content: bytes, change: Change) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_it_comes_back_under_a_new_name_with_the_same_logits(tiny_system_folder: Path, tmp_path: Path) -> None:
    before = load_system(SHARED)
    after = load_system(bring(tmp_path, pack(before.folder)))
    assert after.name == f"{SHARED}-new"
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(before.detectors(x), after.detectors(x))
    assert torch.equal(before.classifier(x), after.classifier(x))
    assert torch.equal(before.robust_classifier(x), after.robust_classifier(x))
    assert torch.equal(before.judge(x), after.judge(x))
    assert before.card.weights_hash == after.card.weights_hash


def card(change: Callable[[dict[str, Any]], object]) -> Change:
    def apply(files: dict[str, bytes]) -> None:
        raw = json.loads(files[f"{SHARED}/card.json"])
        change(raw)
        files[f"{SHARED}/card.json"] = json.dumps(raw).encode()

    return apply


def damaged(files: dict[str, bytes]) -> None:
    files[f"{SHARED}/shared.safetensors"] = files[f"{SHARED}/shared.safetensors"][:-1] + b"x"


def bomb(files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(300_000_000))
    files[f"{SHARED}/results/curves.npz"] = buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda files: files.update({f"{SHARED}/results/x.json": b" " * 5_000_001}), "at most 5000000 are taken"),
        (damaged, "is not the file that was measured"),
        (lambda files: files.pop(f"{SHARED}/judge.safetensors"), "not in the zip"),
        (lambda files: files.pop(f"{SHARED}/card.json"), "one folder with a card"),
        (
            card(lambda raw: raw.update(files=dict(raw["files"], classifier="../other/classifier.safetensors"))),
            "not in the zip",
        ),  # type: ignore[call-overload]
        (card(lambda raw: raw.pop("eps")), '"eps"'),
        (card(lambda raw: raw.update(about="<img src=x>")), "signs that no text"),
        (card(lambda raw: raw.update(about="x" * 1000)), "too long"),
        (lambda files: files.update({f"{SHARED}/run.py": b"print()"}), "no file of a system"),
        (lambda files: files.update({f"{SHARED}/results/x.json": b"{"}), "not valid JSON"),
        (bomb, "unpacks to"),
        (lambda files: files.update({"../x/card.json": b"{}"}), "leads out of the archive"),
    ],
)
def test_what_is_not_a_whole_honest_system_is_refused(
    change: Change, why: str, tiny_system_folder: Path, tmp_path: Path
) -> None:
    content = changed(pack(tiny_system_folder / SHARED), change)
    with pytest.raises(ValueError, match=why) as refused:
        bring(tmp_path, content)
    assert str(tmp_path) not in str(refused.value)
    assert not list((tmp_path / "systems").iterdir())


def test_long_lists_of_files_and_arrays_are_refused_before_they_are_read(
    tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_FILES", 100)
    whole, arrays = pack(tiny_system_folder / SHARED), io.BytesIO()
    many = changed(whole, lambda files: files.update({f"{SHARED}/results/{n}.json": b"{}" for n in range(101)}))
    with pytest.raises(ValueError, match="holds more than 100 files"):
        bring(tmp_path, many)
    with zipfile.ZipFile(arrays, "w") as archive:
        for number in range(101):
            archive.writestr(f"{number}.npy", b"")
    with zipfile.ZipFile(tmp_path / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{SHARED}/results/curves.npz", arrays.getvalue())
    with pytest.raises(ValueError, match="holds more than 100 arrays"):
        bring(tmp_path, (tmp_path / "more.zip").read_bytes())


def test_a_small_data_set_goes_with_it_and_a_large_one_does_not(
    tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "pets-0123456789ab"
    data.mkdir()
    (data / "data.json").write_text("{}")
    (data / "train-images.npy").write_bytes(b"1234")
    with zipfile.ZipFile(io.BytesIO(pack(tiny_system_folder / SHARED, data))) as archive:
        assert "data/pets-0123456789ab/train-images.npy" in archive.namelist()
    monkeypatch.setattr(packed, "MOST_DATA", 3)
    with zipfile.ZipFile(io.BytesIO(pack(tiny_system_folder / SHARED, data))) as archive:
        assert not [name for name in archive.namelist() if name.startswith("data/")]
    shutil.rmtree(data)
