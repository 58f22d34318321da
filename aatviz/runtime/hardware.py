"""What the machine is and what it does fast."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def fast_bf16(device: str) -> bool:
    """Whether "cpu" or "cuda" multiplies bfloat16 in hardware, so that it is faster than float32."""
    if device != "cpu":
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def describe(device: str) -> str:
    """The processor in words, for cards."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    able = torch.cpu.get_capabilities()
    precision = "with bf16" if fast_bf16("cpu") else "without bf16"
    return f"{able.get('cpu_name', able['architecture'])}, {able['num_physical_cores']} cores, {precision}"


@contextmanager
def one_thread() -> Iterator[None]:
    """Run what is inside on one thread: work on a single image is too small to share, and threads that wait for each other
    on a core that somebody else uses make it several times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
