"""A GPU that is none: its tensors compute on the CPU, and refuse whatever Apple's GPU refuses.

They say that they are on "mps"; have no float64 and no NumPy; and do not mix with tensors of the CPU, but for single
numbers, and indices into a tensor of theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

MPS = torch.device("mps", 0)
_COPY = torch.ops.aten._to_copy.default
_MIXING = {torch.ops.aten.copy_.default, torch.ops.aten.index.Tensor}
"""What takes tensors of both devices."""


class OnGpu(Tensor):
    """Wraps the CPU tensor `inner`."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "OnGpu":
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=MPS, storage_offset=inner.storage_offset()
        )

    def __init__(self, inner: Tensor) -> None:
        if inner.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Factories(TorchDispatchMode):
    """Tensors that are made on the device, and copies to it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    wanted = kwargs.get("device")
    flat, _ = tree_flatten((args, kwargs))
    tensors = [one for one in flat if isinstance(one, Tensor)]
    there = [one for one in tensors if isinstance(one, OnGpu)]
    if there and func not in (_COPY, *_MIXING) and any(one.dim() for one in tensors if not isinstance(one, OnGpu)):
        raise RuntimeError(f"{func}: Expected all tensors to be on the same device, but found mps:0 and cpu.")
    if func is torch.ops.aten.index.Tensor and not isinstance(args[0], OnGpu) and there:
        raise RuntimeError("indices should be on the CPU, as the indexed tensor is")
    to = torch.device(wanted).type if wanted is not None else "mps" if there else "cpu"
    if func is torch.ops.aten.copy_.default:
        to = "mps" if isinstance(args[0], OnGpu) else "cpu"
    if func is torch.ops.aten._local_scalar_dense.default:
        to = "cpu"
    if to == "mps" and kwargs.get("dtype") == torch.float64:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")
    plain = kwargs | ({} if wanted is None else {"device": torch.device("cpu")})
    args, plain = tree_map(_inner, (args, plain))
    with torch.utils._python_dispatch._disable_current_modes():
        found = func(*args, **plain)
    if to == "cpu":
        return found
    if func._schema.is_mutable and found is not None and there and isinstance(found, Tensor):
        return next(one for one in there if one.inner is found) if any(one.inner is found for one in there) else OnGpu(found)
    leaves, spec = tree_flatten(found)
    return tree_unflatten([OnGpu(one) if isinstance(one, Tensor) else one for one in leaves], spec)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnGpu) else value


@contextmanager
def fake_gpu() -> Iterator[str]:
    """The name of the device, while it exists."""
    with _Factories():
        yield "mps"


def moved(module: nn.Module) -> nn.Module:
    """The module with its parameters and buffers on the device."""
    for part in module.modules():
        for name, value in list(part._parameters.items()):
            if value is not None:
                part._parameters[name] = nn.Parameter(OnGpu(value.detach().clone()), requires_grad=value.requires_grad)
        for name, buffer in list(part._buffers.items()):
            if buffer is not None:
                part._buffers[name] = OnGpu(buffer.detach().clone())
    return module
