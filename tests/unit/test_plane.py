"""Points of the plane: their names and places, the recipes, what is measured of models, and one training, two callers."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from aatviz import recipes
from aatviz.cli import app
from aatviz.data import dataset, load_data, names, open_split, toy
from aatviz.data.spec import UnknownDataset
from aatviz.explore.plane import measures
from aatviz.recipes import AttackSpec, plane
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.files import read_tensors
from aatviz.train import loop
from aatviz.train.updates import Updates

DRAWN = toy.Plane(kind="drawn", classes=3, noise=10, places=((30, 40, 0), (200, 40, 1), (128, 220, 2), (140, 220, 2)))
PLANES = [
    toy.Plane(),
    toy.Plane(kind="rings", classes=3, noise=40, seed=7, count=500),
    toy.Plane(kind="spirals", classes=4),
    toy.Plane(kind="blobs", classes=3, noise=0),
    DRAWN,
]


def test_balls_meet_where_a_point_of_another_class_lies_within_two_radii() -> None:
    x = torch.tensor([[0.1, 0.1], [0.1, 0.3], [0.8, 0.8], [0.85, 0.8]]).view(4, 2, 1, 1)
    y = torch.tensor([0, 1, 0, 0])
    assert measures.overlap(x, y, 0.09) == 0
    assert measures.overlap(x, y, 0.11) == 0.5
    assert measures.overlap(x, y, 0.5) == 1


class Slope(nn.Module):
    """Logits (N,2) that rise along a line: what an attack on them reaches is known exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[2.0, -1.0], [-2.0, 1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T


@pytest.mark.parametrize("points", PLANES, ids=lambda one: one.name)
def test_a_name_says_all_and_the_door_of_data_sets_opens_it(points: toy.Plane) -> None:
    assert toy.named(points.name) == points or toy.named(points.name).spread == points.spread  # type: ignore[union-attr]
    known = dataset(points.name)
    assert known.shape == (2, 1, 1)
    assert len(known.classes) == points.classes
    for split, info in known.splits.items():
        part = open_split(points.name, split)
        assert len(part) == info.count
        assert part.shape == (2, 1, 1)
        assert part.labels.bincount(minlength=points.classes).min() >= info.count // points.classes
    x, y = load_data(points.name, "train")
    again, _ = load_data(points.name, "train")
    assert torch.equal(x, again)
    assert not torch.equal(x[: known.splits["validation"].count], load_data(points.name, "validation")[0])
    assert 0 <= x.min() < x.max() <= 1
    assert y.unique().tolist() == list(range(points.classes))


def test_without_noise_the_points_lie_where_their_formula_says() -> None:
    x, y = load_data(toy.Plane(kind="rings", classes=3, noise=0).name, "train")
    radius = (x.flatten(1) - 0.5).norm(dim=1)
    torch.testing.assert_close(radius, 0.14 * (y + 1.0), atol=0.004, rtol=0)
    x, y = load_data(toy.Plane(kind="drawn", noise=0, places=((51, 102, 0), (204, 0, 1))).name, "train")
    expected = torch.tensor([[0.2, 0.4], [0.8, 0.0]])[y]
    torch.testing.assert_close(x.flatten(1), expected, atol=1e-6, rtol=0)


def test_noise_scatters_the_points_by_its_standard_deviation() -> None:
    x, y = load_data(toy.Plane(kind="drawn", noise=30, count=5000, places=((128, 128, 0), (100, 128, 1))).name, "train")
    assert x[y == 0].flatten(1).std(0).tolist() == pytest.approx([0.03, 0.03], rel=0.06)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plane-moons-k3", "Two moons have 2 classes"),
        ("plane-rings-k5", "2 to 4 classes"),
        ("plane-rings-n300", "noise is 0 to 200"),
        ("plane-blobs-m9", "200 to 5000 points"),
        ("plane-drawn", "at least one place for each"),
        ("plane-drawn-p10100", "at least one place for each of 2"),
        ("plane-moons-p1e280", "places belong to drawn"),
    ],
)
def test_impossible_points_are_refused_with_what_is_possible(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataset(name)


@pytest.mark.parametrize("name", ["plane-stars", "plane-moons-x3", "plane-moons-n1a", "plane-drawn-p123", "planes"])
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownDataset, match="plane-moons"):
        dataset(name)


