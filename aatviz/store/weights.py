"""Weights of one network as float16 safetensors; the header says how to build the network again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import nn

from aatviz.models.networks import NETWORKS
from aatviz.models.networks.registry import Shape
from aatviz.recipes import Job
from aatviz.runtime.files import read_bytes, read_tensors, write_tensors


def note_of(job: Job, shape: Shape) -> dict[str, Any]:
    """What the header of a job's weights says, so that `build_network` can build the network again."""
    return {"network": job.network, "outputs": job.outputs, "shape": list(shape), "arch": job.architecture}


def save_network(path: Path, network: nn.Module, note: dict[str, Any]) -> None:
    """Write the weights, rounded to float16; counters stay whole numbers. `note` is read by `build_network`."""
    weights = {name: value.detach() for name, value in network.state_dict().items()}
    weights = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    if lost := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(f"{path}: {', '.join(lost)} would hold infinities or NaN as float16; the training went astray.")
    write_tensors(path, weights, note)


def build_network(note: dict[str, Any]) -> nn.Module:
    """The network that a note describes, freshly initialised: network, outputs, shape and arch. The first weight files,
    those of MNIST, know no shape, and of the architecture only the width."""
    arch = note["arch"] if "arch" in note else {"width": note["width"]}
    shape = tuple(note.get("shape", (1, 28, 28)))
    return NETWORKS.get(note.get("network")).build(shape, note["outputs"], **arch)


def load_network(path: Path, sha256: str | None = None) -> nn.Module:
    """The network in a weight file: float32, in eval mode, frozen. ValueError names a file that holds none, or of another
    sha256 than is expected."""
    weights, note = read_tensors(path, sha256)
    try:
        network = build_network(note)
        network.load_state_dict(weights)  # rounds up to the network's own types
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} does not hold the network that its header announces: {error}") from error
    return network.eval().requires_grad_(False)


def read_note(path: Path) -> dict[str, Any]:
    """What the header of a weight file says about its training."""
    return read_tensors(path)[1]


def hash_of_weights(path: Path) -> str:
    """The sha256 of the tensors in a weight file alone: that of the file also covers what its header says of the training,
    such as how long it took."""
    content = read_bytes(path)
    size = int.from_bytes(content[:8], "little")
    tensors = {name: place for name, place in json.loads(content[8 : 8 + size]).items() if name != "__metadata__"}
    return hashlib.sha256(json.dumps(tensors, sort_keys=True).encode() + content[8 + size :]).hexdigest()


def start_from(network: nn.Module, path: Path, k: int | None) -> None:
    """Give a network the weights in `path`. Detector k takes its own row of the last layer from a bank's or classifier's."""
    weights, note = load_network(path).state_dict(), read_note(path)
    if k is not None:
        head = f"{NETWORKS.get(note['network']).head}."
        last = {name: value for name, value in weights.items() if name.startswith(head) and len(value) > 1}
        weights |= {name: value[k : k + 1] for name, value in last.items()}
    network.load_state_dict(weights)
