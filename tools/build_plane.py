"""Train the models that the Playground shows at first: python -m tools.build_plane (some minutes of one core)."""

from pathlib import Path

import torch

from aatviz.explore.plane import bundled

if __name__ == "__main__":
    torch.set_num_threads(1)
    target = Path(bundled.__file__).with_name(bundled.FILE)
    bundled.build(target)
    print(f"{target}: {target.stat().st_size / 1000:.0f} KB")