def test_the_usual_points_are_listed() -> None:
    assert set(toy.NAMES) <= set(names())
    assert [dataset(name).name for name in toy.NAMES] == list(toy.NAMES)


@pytest.mark.parametrize(
    "settings",
    [
        PlaneSettings(),
        PlaneSettings(eps=0.05, inner_steps=20, step=0.1, anywhere=0.5, width=32, depth=3, updates=100, seed=4),
        PlaneSettings(bank="separate"),
    ],
    ids=lambda one: one.name,
)
def test_a_recipes_name_says_all_its_settings(settings: PlaneSettings) -> None:
    assert plane.named(settings.name) == settings
    made = recipes.for_dataset(settings.name, dataset("plane-rings-k3"))
    assert made.dataset == "plane-rings-k3"
    assert made.name == f"plane-rings-k3-{settings.name}"
    assert [job.method for job in made.jobs][-2:] == ["madry", "natural"]
    detectors = [job for job in made.jobs if job.method.startswith("aat")]
    assert len(detectors) == (1 if settings.bank == "shared" else 3)
    assert all(job.negatives_anywhere == settings.anywhere and job.attacks[0].eps == settings.eps for job in detectors)
    assert len({job.seed for job in made.jobs}) == len(made.jobs)


def test_a_recipe_of_the_plane_is_for_the_plane_and_within_bounds() -> None:
    with pytest.raises(ValueError, match="points of the plane, such as plane-moons; mnist-sample has images"):
        recipes.for_dataset("plane", dataset("mnist-sample"))
    with pytest.raises(ValueError, match=r"eps is 0\.001 to 1"):
        plane.named("plane-e2000")
    with pytest.raises(ValueError, match=r"There is no recipe 'plane-q3'.*plane"):
        recipes.for_dataset("plane-q3", dataset("plane-moons"))


def test_a_share_of_negatives_belongs_to_detectors_and_old_hashes_stay() -> None:
    job = recipes.for_dataset("plane", dataset("plane-moons")).job("robust")
    with pytest.raises(ValueError, match="negatives_anywhere is a share"):
        dataclasses.replace(job, negatives_anywhere=0.5)
    shared = recipes.get("tiny").job("shared")
    assert recipes.digest(shared) == "2957ff72f78d2802"
    assert recipes.digest(dataclasses.replace(shared, negatives_anywhere=0.5)) != "2957ff72f78d2802"


