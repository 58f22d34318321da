"""A recipe that trains every kind of network on the bundled sample in seconds: for tests, and to try the trainer out."""

from aatviz.recipes.spec import AttackSpec, Job, Recipe

_ATTACK = AttackSpec(eps=0.3, step_size=0.1, steps=3, random_start=True)
_JOB = dict(
    width=32, steps=12, batch=64, learning_rate=1e-3, validation_attack=_ATTACK, validation_count=20, evaluations=3
)


def tiny() -> Recipe:
    """One job of each method."""
    return Recipe(
        name="tiny",
        system="tiny",
        dataset="mnist-sample",
        norm="Linf",
        eps=0.3,
        about="A few steps on the bundled sample; it works, and that is all.",
        jobs=(
            Job(name="shared", method="aat_shared", outputs=10, attack=_ATTACK, ramp=0.3, mixed_eps=0.25, seed=1, **_JOB),
            Job(name="detector-3", method="aat", target=3, outputs=1, attack=_ATTACK, seed=2, **_JOB),
            Job(name="classifier", method="natural", outputs=10, seed=3, **_JOB),
            Job(name="robust", method="madry", outputs=10, attack=_ATTACK, seed=4, **_JOB),
        ),
    )


RECIPES = (tiny,)
