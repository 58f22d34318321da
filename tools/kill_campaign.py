"""Kills commands at random moments, and tries full and read-only disks: nothing may be lost, changed, or need a hand.

    python tools/kill_campaign.py --trials 100

Every trial begins as a fresh copy of a folder, runs one command (train, evaluate, import, report), kills it with -9 once or
twice, or has two of it run in one folder, or has it meet a full or a read-only disk; then the same command runs once more
and must succeed. What it leaves must be, bit for bit, what an undisturbed run left, but for wall times, with nothing beside
it. Full and read-only disks are small mounts of memory, which takes root on Linux; elsewhere they are left out.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

TRAINED = "pets-tiny"
TIMES = ("seconds", "device", "torch")
"""Keys of JSON files that say how long something took, or with what."""
LOCKS = (".lock", ".import.lock")
Files = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """The folder of one trial: $AATVIZ_DATA and $AATVIZ_CHECKPOINTS lie in it."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        places = {"AATVIZ_DATA": str(self.root / "data"), "AATVIZ_CHECKPOINTS": str(self.root / "systems")}
        return os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(self.root / "cache")} | places

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "aatviz.cli", *arguments]
        output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=self.environment, cwd=self.root, **output)

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=600)
        return process.returncode, output


@dataclass(frozen=True)
class Case:
    """One command, what it needs, and the folders that it writes."""

    name: str
    arguments: tuple[str, ...]
    begins: Callable[[Path, Path], None]
    """Fills a new folder from that of the undisturbed runs."""


@dataclass
class Tally:
    """What went wrong, by kind; all of them stay empty."""

    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def check(self, good: bool, what: str, output: str = "") -> None:
        if not good:
            self.faults.append(f"{what}\n{output[-1500:]}")
            print(f"FAULT {what}\n{output[-1500:]}", flush=True)


def cases() -> dict[str, Case]:
    out = f"systems/{TRAINED}"

    def data(master: Path, root: Path) -> None:
        shutil.copytree(master / "data", root / "data")

    def with_photos(master: Path, root: Path) -> None:
        data(master, root)
        shutil.copytree(master / "more", root / "more")

    def on(system: str) -> Callable[[Path, Path], None]:
        def begins(master: Path, root: Path) -> None:
            data(master, root)
            shutil.copytree(master / system, root / out)

        return begins

    train = ("train", "tiny", "--dataset", "pets", "--out", out, "--device", "cpu")
    evaluate = ("evaluate", TRAINED, "--recipe", "detectors", "--n", "4", "--device", "cpu")
    found = (
        Case("import", ("data", "import", "more", "--name", "pets", "--size", "12"), with_photos),
        Case("train one", (*train, "--jobs", "shared"), data),
        Case("train", train, data),
        Case("evaluate", evaluate, on("trained")),
        Case("report", ("report", TRAINED, "--recompute"), on("measured")),
    )
    return {case.name: case for case in found}


ORDER = ("import", "report", "train one", "import", "report", "evaluate", "import", "report", "train one", "train")
"""The commands that start the fewest processes come most often."""


def photos(folder: Path, classes: tuple[str, ...], count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def undisturbed(master: Path) -> tuple[dict[str, Files], dict[str, float]]:
    """Run every command once without a fault: what it leaves, and the seconds that it takes."""
    photos(master / "photos", ("cat", "dog", "eel"), 40, 0)
    photos(master / "more", ("cat", "dog"), 60, 1)
    _must(Place(master).run("data", "import", "photos", "--name", "pets", "--size", "12"))
    left, seconds = {}, {}
    for name, case in cases().items():
        place = Place(master / f"after {name}")
        place.root.mkdir()
        case.begins(master, place.root)
        started = time.monotonic()
        _must(place.run(*case.arguments))
        seconds[name], left[name] = time.monotonic() - started, contents(place.root)
        if name in ("train", "evaluate"):  # what the next ones begin with
            shutil.copytree(place.root / "systems" / TRAINED, master / {"train": "trained", "evaluate": "measured"}[name])
    return left, seconds


def _must(result: tuple[int, str]) -> None:
    if result[0]:
        raise RuntimeError(result[1])


def contents(root: Path) -> Files:
    """All that a trial left: weights, records and images to the bit, without wall times."""
    found: Files = {}
    for path in sorted(path for top in ("data", "systems") for path in (root / top).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_dir() or path.name in LOCKS or (path.suffix == ".lock" and path.name.startswith(".")):
            continue
        if path.suffix == ".safetensors":
            found[name] = {key: value.tobytes() for key, value in load_file(path).items()}
        elif path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text()))
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: value.tobytes() for key, value in arrays.items() if key not in TIMES}
        else:
            found[name] = "" if path.suffix == ".md" else path.read_bytes()  # its minutes come from the card
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        of_files = ("sha256", "bytes", "start_sha256", "weights_hash")  # in which times stand
        left_out = (*TIMES, "evaluation_seconds", *of_files)
        return {key: _timeless(one) for key, one in value.items() if key not in left_out}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def differences(expected: Files, found: Files) -> str:
    missing, more = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    changed = [name for name in expected.keys() & found.keys() if expected[name] != found[name]]
    said = {"missing": missing, "beside": more, "changed": sorted(changed)}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in said.items() if names)


