"""The systems that other tests stand on are whole, and of the shapes they claim."""

import pytest
import torch

from aatviz.data import dataset, open_split
from aatviz.models.gaussians import estimate
from aatviz.store.systems import load_system, systems
from tests.made_systems import KINDS, NAMES, Kind, Made

SHAPES = {
    "fashion-mnist-made": ((1, 28, 28), 10),
    "cifar10-made": ((3, 32, 32), 10),
    "pets-made": ((3, 16, 24), 3),
    "many-made": ((3, 8, 8), 200),
    "dog-made": ((3, 16, 24), 3),
}


def test_all_made_systems_are_listed(made_systems: Made) -> None:
    assert sorted(systems()) == sorted(NAMES) == sorted(SHAPES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_made_system_takes_its_data_sets_images(kind: Kind, made_systems: Made) -> None:
    shape, classes = SHAPES[kind.name]
    found, system = dataset(kind.dataset), load_system(kind.name)
    assert (found.shape, len(found.classes)) == (shape, classes)
    for split in ("train", "validation", "test", "sample"):
        images = open_split(kind.dataset, split)
        assert images.shape == shape
        assert images.labels.unique().tolist() == list(range(classes))
    x = open_split(kind.dataset, "sample").images(slice(0, 5))
    networks = [system.classifier, system.judge]
    networks += [] if system.lacks("robust_classifier") else [system.robust_classifier]
    assert len(networks) == (2 if kind.name == "dog-made" else 3)
    for network in networks:
        assert network(x).shape == (5, classes)
    bank = kind.bank or tuple(range(classes))
    assert system.detectors.classes == bank
    assert system.detectors(x).shape == (5, len(bank))
    assert len(system.detectors.networks) == (len(kind.bank) or 1)
    assert system.gaussians.mean.shape == (classes, *shape)
    noise = system.gaussians.draw(classes - 1, torch.Generator().manual_seed(0))
    assert noise.shape == shape
    assert len(system.card.priors) == classes


def test_few_large_images_have_the_gaussian_that_the_covariance_gives() -> None:
    x = torch.rand(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    gaussians, (share,) = estimate(x, torch.zeros(6, dtype=torch.int64), rank=2)
    variances = torch.linalg.eigvalsh(torch.cov(x.flatten(1).double().T)).flip(0)
    rest = variances[2:].sum() / 58
    lengths = gaussians.factors[0].double().square().sum(1)
    torch.testing.assert_close(lengths, variances[:2] - rest, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(gaussians.sigma.double()[0] ** 2, rest, rtol=1e-5, atol=1e-7)
    assert share == pytest.approx(float(variances[:2].sum() / variances.sum()))
