"""Parts of data sets by their names: some classes, or the bundled sample alone."""

import pytest
import torch

from aatviz.data import DataNotFound, dataset, open_split
from aatviz.data.parts import SHARES, part_name, whole_of
from aatviz.data.split import fingerprints


def test_two_classes_are_those_images_in_their_order_with_new_labels() -> None:
    whole, part = open_split("mnist-sample", "validation"), open_split("mnist-sample@3+8", "validation")
    rows = ((whole.labels == 3) | (whole.labels == 8)).nonzero().squeeze(1)
    assert torch.equal(part.bytes(), whole.bytes(rows))
    assert torch.equal(part.labels, (whole.labels[rows] == 8).long())
    assert dataset("mnist-sample@3+8").classes == ("3", "8")
    assert dataset("mnist-sample@3+8").splits["validation"].count == len(part)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_bundled_sample_is_cut_into_splits_that_share_no_image(name: str, empty_data_folder: object) -> None:
    sample = open_split(name, "sample")
    splits = {split: open_split(f"{name}@sample", split) for split in SHARES}
    prints = {split: fingerprints(found.bytes().numpy()) for split, found in splits.items()}
    apart = [*prints["train"], *prints["validation"], *prints["test"]]
    assert sorted(apart) == sorted(fingerprints(sample.bytes().numpy()))
    assert sorted(prints["sample"]) == sorted([*prints["validation"], *prints["test"]])
    for split, found in splits.items():
        shares = found.labels.bincount() / sample.labels.bincount()
        start, end = SHARES[split]
        assert (shares - (end - start)).abs().max() < 0.01
        assert dataset(f"{name}@sample").splits[split].count == len(found)
    assert len(splits["train"]) >= 1000


def test_both_together_and_the_names() -> None:
    assert part_name("cifar10", (5, 3), sample=True) == "cifar10@sample+3+5"
    assert part_name("cifar10") == "cifar10"
    assert whole_of("cifar10@sample+3+5") == whole_of("cifar10") == "cifar10"
    both = open_split("cifar10@sample+3+5", "test")
    alone = open_split("cifar10@sample", "test")
    assert torch.equal(both.bytes(), alone.bytes(((alone.labels == 3) | (alone.labels == 5)).nonzero().squeeze(1)))


def test_the_content_hash_is_that_of_the_images_and_new_labels() -> None:
    assert len({open_split(name, "test").content_hash for name in ("mnist-sample@3+8", "mnist-sample@3+5")}) == 2


@pytest.mark.parametrize("name", ["mnist@", "mnist@3", "mnist@8+3", "mnist@3+3", "mnist@3+10", "mnist@03+5", "mnist@x+3"])
def test_a_name_of_no_part_says_what_is_possible(name: str) -> None:
    with pytest.raises(ValueError, match="at least two growing classes"):
        dataset(name)


def test_a_part_of_a_set_that_is_not_here_is_known_and_says_how_to_get_it(empty_data_folder: object) -> None:
    assert dataset("mnist@3+8").splits["train"].count == 10_000  # two of ten classes
    with pytest.raises(DataNotFound, match="aatviz data download mnist"):
        open_split("mnist@3+8", "train")
