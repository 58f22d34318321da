"""How many images go through a network at once: measured on this machine, and kept in the user's cache folder.

On a CPU, the images done per second hardly rise beyond batches of some 64, while each layer's scratch memory grows with the
batch. So the best size is the smallest one that is about as fast as the fastest.
"""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock

import platformdirs
import torch

from aatviz.runtime.hardware import describe, wait_for
from aatviz.runtime.locks import waiting_for
from aatviz.runtime.memory import out_of_memory

SIZES = {"cpu": (32, 64, 128, 256), "cuda": (256, 1024, 4096), "mps": (64, 256, 1024)}
"""The sizes that are tried on each kind of device."""
CLOSE = 0.95
"""A size counts as "about as fast as the fastest" from this share of the fastest's images per second."""
ROUNDS = 3
_MEASURED: dict[str, int] = {}
"""The sizes that this process has measured, or read from the file, already."""
_LOCK = RLock()
Timed = Callable[[int], float]
"""A number of images -> the seconds that one pass of that many, forward and backward, takes."""


def pieces(count: int, device: str, network: str, timed: Timed) -> list[int]:
    """`count` images in even pieces of at least the best size, less than twice that; one piece where there are fewer."""
    number = 1
    if count >= 2 * SIZES[device][0]:
        number = max(count // batch_size(device, network, timed), 1)
    least, longer = divmod(count, number)
    return [least + 1] * longer + [least] * (number - longer)


def batch_size(device: str, network: str, timed: Timed) -> int:
    """The best of `SIZES` for a network of that description, with as many threads as torch uses now; measured only where it
    is not known yet."""
    key = _key(device, network)
    with _LOCK:
        if key not in _MEASURED:
            with _alone(_file()):
                _MEASURED[key] = _known(_file(), key) or _measured(device, key, timed)
        return _MEASURED[key]


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Processes measure one after the other: side by side they would slow each other down, and disagree. Where there is no
    place to write, each measures for itself."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(waiting_for(file.with_suffix(".lock")))
        yield


def chosen(passes: dict[int, float]) -> int:
    """The smallest size that is about as fast as the fastest, from the seconds that a pass of each takes."""
    rates = {size: size / value for size, value in passes.items()}
    return min(size for size, rate in rates.items() if rate >= CLOSE * max(rates.values()))


def _measured(device: str, key: str, timed: Timed) -> int:
    sizes = SIZES[device]
    _seconds_or_inf(timed, sizes[0])  # a warm-up: the first pass is slower than all later ones
    best = dict.fromkeys(sizes, torch.inf)
    for _ in range(ROUNDS):
        for size in sizes:
            best[size] = min(best[size], _seconds_or_inf(timed, size))
    if min(best.values()) == torch.inf:
        return sizes[0]  # no size fits into memory: nothing was measured
    size = chosen(best)
    _keep(_file(), key, size)
    return size


def _seconds_or_inf(timed: Timed, size: int) -> float:
    """The seconds that a pass of `size` images takes; infinity where memory runs out."""
    try:
        return timed(size)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return torch.inf


def seconds(run: Callable[[], None], device: str) -> float:
    """The seconds that `run` takes, until the device has finished its work."""
    started = time.perf_counter()
    run()
    wait_for(device)
    return time.perf_counter() - started


def _key(device: str, network: str) -> str:
    return f"{describe(device)}; torch {torch.__version__}; {torch.get_num_threads()} threads; {network}"


def _file() -> Path:
    return Path(platformdirs.user_cache_dir("aatviz")) / "batch-sizes.json"


def _known(file: Path, key: str) -> int | None:
    size = _read(file).get(key)
    return size if isinstance(size, int) and size >= 1 else None


def _read(file: Path) -> dict[str, object]:
    """The sizes in the file; none where it is missing or damaged, so that they are measured again."""
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}


def _keep(file: Path, key: str, size: int) -> None:
    """Add one size; the file is replaced as a whole. Where there is no place to write, the next process measures anew."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as scratch:
            json.dump(_read(file) | {key: size}, scratch, indent=1)
        Path(scratch.name).replace(file)
