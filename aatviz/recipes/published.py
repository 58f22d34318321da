"""The paper's published numbers, keyed by (data set, norm, eps): a system never meets those of another data set."""

from collections.abc import Mapping
from dataclasses import dataclass

from aatviz.attacks.geometry import Norm

Threat = tuple[str, Norm, float]
"""The name of a data set, a norm and eps."""
MNIST: tuple[tuple[Norm, float], ...] = (("Linf", 0.3), ("Linf", 0.5), ("L2", 2.5), ("L2", 5.0))
"""The four balls that the paper trains detectors for on MNIST."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the paper says of detectors trained for one threat; None or empty where it says nothing."""

    all_detectors: tuple[float, ...] | None = None
    """The AUC of every detector under the paper's attack."""
    table: str | None = None
    """What the record of `all_detectors` is called."""
    table_2: tuple[tuple[float, ...], ...] = ()
    """Detectors 0 and 1 under 200 steps of Adam, and under 2,000 of half the size."""
    table_8: tuple[tuple[float, ...], ...] = ()
    """The same under normalized steepest descent."""
    table_9: tuple[tuple[float, ...], ...] = ()
    """Detectors 0 and 1 in each of the four balls, in the order of `MNIST`."""
    table_10: tuple[float, ...] = ()
    """Detector 0 from a fixed start, and with 50 random restarts."""
    table_3: tuple[float, float] | None = None
    """The mean L2 distortion, and the share of the images that could be turned into false positives."""


PUBLISHED: Mapping[Threat, Published] = {
    ("mnist", "Linf", 0.3): Published(
        all_detectors=(0.99959, 0.99971, 0.99876, 0.99861, 0.99859, 0.99861, 0.99795, 0.99863, 0.99687, 0.99418),
        table="table-11",
        table_2=((0.99959, 0.99971), (0.99958, 0.99971)),
        table_8=((0.99962, 0.99973), (0.99959, 0.99971)),
        table_9=((0.99959, 0.99971), (0.99436, 0.99778), (0.99974, 0.99965), (0.96421, 0.98268)),
        table_3=(3.80, 0.9962),
    ),
    ("mnist", "Linf", 0.5): Published(
        all_detectors=(0.99830, 0.99869, 0.99327, 0.99355, 0.99314, 0.99228, 0.99424, 0.99439, 0.97875, 0.97690),
        table="table-12",
        table_2=((0.99830, 0.99869), (0.99796, 0.99861)),
        table_8=((0.99820, 0.99901), (0.99795, 0.99872)),
        table_9=((0.99966, 0.99967), (0.99830, 0.99869), (0.99969, 0.99955), (0.98816, 0.98687)),
        table_10=(0.99830, 0.99776),
        table_3=(4.47, 0.9936),
    ),
    ("mnist", "L2", 2.5): Published(
        table_2=((0.99962, 0.99968), (0.99927, 0.99900)),
        table_8=((0.99906, 0.99916), (0.99855, 0.99883)),
        table_9=((0.99927, 0.99949), (0.99339, 0.99397), (0.99962, 0.99968), (0.97747, 0.98117)),
    ),
    ("mnist", "L2", 5.0): Published(
        table_2=((0.99578, 0.99987), (0.99529, 0.99918)),
        table_8=((0.99960, 0.99997), (0.99237, 0.99994)),
        table_9=((0.99925, 0.99984), (0.99767, 0.99961), (0.99944, 0.99987), (0.99577, 0.99986)),
        table_10=(0.99578, 0.99501),
    ),
}


def published(dataset: str, norm: Norm, eps: float) -> Published:
    """The paper's numbers for this data set and ball; an empty object where it has none."""
    return PUBLISHED.get((dataset, norm, eps), Published())
