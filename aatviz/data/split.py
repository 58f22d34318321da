"""The images and labels of one split: bytes in memory-mapped files, made floats only where they are asked for."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = slice | Sequence[int] | NDArray[np.integer] | Tensor
Bytes = NDArray[np.uint8]
CHUNK = 4096
"""How many images are read at a time."""


class Pixels(Protocol):
    """What a split reads its images from: an array (M,C,H,W) of bytes, or what can be read like one."""

    @property
    def ndim(self) -> int:
        """4."""

    @property
    def shape(self) -> tuple[int, ...]:
        """M images, channels, height, width."""

    def __getitem__(self, rows: Any) -> Bytes:
        """The images of a slice, or of an array of rows."""


class Split:
    """N images (C,H,W) and their classes. Labels are there at once; images come by rows or in batches."""

    on_the_fly = False
    """Whether images are decoded whenever they are asked for; then there may be more of them than the memory holds."""

    def __init__(
        self,
        pixels: Bytes | Pixels,
        labels: Bytes,
        *,
        rows: NDArray[np.int64] | None = None,
        source: str = "",
        known_hash: Callable[[], str | None] = lambda: None,
    ) -> None:
        """
        Args:
            pixels: (M,C,H,W), best memory-mapped.
            labels: (M,).
            rows: which of the M belong to the split, in its order; None: all.
            source: where the images come from.
            known_hash: gives the content hash that was stored with the images, or None where there is none.

        Raises:
            ValueError: for images or labels of another shape.
        """
        if pixels.ndim != 4 or labels.shape != pixels.shape[:1]:
            raise ValueError(f"Images (M,C,H,W) and labels (M,) are expected; got {pixels.shape} and {labels.shape}.")
        self._pixels, self._known_hash = pixels, known_hash
        self._rows = rows
        self.source = source
        self.label_bytes = np.ascontiguousarray(labels if rows is None else labels[rows])
        self.labels = torch.from_numpy(self.label_bytes.astype(np.int64))
        """The classes (N,), int64."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        channels, height, width = self._pixels.shape[1:]
        return channels, height, width

    def bytes(self, rows: Rows | None = None) -> Tensor:
        """The images of these rows (n,C,H,W), uint8; None: all of them."""
        return torch.from_numpy(self._read(slice(None) if rows is None else rows))

    def images(self, rows: Rows | None = None) -> Tensor:
        """The images of these rows (n,C,H,W), float32 in [0,1]; None: all of them, four times the bytes."""
        return as_floats(self.bytes(rows))

    def batches(self, size: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
        """All images (n,C,H,W), float32 in [0,1], and labels (n,) in order, `size` at a time."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.images(rows), self.labels[rows]

    @cached_property
    def content_hash(self) -> str:
        """The SHA-256 of all images and then all labels, as bytes: it says which data a result or a network came from."""
        return self._known_hash() or self.computed_hash()

    def part(self, rows: NDArray[np.int64], labels: Bytes) -> "Split":
        """These rows (n,) as a split of its own, with new labels (n,)."""
        picked = rows if self._rows is None else self._rows[rows]
        placed = np.zeros(self._pixels.shape[0], dtype=np.uint8)
        placed[picked] = labels
        found = Split(self._pixels, placed, rows=picked, source=self.source)
        found.on_the_fly = self.on_the_fly
        return found

    def computed_hash(self) -> str:
        """The content hash, computed now from the content of the files."""
        found = hashlib.sha256()
        for start in range(0, len(self), CHUNK):
            found.update(self._read(slice(start, start + CHUNK)).data)
        found.update(self.label_bytes.data)
        return found.hexdigest()

    def _read(self, rows: Rows) -> Bytes:
        """A copy of these images, which may be written to."""
        if isinstance(rows, Tensor):
            rows = rows.cpu().numpy()
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            rows = rows if rows.dtype == bool else rows.astype(np.int64)
        picked = rows if self._rows is None else self._rows[rows]
        return np.array(self._pixels[picked], dtype=np.uint8, order="C")


def as_floats(images: Tensor) -> Tensor:
    """Bytes -> float32 in [0,1]; floats stay as they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def fingerprints(pixels: Bytes) -> list[bytes]:
    """The sha256 of every image (M,...)."""
    return [hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in pixels]
