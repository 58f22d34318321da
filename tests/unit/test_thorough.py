"""The subsample: images that an attack wants rejected, the total error's arithmetic, and a record."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aatviz.attacks import norm, pgd
from aatviz.attacks.victims import WITH_REJECT, Victim
from aatviz.data import load_data
from aatviz.evaluate import finish, parts, refresh, run_part
from aatviz.evaluate.honest import thorough
from aatviz.models.decisions import VictimName
from aatviz.recipes.evaluation import ThoroughEvaluation
from aatviz.report.card_readme import readme
from aatviz.report.subsample import subsample
from aatviz.runtime.files import read_arrays, write_arrays
from aatviz.store.results import result_file
from aatviz.store.systems import System, load_system

NOTHING = -torch.inf
SMALL = ThoroughEvaluation(count=4, steps=3, restarts=3, queries=5, radii=(0.5, 1.0), held_out="test")


@pytest.fixture
def system(tiny_system_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setenv("AATVIZ_DATA", str(data_folder))
    return load_system("mnist-linf-0.3-shared")


@pytest.mark.parametrize("name", WITH_REJECT)
def test_an_attack_that_wants_images_rejected_lowers_their_score(name: VictimName, system: System) -> None:
    victim = Victim(name=name, system=system)
    x, y = (part[:6] for part in load_data("mnist", split="test"))
    before = victim.judge(x)[1]
    for turning in (False, True):
        x_adv = pgd(victim.rejected(y, turning=turning), x, eps=0.2, step_size=0.02, steps=20)
        assert (norm(x_adv - x, "Linf") <= 0.2 + 1e-6).all()
        assert (victim.judge(x_adv)[1] <= before + 1e-5).all()
    assert (victim.judge(pgd(victim.rejected(y), x, eps=0.2, step_size=0.02, steps=20))[1] < before).all()


def test_the_total_error_by_hand() -> None:
    """Four images at T = 0: the first is wrong as it is, the second is fooled in the large ball, the third is rejected from
    the small one on, the fourth withstands."""

    def column(*values: float) -> Tensor:
        return torch.tensor(values)

    natural = {"score": column(1, 1, 1, 1), "right": torch.tensor([False, True, True, True]), "held_out": column(0, 1)}
    growing = torch.tensor([[NOTHING, NOTHING], [NOTHING, 0.5], [NOTHING, NOTHING], [NOTHING, NOTHING]])
    rejected = torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]])
    nothing = column(NOTHING, NOTHING, NOTHING, NOTHING)
    found = {
        "natural": natural,
        thorough.RESTARTS: {"scores": nothing},
        thorough.QUERIES: {"scores": column(NOTHING, NOTHING, NOTHING, -0.5)},
        thorough.GROWING: {"scores": growing},
        thorough.REJECTED: {"scores": rejected},
    }
    row = thorough._row(0.05, found)
    assert row["threshold"] == 0
    assert {name: value["value"] for name, value in row["error"].items()} == {
        thorough.RESTARTS: 0, thorough.QUERIES: 0, "every target": 0.25, "worst of all": 0.25
    }  # fmt: skip
    assert [value["value"] for value in row["growing"]] == [0.25, 0.25, 0.5]
    assert [value["value"] for value in row["rejected"]] == [0.5, 0.75, 0.75]


@pytest.mark.slow
def test_a_record_is_made_refreshed_and_written_about(system: System) -> None:
    assert len(parts(system, SMALL)) == 3 * 5
    for part in parts(system, SMALL):
        run_part(system, SMALL, part)
    record = finish(system, SMALL)
    assert refresh(system, SMALL, record) == record
    file = result_file(system, SMALL.name, "npz")
    stored = read_arrays(file)
    for key in ("generative/many queries.scores", "robust/natural.score"):
        write_arrays(file, stored | {key: np.full_like(stored[key], np.nan)})
        with pytest.raises(ValueError, match="no numbers"):
            refresh(system, SMALL, record)
    for rows in record["victims"].values():
        for row in rows:
            assert len(row["growing"]) == len(row["rejected"]) == len(record["radii"]) == 3
            assert row["rejected"][-1]["value"] >= row["growing"][-1]["value"] >= row["growing"][0]["value"]
            assert row["error"]["worst of all"]["value"] >= max(value["value"] for value in row["error"].values())
    text = subsample(system, record)
    assert "| victim | eps 0 | eps 0.15 | eps 0.3 |" in text
    assert "own loss, 3 restarts" in text
    asked = record | {"recipe": record["recipe"] | {"count": 999}}  # of a test set of four images
    assert subsample(system, asked) == text
    found = record["victims"]["robust"][-1]["rejected"][1]
    said = readme(system.card, None, record)
    assert "rejected within Linf 0.15 (0.5 of the ball of the training), or fooled within all of it" in said
    assert f"{found['value']:.0%} ({found['low']:.0%} to {found['high']:.0%}) for the robust classifier (n = 4)" in said
    assert "may only want images rejected" in said
    assert "may only want images rejected" not in readme(system.card)
    bf16 = dataclasses.replace(SMALL, name="other")
    run_part(system, bf16, "generative/to be rejected", bf16=True)
