"""Data sets by name. Images are float32 (N,C,H,W) in [0,1], labels int64 (N,)."""

from torch import Tensor

from aatviz.data.registry import dataset, names, open_split
from aatviz.data.spec import SPLITS, DataNotFound, Dataset
from aatviz.data.split import Split, as_floats


def load_data(name: str, split: str = "test") -> tuple[Tensor, Tensor]:
    """Images (N,C,H,W), float32 in [0,1], and labels (N,), int64, of one split, all at once; `open_split` reads by rows.

    Args:
        name: "mnist", "fashion-mnist", "cifar10", "restricted-tiny-imagenet", "restricted-imagenet" or an imported one; or
            "mnist-sample", whose every split is cut from the bundled sample (to try things out).
        split: "train", "validation", "test", or "sample": the bundled images, always there (of the two last built-in ones,
            and of an imported one, a part of the validation images); "other", where a data set has images of no class.

    Raises:
        DataNotFound: where the full set is not on this machine; the message names the command that gets it.
        ValueError: for an unknown name or split, for damaged files, and where all images would fill the memory.
    """
    found = open_split(name, split)
    return found.images(), found.labels.clone()


__all__ = ["SPLITS", "DataNotFound", "Dataset", "Split", "as_floats", "dataset", "load_data", "names", "open_split"]
