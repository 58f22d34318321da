"""The weights of one network as a float16 safetensors file, whose header says how to build the network again."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aatviz.models.networks import NETWORKS
from aatviz.models.networks.registry import Shape
from aatviz.recipes import Job
from aatviz.runtime.files import read_bytes, read_tensors, write_tensors
from aatviz.runtime.limits import MOST_DEPTH, MOST_OUTPUTS, MOST_SIDE, MOST_WIDTH

Ranges = tuple[tuple[int, int], ...]
"""Rows of a layer: the first one of each range, and the one after its last."""
_LAYERS = ("blocks", "units")
"""Names in an architecture whose numbers count layers, which are built in a loop; 0 is possible."""


def note_of(job: Job, shape: Shape) -> dict[str, Any]:
    """The note in the header of a job's weights, from which `build_network` can build the network again."""
    return {"network": job.network, "outputs": job.outputs, "shape": list(shape), "arch": job.architecture}


def save_network(path: Path, network: nn.Module, note: dict[str, Any]) -> None:
    """Write the weights, rounded to float16; counters stay whole numbers. `note` is read by `build_network`. ValueError
    where a rounded weight would be infinite or NaN."""
    weights = {name: value.detach() for name, value in network.state_dict().items()}
    weights = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    if lost := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(f"{path}: {', '.join(lost)} would hold infinities or NaN as float16; the training went astray.")
    write_tensors(path, weights, note)


def build_network(note: dict[str, Any]) -> nn.Module:
    """A network with fresh weights, as a note describes it by network, outputs, shape and arch. ValueError for an unknown
    network, or sizes beyond what is read from files."""
    arch, shape = _described(note)
    network = NETWORKS.get(note.get("network")).build(shape, note["outputs"], **arch)
    network.image_shape = shape  # type: ignore[assignment]  # for `aatviz.models.checks`: other images are an error
    return network


def _described(note: dict[str, Any]) -> tuple[dict[str, Any], Shape]:
    """The architecture and the shape in a note. Old weight files, all on MNIST, have no shape, and only the width of the
    architecture. ValueError for sizes beyond the limits for files, so that a damaged file builds no giant network."""
    arch = note["arch"] if "arch" in note else {"width": note["width"]}
    channels, height, width = shape = tuple(note.get("shape", (1, 28, 28)))
    numbers = [("outputs", note["outputs"], MOST_OUTPUTS), ("shape", channels, MOST_WIDTH)]
    numbers += [("shape", side, MOST_SIDE) for side in (height, width)]
    for name, value in arch.items():
        values = list(value) if isinstance(value, list | tuple) else [value]
        most = MOST_DEPTH if name in _LAYERS else MOST_WIDTH
        numbers += [(name, one, most) for one in values[: MOST_DEPTH + 1] if not isinstance(one, str)]
        numbers += [(f"length of {name}", len(values), MOST_DEPTH)] if values else []
    for name, value, most in numbers:
        least = 0 if name in _LAYERS else 1
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"its {name} is {str(value)[:40]}; expected a whole number from {least} to {most}")
    return arch, shape


def load_network(path: Path, sha256: str | None = None, outputs: int | None = None) -> nn.Module:
    """The network in a weight file: float32, in eval mode, frozen. FileNotFoundError where there is no file; ValueError
    where it holds no such network, has another SHA-256 or number of outputs than expected, or weights that are NaN or
    infinite."""
    weights, note = read_tensors(path, sha256)
    try:
        with torch.device("meta"):  # takes no memory, whatever size the header announces
            announced = {name: value.shape for name, value in build_network(note).state_dict().items()}
        if announced != {name: value.shape for name, value in weights.items()}:
            raise ValueError("its tensors have other names or shapes")
        if outputs is not None and note["outputs"] != outputs:
            raise ValueError(f"it has {note['outputs']} outputs, and the system's card needs {outputs}")
        if wrong := [name for name, value in weights.items() if not value.isfinite().all()]:
            raise ValueError(f"{', '.join(wrong[:3])} hold NaN or infinities")
        if wrong := [name for name, value in weights.items() if name.endswith("running_var") and value.lt(0).any()]:
            raise ValueError(f"the variances {', '.join(wrong[:3])} are negative")
        network = build_network(note)
        network.load_state_dict(weights)  # converts to the network's own types
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} does not hold the network that its header announces: {error}") from error
    return network.eval().requires_grad_(False)


def read_note(path: Path) -> dict[str, Any]:
    """The note in the header of a weight file: the network, and how it was trained."""
    return read_tensors(path)[1]


def hash_of_weights(path: Path) -> str:
    """The SHA-256 of the tensors in a weight file alone. That of the whole file also covers the note about the training,
    such as how long it took."""
    content = read_bytes(path)
    size = int.from_bytes(content[:8], "little")
    tensors = {name: place for name, place in json.loads(content[8 : 8 + size]).items() if name != "__metadata__"}
    return hashlib.sha256(json.dumps(tensors, sort_keys=True).encode() + content[8 + size :]).hexdigest()


def start_from(network: nn.Module, path: Path, k: int | None, rows: Ranges = (), contrast: bool = False) -> None:
    """Give a network the weights in `path`. With k, a base detector takes row k of the last layer of a bank or classifier;
    `rows` and `contrast` are a job's `start_rows` and `start_contrast`. ValueError where the layer has fewer rows."""
    weights, note = load_network(path).state_dict(), read_note(path)
    if ranges := rows or (((k, k + 1),) if k is not None else ()):
        head = f"{NETWORKS.get(note['network']).head}."
        last = {name: value for name, value in weights.items() if name.startswith(head) and len(value) > 1}
        if last and max(end for _, end in ranges) > note["outputs"]:
            raise ValueError(f"{path} has {note['outputs']} outputs, and not the rows {list(ranges)} to start from.")
        weights |= {name: _rows(value, ranges, contrast) for name, value in last.items()}
    network.load_state_dict(weights)


def _rows(last: Tensor, ranges: Ranges, contrast: bool) -> Tensor:
    """The mean of each range of rows of a last layer (M, ...); with `contrast`, less that of all the others."""
    means = torch.stack([last[first:end].mean(0) for first, end in ranges])
    if not contrast:
        return means
    return means - torch.stack([torch.cat([last[:first], last[end:]]).mean(0) for first, end in ranges])
