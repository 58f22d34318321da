"""All data sets by name: the built-in ones and the imported ones."""

from aatviz.data import cifar10, fashion_mnist, image_folder, mnist, restricted_imagenet, restricted_tiny_imagenet, toy
from aatviz.data.parts import MARK, part_of, whole_of
from aatviz.data.spec import DataNotFound, Dataset, UnknownDataset
from aatviz.data.split import Split

IDX_SETS = (mnist.SET, fashion_mnist.SET)
_ALL = (
    mnist.DATASET,
    mnist.SMALL,
    fashion_mnist.DATASET,
    cifar10.DATASET,
    restricted_tiny_imagenet.DATASET,
    restricted_imagenet.DATASET,
)
BUILT_IN = {known.name: known for known in _ALL}


def names() -> tuple[str, ...]:
    """The names of all data sets; the images of a built-in one may still have to be fetched. Of points of the plane there
    are more than are listed: see `aatviz.data.toy`."""
    return (*BUILT_IN, *toy.NAMES, *(name for name in image_folder.imported() if name not in BUILT_IN))


def dataset(name: str) -> Dataset:
    """The data set of that name, or the part of one ("cifar10@3+5", see `aatviz.data.parts`). UnknownDataset, with the known
    names, where there is none; ValueError for a damaged one."""
    if MARK in name:
        return part_of(dataset(whole_of(name)), name)
    if name in BUILT_IN:
        return BUILT_IN[name]
    try:
        return image_folder.dataset(name)
    except DataNotFound:
        if points := toy.named(name):
            return toy.dataset(points)
        raise UnknownDataset(
            f"There is no data set {name[:60]!r}; there are {', '.join(names())}. Get one of your own with: `aatviz data "
            "import PATH --name NAME`."
        ) from None


def open_split(name: str, split: str) -> Split:
    """The images and labels of one split of a data set.

    Args:
        name: one of `names()`; "mnist-sample" to try things out.
        split: "train", "validation", "test"; or "sample": the bundled images, always there; of a data set without any, a
            part of its validation images. "other", where a data set has images of no class.

    Raises:
        DataNotFound: where it is not on this machine; the message names the command that gets it.
        UnknownDataset: a DataNotFound and a ValueError, for an unknown name.
        ValueError: for an unknown split, and for damaged files.
    """
    return dataset(name).open(split)
