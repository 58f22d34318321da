"""Fashion-MNIST (Zalando): garments in MNIST's shape."""

from aatviz.data.idx_set import IdxSet
from aatviz.data.spec import Dataset, Movement, SplitInfo, Threat

SET = IdxSet(
    name="fashion-mnist",
    title="Fashion-MNIST",
    torchvision="FashionMNIST",
    source="the original IDX files",
    hashes={
        "train": "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157",
        "test": "9f1ec356a747bfe4ebab3cfb722d3694c9ca737e2570f6f90cf31d7b6fd689d4",
    },
)

DATASET = Dataset(
    name="fashion-mnist",
    title="Fashion-MNIST",
    shape=(1, 28, 28),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    noun="garment",
    plural="garments",
    splits={
        "train": SplitInfo(count=50_000, provenance="Fashion-MNIST's training images without the validation part."),
        "validation": SplitInfo(count=10_000, provenance="The bundled sample, and the last of the other training images."),
        "test": SplitInfo(count=10_000, provenance="Fashion-MNIST's test images."),
        "sample": SplitInfo(count=2_000, provenance="200 of the training images a class, part of this package."),
    },
    licence="MIT licence, copyright 2017 Zalando SE",
    source=SET.source,
    threats=(
        Threat(norm="Linf", eps="0.1", step_size="0.005", steps=100),
        Threat(norm="L2", eps="1.5", step_size="0.05", steps=100),
    ),
    movement=Movement(shift=2, flip=True),
    own_image="photograph",
    first_look=(10, 9),
    opener=SET.open,
)
