"""The tables of speed: the attacks beside their peers, the engine's choices, training and pages, from the stored runs."""

from pathlib import Path
from typing import Any

from aatviz.metrics.format import markdown_table
from aatviz.runtime.files import read_json
from benchmarks.peers.cases import PEERS_MOMENTUM

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
PEERS, CHOICES, TRAINING, PAGES = (RESULTS / f"{name}.json" for name in ("peers", "choices", "training", "pages"))
PEERS_FP32, PEERS_AVX2 = RESULTS / "peers-without-bf16.json", RESULTS / "peers-avx2.json"


def peers() -> list[str]:
    """The attack engine beside its peers, as the stored run of `python -m benchmarks.peers` has it."""
    if not PEERS.is_file():
        return []
    result = read_json(PEERS)
    machine, versions = result["machine"], result["machine"]["versions"]
    rows = [["what", "here", "aim", "from"]]
    for row in result["rows"]:
        if row["met"] is not None or "by hand" in row["what"] or PEERS_MOMENTUM in row["what"]:
            rows.append([row["what"], f"{row['value']:.3g}", _aim(row), row["detail"]])
    peers = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "torch")
    words = (
        f"Speed of the attacks beside {peers}, on the same bank, images and steps, in turns in one run with "
        f"{machine['threads']} threads ({machine['processor']}; torch {versions['torch']}): "
        f"`python -m benchmarks.peers`, [everything measured](../benchmarks/results/peers.json), "
        "[as a picture](../benchmarks/results/peers.svg). A peer is as it ships, in float32; or in bfloat16 "
        "by hand: on one network most of our lead is that precision, on ten it is what stays behind. With a shortlist "
        "(`objective(..., shortlist=Shortlist())`), between full passes only each image's two strongest rivals run. With "
        "momentum, two fifths of the steps, each four times as long, make a stronger attack than the peers' PGD; "
        "torchattacks' own momentum takes as long for as few steps, and is weaker."
    )
    return ["", words, "", markdown_table(rows), *_peers_without_bf16()]


def _peers_without_bf16() -> list[str]:
    """The same on a processor that has no bf16: the rows with an aim, and whether it is met."""
    if not PEERS_FP32.is_file():
        return []
    result = read_json(PEERS_FP32)
    words = (
        f"Where a processor has no bf16 (here: {result['machine']['processor']}), everybody attacks in float32, and all "
        "spend nearly all their time in the same convolutions and matrix products. What is left of the lead is what this "
        "engine does not compute. On ten networks a peer's step is ten passes forward and ten back, ours ten and one: at "
        "equal speed 20/11 = 1.8 times; against the shared bank 20/2 = 10 times. On a single network every step is one pass "
        "forward and one back for everybody, and ours is one pass more in the end, which tells the best iterate "
        f"([everything measured](../benchmarks/results/{PEERS_FP32.name})):"
    )
    return ["", words, "", _in_float32(result), *_peers_on_avx2()]


def _peers_on_avx2() -> list[str]:
    """The same on a processor that is kept from using bf16, with all that the engine can do today."""
    if not PEERS_AVX2.is_file():
        return []
    result = read_json(PEERS_AVX2)
    processor = result["machine"]["processor"].removesuffix(", without bf16")
    words = (
        "That run is older than the shortlist and than the rows of equal strength in fewer steps. These were measured on a "
        f"newer machine ({processor}), which was told to use no instructions beyond AVX2, and so has no bf16 "
        f"([everything measured](../benchmarks/results/{PEERS_AVX2.name})):"
    )
    return ["", words, "", _in_float32(result)]


def _in_float32(result: dict[str, Any]) -> str:
    """The rows with an aim, and whether it is met."""
    rows = [["what, in float32", "here", "aim", "from"]]
    rows += [
        [row["what"], f"{row['value']:.3g}", _aim(row), row["detail"]] for row in result["rows"] if row["met"] is not None
    ]
    return markdown_table(rows)


def _aim(row: dict[str, Any]) -> str:
    aim = f"at least {row['least']:g}" if row["least"] is not None else f"at most {row['most'] or 0:g}"
    return {True: aim, False: f"{aim}: missed", None: ""}[row["met"]]


