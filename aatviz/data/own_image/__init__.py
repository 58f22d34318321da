"""A visitor's own picture, made ready for the networks in the same way as the images of a data set."""

from collections.abc import Callable
from pathlib import Path

from aatviz.data.own_image import handwritten_digit, photograph
from aatviz.data.own_image.prepared import Prepared, too_large
from aatviz.data.registry import dataset
from aatviz.data.spec import Dataset, OwnImage
from aatviz.runtime.limits import MOST_OWN_BYTES

_PROCEDURES: dict[OwnImage, Callable[[bytes, tuple[int, int, int]], Prepared]] = {
    "handwritten digit": lambda data, _: handwritten_digit.prepare(data),
    "photograph": photograph.prepare,
}


def prepare(data: bytes, of: Dataset) -> Prepared:
    """The picture in an image file's bytes as an image of the data set. ValueError, with the reason, where that fails."""
    return _PROCEDURES[of.own_image](data, of.shape)


def read_picture(path: str | Path, dataset_name: str) -> Prepared:
    """The picture in a file, prepared as `prepare` does for the data set of that name.

    Raises FileNotFoundError, or ValueError saying what is wrong.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"There is no picture {str(path)!r}; give the path of an image file.")
    if (size := file.stat().st_size) > MOST_OWN_BYTES:
        raise ValueError(too_large(size))
    return prepare(file.read_bytes(), dataset(dataset_name))


__all__ = ["Prepared", "prepare", "read_picture"]
