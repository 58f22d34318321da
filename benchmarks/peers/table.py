"""The results as text: one table a case, and the rows that have a limit."""

from typing import Any

from benchmarks.peers.cases import OURS, PEAKS, PEERS, Contestant
from benchmarks.peers.rows import Result, Row, images


def text(result: Result, found: list[Row]) -> str:
    """Everything, for a terminal."""
    parts = [_case(name, case) for name, case in result["cases"].items()]
    if result.get("quick"):
        parts.insert(0, "A quick run, to see that it runs: its numbers mean nothing.")
    if "memory" in result:
        parts.append(_memory(result["memory"]))
    marks = {True: "met", False: "NOT MET", None: ""}
    lines = [[row.what, f"{row.value:.4g}", row.limit, marks[row.met], row.detail] for row in found]
    parts.append("What it must show\n" + columns([["what", "here", "limit", "", "from"], *lines]))
    return "\n\n".join(parts)


def columns(lines: list[list[str]]) -> str:
    """Left-aligned columns, the first line underlined."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([rows[0], "-" * len(rows[0]), *rows[1:]])


def against_fastest(case: Result, found: dict[str, Any]) -> float | None:
    """How many times as long the fastest peer takes, as it ships, on the same bank."""
    peers = [
        each["median"]
        for each in case["found"]
        if each["engine"] in PEERS and each["precision"] == "fp32" and each["bank"] == found["bank"]
    ]
    return min(peers) / found["median"] if peers else None


def _case(name: str, case: Result) -> str:
    lines = [["engine", "median s", "from", "to", "x fastest peer", "GFLOP/s", "success", "mean loss", "n"]]
    for found in case["found"]:
        who = str(Contestant(found["engine"], found["precision"], found["bank"])).rstrip(", ")
        speed = against_fastest(case, found)
        low, high = found["spread"]
        cells = [who, f"{found['median']:.4f}", f"{low:.4f}", f"{high:.4f}", "" if speed is None else f"{speed:.2f}"]
        cells.append(f"{found['gflops']:.0f}" if found["engine"] in (OURS, *PEAKS) else "")
        if found["engine"] in PEAKS:
            cells += ["", "", ""]
        else:
            success = "" if found["success"] is None else f"{found['success']:.1%}"
            cells += [success, f"{found['mean_loss']:.4f}", str(found["n"])]
        lines.append(cells)
    words = f"{images(case['images'])}, {case['steps']} steps of {case['step_size']:g}, rounds: {case['rounds']}"
    return f"{name}: {case['about']}; {words}\n{columns(lines)}"


def _memory(memory: Result) -> str:
    lines = [["engine", "before MiB", "peak MiB", "beyond MiB"]]
    for found in memory["found"]:
        sizes = [f"{found[key] / 2**20:.0f}" for key in ("before", "peak", "grown")]
        lines.append([f"{found['engine']} {found['precision']}", *sizes])
    return f"memory: loss 10 on ten separate detectors, {images(memory['images'])}, a process each\n{columns(lines)}"
