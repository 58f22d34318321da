"""Weights of one network as float16 safetensors; the header says how to build the network again."""

from pathlib import Path
from typing import Any

from torch import nn

from aatviz.models.networks import NETWORKS
from aatviz.runtime.files import read_tensors, write_tensors


def save_network(path: Path, network: nn.Module, note: dict[str, Any]) -> None:
    """Write the weights, rounded to float16. `note` holds at least network, outputs and width."""
    write_tensors(path, {name: value.detach().half() for name, value in network.state_dict().items()}, note)


def build_network(note: dict[str, Any]) -> nn.Module:
    """The network that a note (or recipe) describes, freshly initialised."""
    if note.get("network") not in NETWORKS:
        raise ValueError(f"There is no network {note.get('network')!r}; there are {', '.join(NETWORKS)}.")
    return NETWORKS[note["network"]](outputs=note["outputs"], width=note["width"])


def load_network(path: Path) -> nn.Module:
    """The network in a weight file: float32, in eval mode, frozen. ValueError names a file that holds none."""
    weights, note = read_tensors(path)
    try:
        network = build_network(note)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} does not hold the network that its header announces: {error}") from error
    return network.eval().requires_grad_(False)


def read_note(path: Path) -> dict[str, Any]:
    """What the header of a weight file says about its training."""
    return read_tensors(path)[1]


def start_from(network: nn.Module, path: Path, k: int | None) -> None:
    """Give a network the weights in `path`. Detector k takes its own row of the last layer from a shared bank's."""
    weights = load_network(path).state_dict()
    if k is not None:
        last = {name: value for name, value in weights.items() if name.startswith("out.") and len(value) > 1}
        weights |= {name: value[k : k + 1] for name, value in last.items()}
    network.load_state_dict(weights)
