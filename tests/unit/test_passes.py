"""Passes: the gradient by hand is autograd's, of any of the rows, in every precision, and of the weights as they are now."""

import copy
import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from aatviz.attacks.layouts import laid_out
from aatviz.attacks.passes import prepared, watched
from aatviz.models.detectors import DetectorBank
from aatviz.models.networks import NETWORKS, MadryNet

OUTPUTS = 4


def net(outputs: int = OUTPUTS, dtype: torch.dtype = torch.float64) -> MadryNet:
    torch.manual_seed(0)
    return MadryNet(outputs, width=32).to(dtype).eval()


def images(n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(1), dtype=dtype)


def of_logits(n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, OUTPUTS, generator=torch.Generator().manual_seed(2), dtype=dtype)


def by_autograd(module: nn.Module, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    logits = module(x)
    return logits.detach(), torch.autograd.grad(logits, x, grad)[0]


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_madrys_network_by_hand_equals_autograd(n: int, dtype: torch.dtype, tolerance: float) -> None:
    network, x, grad = net(dtype=dtype), images(n, dtype), of_logits(n, dtype)
    logits, expected = by_autograd(network, x, grad)
    one = prepared(network)(x)
    torch.testing.assert_close(one.logits, logits, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(one.gradient(grad), expected, atol=tolerance, rtol=tolerance)
    assert expected.abs().max() > 1e-4
    assert not one.logits.requires_grad


@pytest.mark.parametrize("n", [1, 7])
def test_in_bfloat16_it_equals_autograd_in_bfloat16(n: int) -> None:
    network, x, grad = net(dtype=torch.float32), images(n, torch.float32), of_logits(n, torch.float32)
    one = prepared(network, bf16=True)(x)
    assert one.logits.dtype == torch.bfloat16
    logits, expected = by_autograd(net(dtype=torch.float32).bfloat16(), x.bfloat16(), grad.bfloat16())
    torch.testing.assert_close(one.logits.float(), logits.float(), atol=0.01, rtol=0.02)
    found = one.gradient(grad).float()
    assert torch.nn.functional.cosine_similarity(found.flatten(), expected.float().flatten(), dim=0) > 0.999


@pytest.mark.parametrize("kept", [[], [3], [0, 2, 5], list(range(7))])
def test_rows_without_a_gradient_stay_behind(kept: list[int]) -> None:
    network, x, grad = net(), images(7), torch.zeros(7, OUTPUTS, dtype=torch.float64)
    grad[kept] = of_logits(7)[kept]
    passes = []
    with watched(lambda forward, backward: passes.append((forward, backward))):
        found = prepared(network)(x).gradient(grad, sparse=True)
    torch.testing.assert_close(found, by_autograd(network, x, grad)[1], atol=1e-12, rtol=1e-12)
    assert passes == [(7, 0), (0, len(kept))]


def test_in_a_separate_bank_each_image_goes_backward_through_its_own_detectors_only() -> None:
    bank = DetectorBank([net(1) for _ in range(OUTPUTS)], OUTPUTS).eval()
    for network in bank.networks:
        nn.init.normal_(network.out.weight)  # type: ignore[union-attr, arg-type]
    x, grad = images(6), torch.zeros(6, OUTPUTS, dtype=torch.float64)
    grad[[0, 1, 2, 3], [1, 1, 3, 3]] = 1.0
    grad[4, :2] = -2.0
    passes = []
    with watched(lambda forward, backward: passes.append((forward, backward))):
        one = prepared(bank)(x)
        found = one.gradient(grad)
    logits, expected = by_autograd(bank, x, grad)
    torch.testing.assert_close(one.logits, logits)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)
    assert sum(forward for forward, _ in passes) == 24
    assert [backward for _, backward in passes if backward] == [1, 3, 2]


@pytest.mark.parametrize("n", [1, 3])
def test_no_gradient_of_the_logits_is_none_of_the_images(n: int) -> None:
    assert not prepared(net())(images(n)).gradient(torch.zeros(n, OUTPUTS, dtype=torch.float64)).any()


def test_a_bank_whose_logits_nobody_needs_has_no_gradient() -> None:
    bank = DetectorBank([net(1) for _ in range(OUTPUTS)], OUTPUTS).eval()
    found = prepared(bank)(images(3)).gradient(torch.zeros(3, OUTPUTS, dtype=torch.float64))
    assert found.shape == (3, 1, 28, 28)
    assert not found.any()


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("n", [1, 2])
def test_weights_that_were_trained_or_loaded_meanwhile_are_seen(bf16: bool, n: int) -> None:
    """The fused Adam, which training uses, changes weights without marking them as changed."""
    network, x = net(dtype=torch.float32), images(n, torch.float32)
    before = prepared(network, bf16)(x)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, fused=True)
    network(x).sum().backward()
    optimizer.step()
    grad = torch.ones(n, OUTPUTS)
    after = prepared(network, bf16)(x)
    logits, expected = by_autograd(network, x, grad)
    torch.testing.assert_close(after.logits.float(), logits, atol=0.01, rtol=0.02 if bf16 else 1e-5)
    assert torch.nn.functional.cosine_similarity(after.gradient(grad).float().flatten(), expected.flatten(), dim=0) > 0.99
    network.requires_grad_(False)
    prepared(network, bf16)
    network.load_state_dict(net(dtype=torch.float32).state_dict())
    assert torch.equal(prepared(network, bf16)(x).logits, before.logits)


