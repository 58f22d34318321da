"""MNIST recipes: the paper's own (appendix A.1, for a GPU) and the economical ones that the shipped weights come from."""

from aatviz.recipes.spec import AttackSpec, Job, Recipe

CLASSES = 10
EPS = 0.3
STRONG = AttackSpec(eps=EPS, step_size=0.02, steps=50, random_start=True, keep="best")
"""Chooses the best checkpoint; best iterate, other steps and another step size than in training."""
FEW_LARGE_STEPS = AttackSpec(eps=EPS, step_size=0.1, steps=10, random_start=True)
"""The economical inner attack. Adam, not sign steps: those get stuck, and leave a detector that only looks robust."""


def _classifiers() -> tuple[Job, Job]:
    """The natural classifier f, and Madry's robust classifier, the baseline."""
    natural = Job(
        name="classifier",
        method="natural",
        width=128,
        outputs=CLASSES,
        steps=4000,
        batch=128,
        learning_rate=1e-3,
        validation_attack=STRONG,
        validation_count=500,
        seed=100,
    )
    robust = Job(
        name="robust",
        method="madry",
        outputs=CLASSES,
        steps=6500,
        batch=64,
        learning_rate=5e-4,
        attack=AttackSpec(eps=EPS, step_size=0.1, steps=7, random_start=True),
        ramp=0.2,
        validation_attack=STRONG,
        validation_count=500,
        seed=101,
    )
    return natural, robust


def _detector(k: int) -> Job:
    return Job(
        name=f"detector-{k}",
        method="aat",
        target=k,
        outputs=1,
        steps=2600,
        batch=320,
        learning_rate=5e-4,
        attack=FEW_LARGE_STEPS,
        ramp=0.2,
        mixed_eps=0.25,
        validation_attack=STRONG,
        validation_count=300,
        evaluations=4,
        seed=k,
    )


def _shared() -> Job:
    return Job(
        name="shared",
        method="aat_shared",
        outputs=CLASSES,
        steps=4500,
        batch=192,
        learning_rate=1e-3,
        attack=FEW_LARGE_STEPS,
        ramp=0.2,
        mixed_eps=0.25,
        validation_attack=STRONG,
        validation_count=100,
        seed=200,
    )


def linf_03() -> Recipe:
    """Ten separate detectors by few, large Adam steps: about two hours on two CPU cores."""
    return Recipe(
        name="mnist-linf-0.3",
        system="mnist-linf-0.3",
        dataset="mnist",
        norm="Linf",
        eps=EPS,
        about="Ten separate base detectors of the paper's network, trained with an economical inner attack.",
        jobs=(*(_detector(k) for k in range(CLASSES)), *_classifiers()),
    )


def linf_03_shared() -> Recipe:
    """One trunk with ten logits: about forty minutes on one CPU core. Its classifiers are those of `linf_03`."""
    return Recipe(
        name="mnist-linf-0.3-shared",
        system="mnist-linf-0.3-shared",
        dataset="mnist",
        norm="Linf",
        eps=EPS,
        about="One network of the paper's size with ten detector logits, trained with the same objective.",
        jobs=(_shared(),),
        classifiers_from="mnist-linf-0.3",
        prominence=1,
    )


def linf_03_paper() -> Recipe:
    """Appendix A.1 and table 1: 100 epochs of 50,000 images in batches of 320, PGD 100 x 0.01. For a GPU."""
    paper_attack = AttackSpec(eps=EPS, step_size=0.01, steps=100)
    paper_validation = AttackSpec(eps=EPS, step_size=0.01, steps=200)
    detectors = (
        Job(
            name=f"detector-{k}",
            method="aat",
            target=k,
            outputs=1,
            steps=100 * (50_000 // 320),
            batch=320,
            learning_rate=1e-4,
            decay=False,
            attack=paper_attack,
            validation_attack=paper_validation,
            validation_count=1000,
            evaluations=100,
            seed=k,
        )
        for k in range(CLASSES)
    )
    return Recipe(
        name="mnist-linf-0.3-paper",
        system="mnist-linf-0.3-paper",
        dataset="mnist",
        norm="Linf",
        eps=EPS,
        about="The paper's own training: appendix A.1, with the inner attack of table 1.",
        jobs=(*detectors, *_classifiers()),
    )


RECIPES = (linf_03, linf_03_shared, linf_03_paper)
