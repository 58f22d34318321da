"""The notebook of "Reproduce this": it has the format of one, and runs as it is."""

import contextlib
import io
import json
from pathlib import Path

import pytest
import torch

from aatviz.attacks.settings import AttackSettings
from aatviz.data import load_data
from aatviz.data.own_image.link_text import to_png
from aatviz.explore.attack_path import trace_attack
from aatviz.explore.snippets import OWN_PICTURE, attack_code, attack_command
from aatviz.runtime.notebook import notebook
from aatviz.store.systems import load_system

SETTINGS = AttackSettings(victim="generative", loss="target_logit", target=3, steps=3, step_size=0.1)


def run(text: str) -> str:
    """What the cells of a notebook print, run one after the other in one namespace."""
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        for cell in json.loads(text)["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    return said.getvalue()


def test_it_has_the_parts_that_nbformat_4_5_asks_for() -> None:
    found = json.loads(
        notebook([("Words.", "aatviz systems", "print(1)\nprint(2)\n"), ("No Python.", "aatviz systems", "")])
    )
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    cells = found["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "markdown", "code"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert cells[2]["source"] == ["print(1)\n", "print(2)"]
    assert (cells[2]["execution_count"], cells[2]["outputs"]) == (None, [])
    assert "aatviz systems" in "".join(cells[1]["source"])


def test_an_attack_on_a_bundled_image_runs_as_it_is(tiny_system_folder: Path) -> None:
    system = load_system("mnist-linf-0.3-shared")
    x, y = load_data("mnist", split="sample")
    trace = trace_attack(system, SETTINGS, x[7:8], int(y[7]))
    command, code = attack_command(system.name, SETTINGS, 7), attack_code(system.name, SETTINGS, 7)
    kept, linf, l2 = run(notebook([("This attack:", command, code)])).split()[:3]
    assert (int(kept), float(linf), float(l2)) == (trace.kept, pytest.approx(trace.linf), pytest.approx(trace.l2))


def test_a_picture_of_ones_own_comes_along(
    tiny_system_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    system = load_system("mnist-linf-0.3-shared")
    pixels = (torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    picture = to_png(bytes(pixels.flatten().tolist()), (1, 28, 28))
    code = attack_code(system.name, SETTINGS, label=5)
    text = notebook([("This attack:", attack_command(system.name, SETTINGS, label=5), code)], {OWN_PICTURE: picture})
    assert "tensor(" in run(text)
    assert (tmp_path / OWN_PICTURE).read_bytes() == picture
