"""Recipes that train every kind of network on the bundled sample in seconds, for tests and for trying out the trainer."""

from aatviz.recipes.spec import AttackSpec, Job, Method, Recipe

_SHARED = "../tiny/shared.safetensors"
_ATTACK = AttackSpec(eps=0.3, step_size=0.1, steps=3, random_start=True)


def _job(
    name: str,
    method: Method,
    outputs: int,
    seed: int,
    target: int | None = None,
    start_from: str | None = None,
    evaluations: int = 2,
) -> Job:
    return Job(
        name=name,
        method=method,
        width=32,
        outputs=outputs,
        target=target,
        start_from=start_from,
        shift=1,
        steps=12,
        batch=64,
        learning_rate=1e-3,
        attack=None if method == "natural" else _ATTACK,
        ramp=0.3,
        mixed_eps=0.25,
        validation_attack=_ATTACK,
        validation_count=20,
        evaluations=evaluations,
        seed=seed,
    )


def tiny() -> Recipe:
    """A shared bank and the two classifiers."""
    return Recipe(
        name="tiny",
        system="tiny",
        dataset="mnist-sample",
        norm="Linf",
        eps=0.3,
        about="A few steps on the bundled sample; it works, and that is all.",
        jobs=(
            _job("shared", "aat_shared", outputs=10, seed=1),
            _job("classifier", "natural", outputs=10, seed=3),
            _job("stage/robust", "madry", outputs=10, seed=4),
            _job("robust", "madry", outputs=10, seed=5, start_from="stage/robust.safetensors"),
        ),
    )


def tiny_separate() -> Recipe:
    """Ten separate detectors, finetuned from the shared bank of `tiny`."""
    return Recipe(
        name="tiny-separate",
        system="tiny-separate",
        dataset="mnist-sample",
        norm="Linf",
        eps=0.3,
        about="Ten separate detectors after a few steps on the bundled sample.",
        jobs=tuple(_job(f"detector-{k}", "aat", 1, 10 + k, target=k, start_from=_SHARED, evaluations=1) for k in range(10)),
        classifiers_from="tiny",
    )


RECIPES = (tiny, tiny_separate)
