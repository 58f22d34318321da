"""The machine: its devices, which of them computes, and whether that is fast in bfloat16."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

import torch
from torch import Tensor

DEVICES = "cpu, cuda, mps (Apple's GPU), or auto: a GPU where there is one"
"""For the help texts of commands."""
BEFORE_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
"""Instruction sets by oneDNN's names that do not multiply bfloat16."""


def resolve(name: str) -> str:
    """The device that a name means here: "cpu", "cuda", "cuda:1", "mps"; for "auto" a GPU where there is one.

    ValueError for another name, and for a device that this machine does not have.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isascii() and number.isdigit())):
        raise ValueError(f"A device is cpu, cuda, cuda:1 (and so on), mps or auto; got {name!r}.")
    there = {"cpu": True, "cuda": cuda and int(number or 0) < torch.cuda.device_count(), "mps": mps}
    if not there[kind]:
        others = ", ".join(device for device, found in (("cpu", True), ("cuda", cuda), ("mps", mps)) if found)
        raise ValueError(f"This machine, or the torch on it, has no {name}; it has {others}. Use one of these, or auto.")
    return name


def seconds_spent(device: str) -> float:
    """A clock for what work costs: on a CPU this process's own time, which stands still while others have the cores."""
    return time.process_time() if device.startswith("cpu") else time.monotonic()


def fast_bf16(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware, so that it is faster than float32. A processor does not where
    $ONEDNN_MAX_CPU_ISA keeps torch's kernels from it."""
    if _is_mps(device):
        return False
    if device != "cpu":
        return torch.cuda.is_bf16_supported()
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in BEFORE_BF16:
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def describe(device: str) -> str:
    """The processor in words, for cards."""
    if _is_mps(device):
        return f"{platform.processor() or platform.machine()}, Apple GPU"
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    able = torch.cpu.get_capabilities()
    precision = "with bf16" if fast_bf16("cpu") else "without bf16"
    return f"{able.get('cpu_name', able['architecture'])}, {able['num_physical_cores']} cores, {precision}"


def wait_for(device: str) -> None:
    """Wait until a GPU has finished all its work; a CPU never has any left."""
    if _is_mps(device):
        torch.mps.synchronize()
    elif device != "cpu":
        torch.cuda.synchronize(device)


def in_float64(values: Tensor) -> Tensor:
    """The values in float64; on the CPU where their device, Apple's GPU, has no float64."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _is_mps(device: str) -> bool:
    return device.partition(":")[0] == "mps"


class _Blocks(local):
    """How many blocks of `one_thread` are running."""

    lock = Lock()
    running, usual = 0, 1
    """In all threads; and torch's number of threads before the first of these blocks."""
    mine = 0
    """In this thread."""


_BLOCKS = _Blocks()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside this block. Work on a single image is too small to share, and threads that wait for
    each other on busy cores make it several times slower.

    torch keeps its number of threads for every Python thread, and a new one begins with the number that was set last. A
    thread that begins while another is in such a block finds 1; the number from before that block is restored for it.
    """
    with _Blocks.lock:
        before = torch.get_num_threads()
        if not _Blocks.running:
            _Blocks.usual = before
        elif before == 1 and not _BLOCKS.mine:
            before = _Blocks.usual
        _Blocks.running += 1
        _BLOCKS.mine += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _Blocks.lock:
            _Blocks.running -= 1
            _BLOCKS.mine -= 1
            torch.set_num_threads(before)
