"""What work costs: a CPU's clock stands still while the process waits, and goes on while it computes."""

import time

import torch

from aatviz.runtime.hardware import seconds_spent


def test_waiting_for_others_costs_nothing_and_computing_does() -> None:
    before = seconds_spent("cpu")
    time.sleep(0.5)
    waited = seconds_spent("cpu") - before
    x = torch.rand(300, 300)
    while time.process_time() < before + waited + 0.2:
        x = (x @ x).clamp(0, 1)
    assert waited < 0.25
    assert seconds_spent("cpu") - before >= 0.2
