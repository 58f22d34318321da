"""Data sets by name. Images are float32 (N,C,H,W) in [0,1], labels int64 (N,)."""

import torch
from torch import Tensor

from aatviz.data import mnist
from aatviz.data.mnist import DataNotFound

SPLITS = ("train", "validation", "test", "sample")
DATASETS = ("mnist", "mnist-sample")


def load_data(name: str, split: str = "test") -> tuple[Tensor, Tensor]:
    """Images and labels of one split of a data set.

    Args:
        name: "mnist"; or "mnist-sample", whose every split is cut from the bundled sample (to try things out).
        split: "train" (50,000), "validation" (10,000), "test" (10,000), or "sample": the bundled images, always there.

    Raises:
        DataNotFound: where the full set is not on this machine; the message names the command that gets it.
        ValueError: for an unknown name or split.
    """
    return to_tensors(load_digits(name, split))


def load_digits(name: str, split: str) -> mnist.Digits:
    """The same as bytes, the form that is hashed and stored."""
    if name not in DATASETS:
        raise ValueError(f"There is no data set {name!r}; there are {', '.join(DATASETS)}.")
    if split not in SPLITS:
        raise ValueError(f"A split is one of {', '.join(SPLITS)}; got {split!r}.")
    if split == "sample":
        return mnist.sample()
    if name == "mnist-sample":
        digits, start, end = mnist.sample(), *{"train": (0, 3000), "validation": (3000, 4000), "test": (4000, 5000)}[split]
        return mnist.Digits(digits.images[start:end], digits.labels[start:end])
    if split == "test":
        return mnist.full("test")
    train, validation = mnist.split_train(mnist.full("train"), mnist.sample())
    return train if split == "train" else validation


def to_tensors(digits: mnist.Digits) -> tuple[Tensor, Tensor]:
    """Bytes -> images (N,1,28,28) in [0,1] and labels (N,)."""
    images = torch.from_numpy(digits.images.copy()).float().div_(255).unsqueeze(1)
    return images, torch.from_numpy(digits.labels.copy()).long()


__all__ = ["DATASETS", "SPLITS", "DataNotFound", "load_data", "load_digits", "to_tensors"]
