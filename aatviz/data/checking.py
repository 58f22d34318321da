"""Whether a data set on the disk is still whole: its content is compared with known hashes."""

from aatviz.data.registry import IDX_SETS, dataset


def damaged_splits(name: str) -> dict[str, bool]:
    """For every split on the disk, whether its content differs from the hash that is known beforehand, or was computed at
    the import. The bundled sample has no files of its own and is left out.

    Raises DataNotFound where the data set is not on this machine, ValueError for an unknown name or an unreadable file.
    """
    for known in IDX_SETS:
        if known.name == name:
            wrong = known.damaged()  # training and validation images share their files
            return {"train": "train" in wrong, "validation": "train" in wrong, "test": "test" in wrong}
    found = dataset(name)
    splits = {split: found.open(split) for split in found.splits if split != "sample"}
    return {split: images.computed_hash() != images.content_hash for split, images in splits.items()}