def costs() -> str:
    """What stands in benchmarks/README.md: the engine's choices, training, and pages."""
    return "\n".join([*_choices(), *_training(), *_pages()])


def _size(found: tuple[str, int]) -> int:
    return int(found[0])


def _choices() -> list[str]:
    """What each choice in the engine gains, as the stored runs of `python -m benchmarks.choices` have it."""
    if not CHOICES.is_file():
        return []
    runs = read_json(CHOICES)
    rows = [["choice in the engine, times as fast", *(f"{name}, {run['threads']} threads" for name, run in runs.items())]]
    for choice in sorted({choice for run in runs.values() for choice in run["choices"]}):
        found = [run["choices"].get(choice) for run in runs.values()]
        rows.append([choice, *("" if gain is None else f"{gain:.2f}" for gain in found)])
    rates = []
    for name, run in runs.items():
        sizes = [f"{size}: {rate:,}" for size, rate in sorted(run["passes_per_second"].items(), key=_size)]
        rates.append(f"{', '.join(sizes)} ({name})")
    words = (
        "## Choices in the engine\n\nAbove 1, what is in use wins. Passes forward and backward per second through the "
        f"shared bank by batch size: {'; '.join(rates)}. From some size on they hardly grow: each machine measures its own "
        "size once, and keeps it."
    )
    return ["", words, "", markdown_table(rows)]


def _pages() -> list[str]:
    """What a page's script costs the server, as the stored run of `python benchmarks/page_scripts.py` has it."""
    if not PAGES.is_file():
        return []
    result = read_json(PAGES)
    kinds = list(next(iter(result["seconds"].values())))
    rows = [["page", *kinds]]
    rows += [[page, *(f"{times[kind]:.2f}" for kind in kinds)] for page, times in result["seconds"].items()]
    words = (
        f"## Pages\n\nSeconds of a page's script on {result['cores']} cores: the first visit to a "
        "server that has just started, one with empty caches, one with full ones, and a rerun as after a widget."
    )
    return ["", words, "", markdown_table(rows)]


def _training() -> list[str]:
    """What `python -m benchmarks.training` has stored: the engine's speed inside training, and the time to the target."""
    if not TRAINING.is_file():
        return []
    result = read_json(TRAINING)
    parts = ["", "## Training", ""]
    if "speed" in result:
        kinds = [
            f"{kind} bank, batches of {row['images']:.0f} attacked images, {row['ratio']:.2f} of the engine alone "
            f"({row['whole_ratio']:.2f} with the updates of the weights, counted as the passes they are)"
            for kind, row in result["speed"].items()
            if isinstance(row, dict)
        ]
        parts.append(
            f"Training keeps the engine's speed ({result['speed']['processor']}, {result['speed']['threads']} threads; "
            f"`python -m benchmarks.training speed`): {'; '.join(kinds)}."
        )
    if "pace" in result:
        tests = result["tests"]
        rows = [["recipe", f"minutes to a mean AUC of {result['target']}", "minutes in all", "AUC then", "test AUC", "what"]]
        for name, row in result["curves"].items():
            reached, whole = "not timed", "not timed"
            if "timed" in row:
                to, whole = row["seconds_to_target"], f"{row['timed'][-1][0] / 60:.1f}"
                reached = "not reached" if to is None else f"{to / 60:.1f}"
            tested = f"{tests[name]['adversarial']:.4f} (n = {tests[name]['n']})" if name in tests else ""
            rows.append([name, reached, whole, f"{row['points'][-1][1]:.4f}", tested, row["about"]])
        words = (
            "How soon a bank from random weights gets there (`python -m benchmarks.training curve`; [as a "
            "picture](results/training.svg)): the mean AUC of the ten detectors on validation images under Adam 50 x 0.02 "
            "from random starts, best iterate; test AUC: under the paper's attack on n test images a detector. The time is "
            "that of the updates, without evaluations, "
            f"at the pace of an idle {result['pace']['processor']} ({result['pace']['threads']} threads; `pace`). "
            "The test AUC is what counts: against few large steps from random starts a bank soon looks as good on "
            "validation images as the shipped one, and is still found by the paper's small steps from the image itself."
        )
        parts += ["", words, "", markdown_table(rows)]
    return parts
