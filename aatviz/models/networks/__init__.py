"""The networks: each takes images (N,C,H,W) in [0,1], normalises inside itself and returns logits (N,K)."""

from aatviz.models.networks.madry import MadryNet

NETWORKS = {"madry": MadryNet}
"""Networks by the name that recipes and cards use; each is built as `NETWORKS[name](outputs=..., width=...)`."""

__all__ = ["NETWORKS", "MadryNet"]