def killed(case: Case, place: Place, seconds: float, tally: Tally, kills: int) -> None:
    """-9 at a random moment; at once the next run, whatever still works."""
    for _ in range(kills):
        process = place.start(*case.arguments)
        try:
            output, _ = process.communicate(timeout=random.uniform(0.2, 1.05) * seconds)
            tally.check(process.returncode == 0, f"{case.name}: the run before a kill ended by itself", output)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def two_at_once(case: Case, place: Place, seconds: float, tally: Tally, kills: int) -> None:
    """One ends well; the other as well, or it says that the folder is being written."""
    both = [place.start(*case.arguments) for _ in range(2)]
    if kills > 1:
        time.sleep(random.uniform(0.3, 1.0) * seconds)
        both[0].kill()
    results = [(process.communicate(timeout=900)[0], process.returncode) for process in both]
    for output, status in results:
        fine = status in (0, -signal.SIGKILL) or (status == 1 and "another aatviz" in output)
        tally.check(fine and "Traceback" not in output, f"{case.name}: two at once", output)
    tally.check(kills > 1 or any(status == 0 for _, status in results), f"{case.name}: neither of two ended well")


def full(case: Case, place: Place, seconds: float, tally: Tally, kills: int) -> None:
    """A disk with room for a little more than what is there."""
    used = sum(path.stat().st_blocks * 512 for path in place.root.rglob("*"))
    with mounted(place.root, f"size={used + random.choice((8, 64, 200, 400)) * 1024}"):
        _refused(case, place, tally, "a full disk")


def read_only(case: Case, place: Place, seconds: float, tally: Tally, kills: int) -> None:
    with mounted(place.root, "size=64m", "ro"):
        _refused(case, place, tally, "a read-only disk")


def _refused(case: Case, place: Place, tally: Tally, what: str) -> None:
    status, output = place.run(*case.arguments)
    last = output.strip().splitlines()[-1:]
    said = status == 0 or (status == 1 and bool(last) and last[0].startswith("aatviz: "))
    tally.check(said and "Traceback" not in output and "Bus error" not in output, f"{case.name}: {what}", output)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """The folder as a small disk of its own with the same content; what is on it in the end is in the folder afterwards."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options[0], "tmpfs", folder], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        if "ro" in options:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        aside.rename(folder)


Fault = Callable[[Case, Place, float, Tally, int], None]


def trial(case: Case, fault: Fault, master: Path, expected: Files, seconds: float, tally: Tally) -> None:
    place = Place(master.with_name("trial"))
    place.root.mkdir()
    case.begins(master, place.root)
    fault(case, place, seconds, tally, random.choice((1, 1, 2)))
    status, output = place.run(*case.arguments)  # at once
    tally.check(status == 0, f"{case.name} after {fault.__name__}: the next run failed", output)
    what = differences(expected, contents(place.root))
    tally.check(not what, f"{case.name} after {fault.__name__}: {what}")
    tally.done[f"{case.name}, {fault.__name__}"] += 1
    shutil.rmtree(place.root)


def campaign(trials: int, seed: int) -> Tally:
    random.seed(seed)
    tally = Tally()
    mounts = sys.platform == "linux" and os.geteuid() == 0
    faults: list[Fault] = [killed, killed, killed, killed, two_at_once, *([full, read_only] if mounts else [])]
    with tempfile.TemporaryDirectory() as name:
        master = Path(name, "master")
        master.mkdir()
        expected, seconds = undisturbed(master)
        print(", ".join(f"{case} {spent:.1f} s" for case, spent in seconds.items()), flush=True)
        for number in range(trials):
            case = cases()[ORDER[number % len(ORDER)]]
            fault = random.choice(faults)
            started = time.monotonic()
            trial(case, fault, master, expected[case.name], seconds[case.name], tally)
            spent = time.monotonic() - started
            print(f"{number + 1}: {case.name}, {fault.__name__}, {spent:.0f} s, {len(tally.faults)} faults", flush=True)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally = campaign(given.trials, given.seed)
    print("\n".join(f"{kind}: {count}" for kind, count in sorted(tally.done.items())))
    print(f"{sum(tally.done.values())} trials, {len(tally.faults)} faults")
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
