"""MNIST, and a small stand-in for it whose every split is cut from the bundled sample."""

from aatviz.data.idx_set import IdxSet, bundled
from aatviz.data.spec import Dataset, Movement, SplitInfo, Threat
from aatviz.data.split import Split

SET = IdxSet(
    name="mnist",
    title="MNIST",
    torchvision="MNIST",
    source="the original IDX files",
    hashes={
        "train": "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
        "test": "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
    },
)

DATASET = Dataset(
    name="mnist",
    title="MNIST",
    shape=(1, 28, 28),
    classes=tuple("0123456789"),
    noun="digit",
    plural="digits",
    splits={
        "train": SplitInfo(count=50_000, provenance="MNIST's training images without the validation part."),
        "validation": SplitInfo(
            count=10_000, provenance="The bundled sample, and the last of MNIST's other training images."
        ),
        "test": SplitInfo(count=10_000, provenance="MNIST's test images."),
        "sample": SplitInfo(count=5_000, provenance="500 of MNIST's training images a class, part of this package."),
    },
    licence="Yann LeCun, Corinna Cortes and Christopher Burges; CC BY-SA 3.0",
    source=SET.source,
    threats=(
        Threat(norm="Linf", eps="0.3", step_size="0.01", steps=100),
        Threat(norm="L2", eps="2.5", step_size="0.1", steps=100),
    ),
    movement=Movement(shift=2),
    own_image="handwritten digit",
    first_look=(14, 8),
    opener=SET.open,
)


def _small(split: str) -> Split:
    whole = bundled("mnist")
    start, end = {"train": (0, 3000), "validation": (3000, 4000), "test": (4000, 5000), "sample": (0, 5000)}[split]
    return Split(whole.bytes().numpy()[start:end], whole.label_bytes[start:end], source=whole.source)


SMALL = Dataset(
    name="mnist-sample",
    title="MNIST's bundled sample",
    shape=DATASET.shape,
    classes=DATASET.classes,
    noun=DATASET.noun,
    plural=DATASET.plural,
    splits={
        "train": SplitInfo(count=3_000, provenance="The first of the bundled sample."),
        "validation": SplitInfo(count=1_000, provenance="The next of the bundled sample."),
        "test": SplitInfo(count=1_000, provenance="The last of the bundled sample."),
        "sample": DATASET.splits["sample"],
    },
    licence=DATASET.licence,
    source="part of this package",
    threats=DATASET.threats,
    movement=DATASET.movement,
    own_image=DATASET.own_image,
    first_look=DATASET.first_look,
    opener=_small,
)
"""For trying things out: results on it mean nothing."""
