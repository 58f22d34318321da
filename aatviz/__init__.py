"""aatviz: asymmetrical adversarial training to see, to attack and to reproduce.

system = aatviz.load_system("mnist-linf-0.3")
x, y = aatviz.load_data("mnist", split="sample")
goal = aatviz.objective("target_logit", system, target=3)
x_adv = aatviz.pgd(goal, x[:8], norm="Linf", eps=0.3)
system.generative.predict(x_adv, threshold=0.0)   # -1 where rejected
"""

from aatviz.attacks import objective, pgd
from aatviz.data import DataNotFound, dataset, load_data, open_split
from aatviz.models.detectors import REJECTED, DetectorBank
from aatviz.store.systems import System, load_system, systems

__version__ = "0.4.1"

__all__ = [
    "REJECTED",
    "DataNotFound",
    "DetectorBank",
    "System",
    "dataset",
    "load_data",
    "load_system",
    "objective",
    "open_split",
    "pgd",
    "systems",
]
