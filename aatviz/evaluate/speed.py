"""How fast this machine attacks; estimates of an evaluation's time are made from this."""

import time

from aatviz.attacks import objective, pgd
from aatviz.data import load_data
from aatviz.runtime.hardware import one_thread
from aatviz.store.systems import System

IMAGES, STEPS = 250, 2


def seconds_per_pass(system: System, bf16: bool) -> float:
    """Seconds that one image takes for one pass forward and backward through a network of the bank, with one thread."""
    x = load_data(system.card.dataset, split="sample")[0][:IMAGES].to(system.device)
    goal = objective("detector_logit", system, target=0, bf16=bf16)
    with one_thread():
        pgd(goal, x, steps=1, keep="last")  # a warm-up: the first passes are slower
        started = time.perf_counter()
        pgd(goal, x, steps=STEPS, keep="last")
        return (time.perf_counter() - started) / (len(x) * STEPS)
