"""Keep what an unfinished training has reached: python tools/keep_training.py RUN training/SYSTEM

RUN is a folder that `aatviz train` fills. Finished weights and histories are copied; of each network in training a shortened
state of a few megabytes is written, from which the same command goes on. It can be run beside the training.
"""

import shutil
import sys
from pathlib import Path

from aatviz.runtime.files import write_text
from aatviz.train.state import shorten


def main(origin: Path, to: Path) -> None:
    for file in sorted(
        (*origin.glob("*.safetensors"), *origin.glob("stage/*.safetensors"), *origin.glob("history/**/*.json"))
    ):
        target = to / file.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    for file in sorted((to / "paused").glob("**/*.safetensors")):
        if (to / file.relative_to(to / "paused")).exists():
            file.unlink()
    steps = []
    for file in sorted((origin / "state").glob("**/*.safetensors")):
        name = file.relative_to(origin / "state").with_suffix("").as_posix()
        steps.append(f"`{name}` (at step {shorten(file, to / 'paused' / f'{name}.safetensors')})")
    _say(to.parent / "README.md", ", ".join(steps) or "none")


def _say(readme: Path, steps: str) -> None:
    """Write into the README which networks are in training."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    kept = [f"In training: {steps}." if line.startswith("In training: ") else line for line in lines]
    write_text(readme, "\n".join(kept) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
