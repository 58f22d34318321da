"""Where memory runs out, half as many images go through at once, and the numbers stay what they were."""

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks import batching, objective, passes, pgd
from aatviz.attacks.passes import prepared
from aatviz.models.detectors import DetectorBank
from aatviz.runtime.memory import halving, in_batches, out_of_memory

CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried to")
MPS = RuntimeError("MPS backend out of memory (MPS allocated: 18.00 GB, max allowed: 18.13 GB)")


class Small(nn.Module):
    """A network, row by row the same in any batch, that has memory for so many images, forward or with a way back."""

    def __init__(self, forward: int, backward: int, error: Exception | None = None, outputs: int = 3) -> None:
        super().__init__()
        self.limits, self.error = {False: forward, True: backward}, error or torch.OutOfMemoryError("CUDA out of memory.")
        self.weight = nn.Parameter(torch.linspace(-1, 1, 12)[: outputs * 4].view(outputs, 4), requires_grad=False)
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.limits[x.requires_grad]:
            raise self.error
        self.sizes.append(len(x))
        return (x.flatten(1)[:, None] * self.weight).sum(2).tanh()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_FITTING", {})
    monkeypatch.setattr(batching, "_MEASURED", {})
    monkeypatch.setitem(batching.SIZES, "cpu", (4, 8))


def images(count: int = 22) -> Tensor:
    return torch.rand(count, 1, 2, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("error", [None, CPU, MPS, MemoryError()], ids=["cuda", "cpu", "mps", "python"])
def test_an_attack_for_which_memory_runs_out_gives_what_small_batches_give(error: Exception | None) -> None:
    attacks = {}
    for name, network in (("large", Small(100, 100)), ("small", Small(7, 3, error))):
        goal = objective("cross_entropy", network, y=torch.arange(22) % 3)
        attacks[name] = pgd(goal, images(), eps=0.3, step_size=0.1, steps=4)
    assert torch.equal(attacks["small"], attacks["large"])
    assert not torch.equal(attacks["small"], images())


def test_the_sizes_are_halved_once_and_remembered() -> None:
    network = Small(100, 3)
    through = prepared(network)
    through(images(16)).gradient(torch.ones(16, 3))
    network.sizes.clear()
    through(images(16)).gradient(torch.ones(16, 3))
    prepared(network)(images(16)).gradient(torch.ones(16, 3))
    assert max(network.sizes) <= 2  # 8, 4, 2: no larger batch is tried any more
    assert network.sizes == [2] * 32


def test_memory_that_runs_out_only_on_the_way_back_is_noticed_there() -> None:
    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: object, grad: Tensor) -> Tensor:  # type: ignore[override]
            if len(grad) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return grad

    class OnTheWayBack(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(Backward.apply(x) if x.requires_grad else x)

    grads = []
    for network in (Small(100, 100), OnTheWayBack(100, 100)):
        found = prepared(network)(images(7))
        grads.append(found.gradient(torch.ones(7, 3)))
    assert torch.equal(*grads)


@pytest.mark.parametrize("sparse", [True, False])
def test_of_a_bank_too_only_the_rows_that_count_go_backward(sparse: bool) -> None:
    small, large = (DetectorBank([Small(n, n, outputs=1) for _ in range(3)], 3) for n in (2, 100))
    grad = torch.nn.functional.one_hot(torch.arange(9) // 4, 3).float()
    found = [prepared(bank)(images(9)) for bank in (small, large)]
    assert torch.equal(found[0].logits, found[1].logits)
    assert torch.equal(found[0].gradient(grad, sparse), found[1].gradient(grad, sparse))


def test_a_single_image_that_does_not_fit_is_said() -> None:
    with pytest.raises(RuntimeError, match="too little memory for a single image"):
        prepared(Small(0, 0))(images(5))
    with pytest.raises(RuntimeError, match="too little memory for a single image"):
        prepared(Small(5, 0))(images(5)).gradient(torch.ones(5, 3))


def test_other_errors_come_through_at_once() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        prepared(Small(2, 2, RuntimeError("mat1 and mat2 shapes cannot be multiplied")))(images(5))
    assert not out_of_memory(ValueError("out of memory"))


def test_halving_says_what_fitted() -> None:
    asked: list[int] = []

    def run(size: int) -> str:
        asked.append(size)
        if size > 5:
            raise MemoryError
        return "done"

    assert halving(run, 80) == ("done", 5)
    assert asked == [80, 40, 20, 10, 5]


def test_what_takes_every_image_for_itself_goes_in_fewer() -> None:
    network = Small(3, 3)
    x = images(10)
    assert torch.equal(in_batches(network, x, 8), Small(100, 100)(x))
    assert network.sizes == [2] * 5
