"""The paper's published numbers, keyed by (data set, norm, eps). A system is compared with another data set's only where
`Published.setting` says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aatviz.attacks.geometry import Norm

Threat = tuple[str, Norm, float]
"""The name of a data set, a norm and eps."""
MNIST: tuple[tuple[Norm, float], ...] = (("Linf", 0.3), ("Linf", 0.5), ("L2", 2.5), ("L2", 5.0))
"""The four balls that the paper trains detectors for on MNIST."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """The paper's numbers for detectors trained for one threat; None or empty where it gives none."""

    all_detectors: tuple[float, ...] | None = None
    """The AUC of every detector under the paper's attack."""
    table: str | None = None
    """The name of the table, and of the record, of `all_detectors`."""
    tables: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    """The AUC of the first detectors, by the name of the table: a row for each attack, in the order of the recipe."""
    distortion: tuple[float, float] | None = None
    """The mean L2 distortion, and the share of the images that could be turned into false positives."""
    robust: Mapping[str, float] = field(default_factory=dict)
    """The robust classifier in figures 2 and 4: its "accuracy", and its error by the scenario's name."""
    natural: tuple[float, float] | None = None
    """The natural AUC of the first detector on test images, before and after its adversarial finetuning (figure 11)."""
    survived: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """By victim, the share of test images on which no attack succeeded when Tramer et al. (2020) attacked the authors'
    detectors, and n: multi-targeted, at thresholds that cost five points of clean accuracy."""
    setting: str = ""
    """What the paper measured, where its networks or its data were not those of the shipped systems. A report begins with
    it."""


_TEN_WIDE = "ten wide networks of 6,660 million multiply-adds, one a class, on CIFAR-10's original images"
_TABLE_6 = {"table-6": ((0.9720,), (0.9698,), (0.9692,), (0.9703,), (0.9690,), (0.9698,))}
PUBLISHED: Mapping[Threat, Published] = {
    ("mnist", "Linf", 0.3): Published(
        all_detectors=(0.99959, 0.99971, 0.99876, 0.99861, 0.99859, 0.99861, 0.99795, 0.99863, 0.99687, 0.99418),
        table="table-11",
        tables={
            "table-2": ((0.99959, 0.99971), (0.99958, 0.99971)),
            "table-8": ((0.99962, 0.99973), (0.99959, 0.99971)),
            "table-9": ((0.99959, 0.99971), (0.99436, 0.99778), (0.99974, 0.99965), (0.96421, 0.98268)),
        },
        robust={"accuracy": 0.984, "robust": 0.08, "robust, eps 0.4": 0.941},
        distortion=(3.80, 0.9962),
    ),
    ("mnist", "Linf", 0.5): Published(
        all_detectors=(0.99830, 0.99869, 0.99327, 0.99355, 0.99314, 0.99228, 0.99424, 0.99439, 0.97875, 0.97690),
        table="table-12",
        tables={
            "table-2": ((0.99830, 0.99869), (0.99796, 0.99861)),
            "table-8": ((0.99820, 0.99901), (0.99795, 0.99872)),
            "table-9": ((0.99966, 0.99967), (0.99830, 0.99869), (0.99969, 0.99955), (0.98816, 0.98687)),
            "table-10": ((0.99830,), (0.99776,)),
        },
        distortion=(4.47, 0.9936),
    ),
    ("mnist", "L2", 2.5): Published(
        tables={
            "table-2": ((0.99962, 0.99968), (0.99927, 0.99900)),
            "table-8": ((0.99906, 0.99916), (0.99855, 0.99883)),
            "table-9": ((0.99927, 0.99949), (0.99339, 0.99397), (0.99962, 0.99968), (0.97747, 0.98117)),
        },
    ),
    ("mnist", "L2", 5.0): Published(
        tables={
            "table-2": ((0.99578, 0.99987), (0.99529, 0.99918)),
            "table-8": ((0.99960, 0.99997), (0.99237, 0.99994)),
            "table-9": ((0.99925, 0.99984), (0.99767, 0.99961), (0.99944, 0.99987), (0.99577, 0.99986)),
            "table-10": ((0.99578,), (0.99501,)),
        },
    ),
    ("cifar10", "Linf", 2 / 255): Published(
        all_detectors=(0.9866, 0.9926, 0.9721, 0.9501, 0.9773, 0.9636, 0.9859, 0.9908, 0.9930, 0.9916),
        table="table-16",
        tables={"table-13": ((0.9866,), (0.9866,)), "table-18": ((0.9866,), (0.9892,))},
        natural=(0.9971, 0.9981),
        setting=_TEN_WIDE,
    ),
    ("cifar10", "Linf", 8 / 255): Published(
        all_detectors=(0.9234, 0.9553, 0.8393, 0.7893, 0.8494, 0.8557, 0.9071, 0.9276, 0.9548, 0.9370),
        table="table-17",
        tables={
            "table-4": ((0.9224, 0.9533), (0.9234, 0.9553), (0.9231, 0.9550), (0.9205, 0.9504), (0.9203, 0.9500)),
            "table-13": ((0.9234,), (0.9233,)),
            "table-14": ((0.9814,), (0.9841,)),
        },
        distortion=(1.5, 0.9995),
        robust={"accuracy": 0.8735, "robust": 0.5311, "robust, eps 12/255": 0.7087},
        natural=(0.9971, 0.9909),
        survived={"generative": (0.360, 200), "integrated": (0.141, 1000)},
        setting=_TEN_WIDE,
    ),
    ("cifar10", "L2", 80 / 255): Published(tables={"table-15": ((0.9839, 0.9924), (0.9837, 0.9922))}, setting=_TEN_WIDE),
    ("restricted-imagenet", "Linf", 0.02): Published(tables=_TABLE_6),
    ("restricted-tiny-imagenet", "Linf", 0.02): Published(
        tables=_TABLE_6, setting="a ResNet-50 on Restricted ImageNet, nine classes of 3 x 224 x 224"
    ),
}


def published(dataset: str, norm: Norm, eps: float) -> Published:
    """The paper's numbers for this data set and ball; an empty object where it has none."""
    return PUBLISHED.get((dataset, norm, eps), Published())