@pytest.mark.slow
def test_the_command_line_and_slices_of_updates_end_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every method, as float32, before the weight file rounds them."""
    kept: dict[str, dict[str, Tensor]] = {}
    save = loop.save_network

    def keep(path: Path, network: nn.Module, note: dict[str, object]) -> None:
        kept[path.stem] = {name: value.clone() for name, value in network.state_dict().items()}
        save(path, network, note)

    monkeypatch.setattr(loop, "save_network", keep)
    name, points = "plane-u20-a50-b1", "plane-rings-k3-m400"
    plan = recipes.for_dataset(name, dataset(points))
    assert len(plan.jobs) == 5
    part = open_split(points, "train")
    for job in plan.jobs:
        done = CliRunner().invoke(
            app, ["train", name, "--dataset", points, "--jobs", job.name, "--out", str(tmp_path), "--device", "cpu"]
        )
        assert done.exit_code == 0, done.output
        updates = Updates(job, part.bytes(), part.labels)
        for slice_ in (1, 7, 12):
            torch.rand(3)  # whatever else a process draws in between
            for _ in range(slice_):
                updates.make()
        assert updates.done
        found, expected = updates.learner.judged.state_dict(), kept[job.name]
        assert all(torch.equal(found[key], expected[key]) for key in expected), job.name
        assert len(read_tensors(tmp_path / f"{job.name}.safetensors")[0]) == len(expected)
    assert (tmp_path / "card.json").is_file()
    with pytest.raises(ValueError, match="20 updates, and all have been made"):
        updates.make()


@pytest.mark.slow
def test_negatives_from_anywhere_change_what_is_learned() -> None:
    part = open_split("plane-moons", "train")
    found = []
    for text in ("plane-u20", "plane-u20-a50", "plane-u20-a100"):
        updates = Updates(recipes.for_dataset(text, dataset("plane-moons")).job("shared"), part.bytes(), part.labels)
        while not updates.done:
            updates.make()
        found.append(updates.learner.judged.state_dict()["out.weight"])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])


def test_a_landscape_has_every_logit_at_the_centres_of_the_cells() -> None:
    found = measures.landscape(Slope(), 4)
    x = (torch.arange(4) + 0.5) / 4
    expected = 2 * x[None, :] - x[:, None]  # column: x; row: y
    torch.testing.assert_close(found, torch.stack([expected, -expected]))


def test_the_usual_threshold_lets_95_percent_of_the_class_through() -> None:
    x = torch.linspace(0, 1, 401).repeat(2, 1).T.reshape(-1, 2, 1, 1)
    y = torch.arange(401) % 2
    limits = measures.usual_thresholds(Slope(), x, y)
    logits = Slope()(x)
    for k in (0, 1):
        assert float((logits[y == k, k] >= limits[k]).float().mean()) == pytest.approx(0.95, abs=0.006)
    assert measures.usual_thresholds(Slope(), x, torch.zeros(401, dtype=torch.long))[1].isnan()


def test_far_points_are_those_without_a_point_nearby() -> None:
    x = torch.tensor([[0.0, 0.0]]).reshape(1, 2, 1, 1)
    far = measures.far_points(x, side=10, distance=0.5)
    inside = sum(math.hypot(i + 0.5, j + 0.5) <= 5 for i in range(10) for j in range(10))
    assert len(far) == 100 - inside
    assert far.flatten(1).norm(dim=1).min() > 0.5
    limits = torch.tensor([0.0, 10.0])  # logit 0 is at least 0 where 2x >= y; nothing reaches 10
    far = measures.far_points(x, side=10)
    share = float((2 * far[:, 0] >= far[:, 1]).float().mean()) / 2
    assert measures.far_accepted(Slope(), x, limits, side=10) == pytest.approx(share)
    everything = measures.far_accepted(Slope(), x, torch.full((2,), -10.0))
    assert everything == 1
    assert math.isnan(measures.far_accepted(Slope(), measures.grid(64), limits))


def test_on_a_slope_a_negative_walks_to_the_corner_of_its_ball_and_noise_to_that_of_the_square() -> None:
    x = torch.tensor([[0.5, 0.5], [0.05, 0.5]]).reshape(2, 2, 1, 1)
    spec = AttackSpec(eps=0.1, step_size=0.03, steps=10, optimizer="steepest")
    path = measures.negative_paths(Slope(), x, torch.tensor([0, 1]), spec)
    assert path.shape == (11, 2, 2, 1, 1)
    assert torch.equal(path[0], x)
    torch.testing.assert_close(path[-1].flatten(1), torch.tensor([[0.6, 0.4], [0.0, 0.6]]))
    assert (path - x).abs().max() <= 0.1 + 1e-6
    ends = measures.climb(Slope(), x, torch.tensor([0, 1]))[-1]
    torch.testing.assert_close(ends.flatten(1), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


def test_noise_has_landed_where_a_point_of_its_own_class_is_near() -> None:
    x = torch.tensor([[0.2, 0.2], [0.8, 0.8]]).reshape(2, 2, 1, 1)
    ends = torch.tensor([[0.21, 0.21], [0.21, 0.21], [0.5, 0.5]]).reshape(3, 2, 1, 1)
    assert measures.landed(ends, torch.tensor([0, 1, 1]), x, torch.tensor([0, 1])).tolist() == [True, False, False]


def test_an_attack_lowers_the_auc_and_a_ball_that_reaches_across_turns_it_around() -> None:
    left = torch.stack([torch.linspace(0.2, 0.4, 50), torch.full((50,), 0.5)], 1)
    x = torch.cat([left + torch.tensor([0.4, 0.0]), left]).reshape(-1, 2, 1, 1)
    y = torch.arange(100) // 50
    small, large = (AttackSpec(eps=eps, step_size=eps, steps=4, optimizer="steepest", keep="best") for eps in (0.01, 0.5))
    assert measures.aucs(Slope(), x, y, small) == (1.0, 1.0)
    natural, adversarial = measures.aucs(Slope(), x, y, large)
    assert natural == 1.0
    assert adversarial < 0.2