def test_a_frozen_network_is_cast_once() -> None:
    network = net(dtype=torch.float32).requires_grad_(False)
    x = images(2, torch.float32)
    first, second = (prepared(network, bf16=True)(x) for _ in range(2))
    assert first.inner.weights is second.inner.weights  # type: ignore[attr-defined]


def preact() -> nn.Module:
    torch.manual_seed(0)
    network = NETWORKS.get("preact").build((1, 28, 28), OUTPUTS, widths=(8, 16), blocks=(1, 1))
    return network.eval()


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("make", [lambda: net(dtype=torch.float32), preact], ids=["madry", "preact"])
def test_every_change_of_a_frozen_network_is_seen_and_nothing_else(make: Callable[[], nn.Module], bf16: bool) -> None:
    """Through `.data`, which no version counts; of a buffer; of two rows that change places; of one element."""
    network, x = make().requires_grad_(False), images(2, torch.float32)

    def halve(tensor: Tensor) -> None:
        tensor.data.mul_(0.5)

    def turn(tensor: Tensor) -> None:
        tensor.data.copy_(tensor.data.flip(0))

    def touch(tensor: Tensor) -> None:
        tensor.data[(-1,) * tensor.dim()] += 1 / 16

    tensors = [one for one in (*network.parameters(), *network.buffers()) if one.is_floating_point()]
    for change in (halve, turn, touch):
        for tensor in tensors:
            before = laid_out(network, torch.bfloat16 if bf16 else None)
            assert laid_out(network, torch.bfloat16 if bf16 else None) is before
            old = tensor.clone()
            change(tensor)
            now = laid_out(network, torch.bfloat16 if bf16 else None)
            assert torch.equal(old, tensor) == (now is before)
    fresh = copy.deepcopy(network)
    assert torch.equal(prepared(network, bf16)(x).logits, prepared(fresh, bf16)(x).logits)


def test_threads_that_prepare_the_same_network_get_the_same_layout() -> None:
    network = net(dtype=torch.float32).requires_grad_(False)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: laid_out(network, torch.bfloat16), range(32)))
    assert all(one is found[0] for one in found)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_network_that_is_gone_is_not_kept(bf16: bool) -> None:
    network = net(dtype=torch.float32)
    prepared(network, bf16)(images(1, torch.float32))
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("bf16", [False, True])
def test_in_a_bank_of_any_networks_only_the_rows_that_one_wins_go_backward_and_one_graph_lives(bf16: bool) -> None:
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(784, 8), nn.Softplus(), nn.Linear(8, 1))
    bank = DetectorBank([copy.deepcopy(nn.Sequential(*layers)) for _ in range(OUTPUTS)], OUTPUTS).eval()
    for network in bank.networks:
        nn.init.normal_(network[1].weight, std=0.1)  # type: ignore[index]
    x, grad = images(6, torch.float32), torch.zeros(6, OUTPUTS)
    grad[[0, 1, 2, 3], [1, 1, 3, 3]] = 1.0
    grad[4, :2] = -2.0
    passes, graphs = [], []

    def hook(network: nn.Module, _: object, out: Tensor) -> None:
        graphs.append(weakref.ref(out) if out.requires_grad else None)
        assert sum(one is not None and one() is not None for one in graphs) <= 1

    with watched(lambda forward, backward: passes.append((forward, backward))):
        one = prepared(bank, bf16)(x)
        handles = [network.register_forward_hook(hook) for network in bank.networks]  # copies carry none
        found = one.gradient(grad)
    for handle in handles:
        handle.remove()
    logits, expected = by_autograd(bank, x, grad)
    tolerance = {"atol": 0.02, "rtol": 0.05} if bf16 else {"atol": 1e-6, "rtol": 1e-5}
    torch.testing.assert_close(one.logits.float(), logits, **tolerance)
    torch.testing.assert_close(found.float(), expected, **tolerance)
    assert bf16 or len(graphs) == 3
    assert [backward for _, backward in passes if backward] == [1, 3, 2]
    assert sum(forward for forward, _ in passes) == 24 + 6


def test_other_networks_run_by_autograd_even_under_autocast_of_the_caller() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.Softplus(), nn.Linear(8, OUTPUTS)).eval()
    x, grad = images(3, torch.float32), of_logits(3, torch.float32)
    logits, expected = by_autograd(network, x, grad)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        one = prepared(network)(x)
        torch.testing.assert_close(one.logits, logits)
        torch.testing.assert_close(one.gradient(grad), expected)
